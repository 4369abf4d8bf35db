"""Which trial is evaluated next, so that a search does not depend on how long its trials take."""

from collections.abc import Callable

from nasdip.errors import NasdipError
from nasdip.nas.backends.backend import TrialBackend, TrialJob
from nasdip.nas.ledger import Ledger
from nasdip.records.trial_result import Suggestion, TrialResult


class Schedule:
    """Runs the trials of a ledger that has a lag.

    A trial is judged by the curves of the trials up to its number less the lag, like its suggestion. One whose
    architecture an earlier trial is still trying waits for that result, which it then repeats.

    Parameters
    ----------
    trials : int
        Trials 1 to `trials` are to have results.
    notify : callable
        Called after each trial.
    enough : callable, optional
        Says, before each new suggestion, whether the trials that were suggested shall be all.
    """

    def __init__(
        self,
        ledger: Ledger,
        backend: TrialBackend,
        trials: int,
        notify: Callable[[TrialResult], None],
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ledger, self._backend, self._trials, self._notify = ledger, backend, trials, notify
        self._enough = enough
        self._running: set[int] = set()

    def run(self) -> int:
        """Run the trials that are missing, and return how many there are; every result is on disk when it comes.

        Raises
        ------
        NasdipError
            Where a trial that is missing can never begin.
        """
        while self._missing():
            self._begin_all()
            if self._running:
                result = self._backend.wait()
                self._running.discard(result.trial)
                self._take(result)
            elif self._missing():
                raise NasdipError(f"trial {self._missing()[0]} has no result and cannot begin: resume the search")
        return self._trials

    def _missing(self) -> list[int]:
        return sorted(set(range(1, self._trials + 1)) - self._ledger.results.keys())

    def _begin_all(self) -> None:
        while self._backend.is_free:
            suggestion = self._next()
            if suggestion is None:
                return
            self._running.add(suggestion.trial)
            self._backend.submit(self._job(suggestion))

    def _next(self) -> Suggestion | None:
        """Return the next trial to begin; None where one that runs must end before. Repeated ones are taken at once."""
        ledger = self._ledger
        waiting = self._running | {number for number in ledger.open if number > self._trials}
        while ledger.open.keys() - waiting or self._may_suggest():
            suggestion = ledger.suggest(waiting)
            known = ledger.repeated(suggestion)
            if known is not None:
                self._take(known)
            elif ledger.is_tried(suggestion):
                waiting.add(suggestion.trial)
            else:
                return suggestion
        return None

    def _may_suggest(self) -> bool:
        ledger = self._ledger
        if not (ledger.suggested < self._trials and ledger.may_propose):
            return False
        if self._enough():
            self._trials = ledger.suggested
        return ledger.suggested < self._trials

    def _job(self, suggestion: Suggestion) -> TrialJob:
        assert self._ledger.lag is not None
        last = suggestion.trial - self._ledger.lag
        return TrialJob(suggestion, {n: t.curve for n, t in self._ledger.results.items() if n <= last and t.curve})

    def _take(self, result: TrialResult) -> None:
        self._ledger.learn(result)
        self._notify(result)
