"""Is a run going on, finished or stopped?"""

from typing import Literal, NamedTuple

from nasdip.report.numbers.service import Service
from nasdip.report.numbers.source import Fit, SearchRun, Source
from nasdip.report.text.service import jobs_in_words
from nasdip.report.text.words import counted


class RunState(NamedTuple):
    """The state in a word, and in sentences; unfinished: files do not tell whether the fit is going on."""

    kind: Literal["running", "stopped", "unfinished", "finished"]
    sentences: tuple[str, ...]


def run_state(source: Source) -> RunState:
    """Judge the state of a run."""
    if source.search is not None:
        return search_state(source.search, source.fit)
    assert source.fit is not None
    return _fit_state(source.fit)


def _fit_state(fit: Fit) -> RunState:
    done = counted(fit.repetitions_done, "repetition")
    if fit.restoration is not None:
        return RunState("finished", (f"The restoration is finished: {done}.",))
    again = "If it was stopped, run its command again: finished repetitions are kept."
    return RunState("unfinished", (f"The restoration is not finished: {done} so far.", again))


def search_state(search: SearchRun, fit: Fit | None) -> RunState:
    """Judge the state of a search and its final fit."""
    sentences = [f"{progress(search)} done."]
    service = search.service
    if service is not None:
        sentences += _service_sentences(service)
    if _trials_are_done(search):
        if search.record.settings.final.steps == 0:
            alive = service is not None and service.alive
            return RunState("finished", (*sentences, "NNI still runs." if alive else "A final fit was not asked for."))
        if fit is not None and fit.restoration is not None:
            return RunState("finished", (*sentences, "The best architecture was fitted to the whole image."))
        sentences.append(f"The final fit to the whole image is not finished: {_fit_so_far(search, fit)}.")
    if search.running:
        return RunState("running", (*sentences, "Make the report again to see more."))
    return RunState("stopped", (*sentences, "No process works on it; it can be resumed where it stopped."))


def progress(search: SearchRun) -> str:
    """Return how many trials of how many are done, in words."""
    done = len(search.trials)
    return counted(done, "trial") if search.planned is None else f"{done} of {counted(search.planned, 'trial')}"


def _trials_are_done(search: SearchRun) -> bool:
    if search.service is not None and search.service.ended:
        return True
    return search.planned is not None and len(search.trials) >= search.planned


def _fit_so_far(search: SearchRun, fit: Fit | None) -> str:
    repeats = counted(search.record.settings.final.repeats, "repetition")
    return f"{fit.repetitions_done} of {repeats} done" if fit else "not started"


def _service_sentences(service: Service) -> list[str]:
    jobs = jobs_in_words(service)
    sentences = [f"NNI: {jobs}."] if jobs else []
    if service.ended:
        sentences.append("NNI's limit of jobs or time is reached.")
    elif service.status == "ERROR" and not service.failure:
        sentences.append("NNI says that the experiment ended with an error; its log folder tells more.")
    return sentences
