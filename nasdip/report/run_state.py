"""Is a run going on, finished or stopped?"""

from typing import Literal, NamedTuple

from nasdip.report.source import Fit, SearchRun, Source
from nasdip.report.words import counted


class RunState(NamedTuple):
    """The state in a word, and in sentences; unfinished: files do not tell whether the fit is going on."""

    kind: Literal["running", "stopped", "unfinished", "finished"]
    sentences: tuple[str, ...]


def run_state(source: Source) -> RunState:
    """Judge the state of a run."""
    if source.search is not None:
        return _search_state(source.search, source.fit)
    assert source.fit is not None
    return _fit_state(source.fit)


def _fit_state(fit: Fit) -> RunState:
    done = counted(fit.repetitions_done, "repetition")
    if fit.restoration is not None:
        return RunState("finished", (f"The restoration is finished: {done}.",))
    again = "If it was stopped, run its command again: finished repetitions are kept."
    return RunState("unfinished", (f"The restoration is not finished: {done} so far.", again))


def _search_state(search: SearchRun, fit: Fit | None) -> RunState:
    settings = search.record.settings
    sentences = [f"{len(search.trials)} of {counted(settings.trials, 'trial')} done."]
    if len(search.trials) >= settings.trials:
        if settings.final.steps == 0:
            return RunState("finished", (*sentences, "A final fit was not asked for."))
        if fit is not None and fit.restoration is not None:
            return RunState("finished", (*sentences, "The best architecture was fitted to the whole image."))
        repeats = counted(settings.final.repeats, "repetition")
        so_far = f"{fit.repetitions_done} of {repeats} done" if fit else "not started"
        sentences.append(f"The final fit to the whole image is not finished: {so_far}.")
    if search.running:
        return RunState("running", (*sentences, "Make the report again to see more."))
    return RunState("stopped", (*sentences, "No process works on it; it can be resumed where it stopped."))
