"""What a search's searcher proposed and learned, on disk after every step, whoever runs the trials."""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile

from nasdip.errors import NasdipError
from nasdip.nas.warm_start import warm_start
from nasdip.options.early_stop import expected_end, reward_at, smaller_reward
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import Suggestion, TrialResult
from nasdip.searchers.registry import make_searcher
from nasdip.searchers.searcher import OtherState, Outcome, Searcher
from nasdip.searchers.state import SearcherState
from nasdip.space.architecture import Architecture

_log = logging.getLogger("nasdip")


class Ledger:
    """The searcher of a run with its open suggestions and its results.

    Suggestions may be many at once, and results may come late, in any order and more than once. Every result is
    written before the searcher learns from it, and the searcher's state, with its open suggestions, after every
    step; so a process killed at any moment goes on as if nothing had happened. A trial whose result is gone from the
    folder is suggested again.

    Parameters
    ----------
    folder : RunFolder
        Of a run that was started; its lock must be held.
    lag : int or None
        The searcher learns in the order of the trials, and trial t is suggested when it has learned from trials 1 to
        t - lag and from no others: what is suggested does not depend on which result comes first. Results that come
        before their turn are on disk, and wait. None: it learns in the order in which results come.

    Attributes
    ----------
    results : dict of int to TrialResult
        By number of the trial.
    open : dict of int to Suggestion
        Those without a result.
    """

    def __init__(self, folder: RunFolder, lag: int | None = None) -> None:
        self.folder, self.lag = folder, lag
        self.results = {result.trial: result for result in folder.trials()}
        self.open: dict[int, Suggestion] = {}
        # The order of events: n for trial n suggested, -n for its result learned.
        self._journal: list[int] = []
        # The last trial of a state that cannot be gone on with.
        self._known = 0
        self._candidates = folder.record().settings.candidates
        self._searcher = self._new_searcher()
        self._read_state()
        if not self._journal:
            self._searcher.warm_start(warm_start(folder))
        # A kill may have come between a result and the state.
        self.open = {number: s for number, s in self.open.items() if number not in self.results}
        self._catch_up()
        self.folder.write_tables(self.trials)

    @property
    def trials(self) -> list[TrialResult]:
        """All results, by number."""
        return [self.results[number] for number in sorted(self.results)]

    @property
    def journal(self) -> tuple[int, ...]:
        """The order of events: n where trial n was suggested, -n where the searcher learned its result."""
        return tuple(self._journal)

    @property
    def suggested(self) -> int:
        """The number of the last trial that was suggested; 0 before the first."""
        return max((abs(event) for event in self._journal), default=0)

    @property
    def may_propose(self) -> bool:
        """Whether the searcher has learned what it must know to suggest a new trial."""
        return self.lag is None or self._learned.issuperset(range(1, self.suggested + 2 - self.lag))

    def suggest(self, out: Collection[int] = ()) -> Suggestion:
        """Return the oldest open suggestion that is not `out` (being tried), else a new one, where it `may_propose`."""
        waiting = [number for number in sorted(self.open) if number not in out]
        if waiting:
            return self.open[waiting[0]]
        suggestion = self._propose()
        self._save()
        self._catch_up()
        return suggestion

    def is_tried(self, suggestion: Suggestion) -> bool:
        """Whether an earlier trial, without a result so far, has the same architecture."""
        earlier = (other for other in self.open.values() if other.trial < suggestion.trial)
        return any(other.architecture == suggestion.architecture for other in earlier)

    def repeated(self, suggestion: Suggestion) -> TrialResult | None:
        """Return the result of an earlier trial with the same architecture as this one's; None where there is none."""
        earlier = next((t for t in self.trials if t.architecture == suggestion.architecture and t.status == "ok"), None)
        if earlier is None:
            return None
        return replace(
            earlier,
            trial=suggestion.trial,
            status="repeated",
            repeat_of=earlier.trial,
            seconds=0.0,
            diagnostics=suggestion.diagnostics,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            steps=None,
            curve=(),  # early stopping compares with fits, once each
            job=None,
        )

    def learn(self, result: TrialResult) -> bool:
        """Take a result, once; return whether it was new. NasdipError where nobody suggested what it evaluated."""
        if result.trial in self.results:
            return False
        suggestion = self.open.get(result.trial)
        if suggestion is None or suggestion.architecture != result.architecture:
            raise NasdipError(f"nobody asked for {result.architecture} as trial {result.trial}: its result is left out")
        self.folder.write_trial(result)
        self.results[result.trial] = result
        del self.open[result.trial]
        self._catch_up()
        self.folder.write_tables(self.trials)
        return True

    def _catch_up(self) -> None:
        """Let the searcher learn what it should know by now; where its state was lost, suggest again what it had.

        With a lag, a result that is missing is waited for, so that the same is suggested. Without, as if each trial
        had waited for the one before.
        """
        self._learn_due()
        while self.suggested < max(self._known, *self.results, 0) and self.may_propose:
            self._propose()
            self._learn_due()

    def _learn_due(self) -> None:
        for number in self._due():
            result = self.results[number]
            architecture = result.architecture
            # A candidate may be of no use to the searcher.
            if number > len(self._candidates) or self._searcher.space.holds(architecture):
                self._searcher.update([Outcome(architecture, self._worth(result))])
            self._journal.append(-number)
            self._save()

    def _worth(self, result: TrialResult) -> float:
        """Return the reward that the searcher is told: of a trial that was stopped, the one expected at its end.

        By the trials that it has learned from and that were fitted to the end: a line through their rewards over what
        they had when this one was stopped (in the smaller fit, or at that step).
        """
        if result.status != "stopped" or not result.curve:
            return result.reward
        step, reward = result.curve[0] if smaller_reward(result.curve) is not None else result.curve[-1]
        others = [self.results[number] for number in sorted(self._learned)]
        pairs = [(reward_at(other.curve, step), other.reward) for other in others if other.status == "ok"]
        return expected_end(reward, [(then, end) for then, end in pairs if then is not None])

    def _due(self) -> list[int]:
        """Return the trials whose results the searcher should learn from now, in order."""
        missing = sorted(set(range(1, self.suggested + 2 - (self.lag or 1))) - self._learned)
        if self.lag is None:
            return [number for number in missing if number in self.results]
        return list(takewhile(self.results.__contains__, missing))

    def _propose(self) -> Suggestion:
        diagnostics = self._searcher.diagnostics()
        number = 1 + self.suggested
        given = self._candidates[number - 1 : number]
        architecture = Architecture.from_text(given[0]) if given else self._searcher.suggest(1)[0]
        suggestion = Suggestion(number, architecture, diagnostics)
        if number not in self.results:
            self.open[number] = suggestion
        self._journal.append(number)
        return suggestion

    @property
    def _learned(self) -> set[int]:
        return {-event for event in self._journal if event < 0}

    def _new_searcher(self) -> Searcher:
        settings = self.folder.record().settings
        return make_searcher(settings.searcher, self.folder.space(), seed=settings.seed, **settings.searcher_settings)

    def _read_state(self) -> None:
        """Read what was saved; nothing where it is not there, or is of trials whose results are gone."""
        state = SearcherState.read(self.folder.searcher_file) if self.folder.searcher_file.exists() else None
        if state is None or "journal" not in state.meta:
            return
        journal = [int(event) for event in state.meta["journal"]]
        suggestions = {s.trial: s for s in map(Suggestion.from_json, state.meta["open"])}
        lost = sorted({event for event in journal if event > 0} - self.results.keys() - suggestions.keys())
        if lost:
            numbers = ", ".join(map(str, lost))
            _log.warning("%s lacks results of trials that ended (%s): they are run again", self.folder.path, numbers)
            self._known = max(journal)
            return
        try:
            self._searcher.load(state)
        except OtherState as error:
            _log.warning("%s: what it learned is learned anew from the results (%s)", self.folder.path, error)
            self._known = max(journal, default=0)
            return
        self._journal, self.open = journal, suggestions

    def _save(self) -> None:
        state = self._searcher.dump()
        meta = {**state.meta, "journal": self._journal, "open": [s.to_json() for s in self.open.values()]}
        SearcherState(meta, state.tensors).save(self.folder.searcher_file)
