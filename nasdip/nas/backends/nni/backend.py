"""NNI's jobs as a trial backend: they are given trials when they ask, and their results are found wherever they are.

Results come from what jobs report through NNI, from NNI's database, and from the file that every job writes itself.
Each is known by its own number and architecture; which of NNI's jobs brought it does not matter, since NNI gives
parameters to whichever job asks first.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from nasdip.errors import NasdipError
from nasdip.nas.backends.backend import TrialJob
from nasdip.nas.backends.nni.experiment import ExperimentFiles, NniJob
from nasdip.nas.backends.nni.messages import Child, TrialRequest, entry_to_result, metric_to_entry, trials_in
from nasdip.nas.backends.nni.notes import ServiceNotes, log
from nasdip.options.early_stop import Curve
from nasdip.records.trial_result import Suggestion, TrialResult

_CAUSES = {
    "FAILED": "the trial's process ended with an error",
    "USER_CANCELED": "the trial's process was killed (by the system for want of memory, or by a person)",
    "SYS_CANCELED": "the service cancelled the trial",
    "EARLY_STOPPED": "the trial was stopped before it had a result",
    "SUCCEEDED": "the trial's process ended without a result",
}
_TIMED_OUT = "the trial ran longer than maxTrialDuration and had no result"
_POLL_SECONDS = 0.5

# Returns the result of an earlier trial with the same architecture as this one's; None where there is none.
Repeated = Callable[[Suggestion], TrialResult | None]


class NniBackend:
    """The jobs of an experiment.

    NNI asks for trials, rather than being given them: what is submitted waits for `request`.

    Parameters
    ----------
    experiment : ExperimentFiles
        Whose jobs they are.
    notes : ServiceNotes
        What `nasdip status` and the report are told.
    started : float
        When this process started (seconds since 1970): jobs that changed later are under way.

    Attributes
    ----------
    open : dict of int to Suggestion
        Trials without a result, by number.
    given : set of int
        Those of them that a job was given.
    running : dict of int to Curve
        The curves so far of those under way.
    stop_causes : dict of int to str
        Why trials were asked to stop.
    """

    def __init__(self, experiment: ExperimentFiles, notes: ServiceNotes, started: float) -> None:
        self._experiment, self._notes, self._started = experiment, notes, started
        self.open: dict[int, Suggestion] = {}
        self.given: set[int] = set()
        self.running: dict[int, Curve] = {}
        self.stop_causes: dict[int, str] = {}
        self._repeated: Repeated = lambda suggestion: None
        self._waiting: deque[Suggestion] = deque()
        self._results: deque[TrialResult] = deque()
        self._settled: set[str] = set()

    def resume(self, suggestions: Iterable[Suggestion], repeated: Repeated) -> None:
        """Take over trials that were suggested before this process; those that NNI runs again by itself are given."""
        self._repeated = repeated
        self.open |= {suggestion.trial: suggestion for suggestion in suggestions}
        self.reconcile()
        for job in self._experiment.jobs():
            if not job.ended and job.changed >= self._started - 1:
                self.given |= trials_in(job.parameters) & set(self.open)

    @property
    def is_free(self) -> bool:
        """Whether no trial waits for a job that asks."""
        return not self._waiting

    def submit(self, job: TrialJob) -> None:
        """Let a trial wait for the next job that asks."""
        self.open[job.suggestion.trial] = job.suggestion
        self.given.add(job.suggestion.trial)
        self._waiting.append(job.suggestion)

    def request(self, task: str, device: str) -> TrialRequest:
        """Return what the job that asks is to do: all trials that wait, for the `task` in a file, on a device."""
        children = []
        while self._waiting:
            suggestion = self._waiting.popleft()
            known = self._repeated(suggestion)
            children.append(Child(suggestion.trial, suggestion.architecture, known.reward if known else None))
        return TrialRequest(children, task, device)

    def wait(self) -> TrialResult:
        """Return the result of a trial that has ended, looking for it now and then."""
        while not self._results:
            self.reconcile()
            if not self._results:
                time.sleep(_POLL_SECONDS)
        return self._results.popleft()

    def pending(self) -> list[TrialResult]:
        """Return the results that were found and not returned yet."""
        found = list(self._results)
        self._results.clear()
        return found

    def take(self, value: Any, job: str | None = None) -> None:
        """Take a result that a job reported; what is known, a point of a curve, or not ours is left out."""
        entry = metric_to_entry(value)
        suggestion = None if entry is None else self.open.get(entry["trial"])
        if entry is None or suggestion is None or self._is_of_an_earlier_stop(entry):
            return
        try:
            self._found(self._read(entry, suggestion, job))
        except NasdipError as error:
            log.error("a result of trial %s was left out: %s", suggestion.trial, error)

    def take_of(self, job: str) -> None:
        """Take all that a job has reported so far."""
        for value in (*self._experiment.metrics(job), *self._experiment.report(job).get("results", [])):
            self.take(value, job)

    def reconcile(self) -> None:
        """Compare with NNI's records: take results that did not arrive, and record trials that never will have one."""
        jobs = self._experiment.jobs()
        for job in jobs:
            if job.ended and job.id not in self._settled:
                self._settle(job, [other for other in jobs if not other.ended])
                self._settled.add(job.id)

    def _settle(self, job: NniJob, live: list[NniJob]) -> None:
        """Take the results of a job that is over, and record those of its trials which have none.

        What another `live` job works on has a result to come.
        """
        self.take_of(job.id)
        report = self._experiment.report(job.id)
        partial = report.get("partial")
        if partial and (self._experiment.timed_out(job) or partial["trial"] in self.stop_causes):
            self.take(partial, job.id)  # it was asked to stop, and killed before it could report
        begun, elsewhere = self._begun(job.id), {n for other in live for n in self._given_to(other)}
        for number in sorted((begun & set(self.open)) - elsewhere):
            self._found(self._without_result(number, job))
        if not begun and not report.get("results"):
            # It died before it took an architecture: that one has still to be tried.
            self._notes.lost.append({"job": job.id, "cause": self._cause(job)})
            log.error("job %s took no architecture: %s", job.id, self._notes.lost[-1]["cause"])
        # What it was given and did not begin has still to be tried.
        self.given -= self._given_to(job) - elsewhere

    def _begun(self, job: str) -> set[int]:
        """Return the trials that a job has begun, by its own words."""
        told = {v["trial"] for v in self._experiment.metrics(job) if isinstance(v, dict) and "trial" in v}
        return {n for n in (*told, *self._experiment.report(job).get("begun", [])) if isinstance(n, int)}

    def _given_to(self, job: NniJob) -> set[int]:
        """Return the trials that a job was given; NNI's record of that is right where parameters are bound."""
        own = {int(n) for n in self._experiment.report(job.id).get("trials", [])}
        return own | (trials_in(job.parameters) if self._notes.bound else set())

    def _found(self, result: TrialResult) -> None:
        if result.status == "stopped":
            cause = self.stop_causes.pop(result.trial, None) or self._why_stopped(result)
            result = TrialResult.from_json({**result.to_json(), "error": cause})
        self._results.append(result)
        del self.open[result.trial]
        self.given.discard(result.trial)
        self.running.pop(result.trial, None)

    def _why_stopped(self, result: TrialResult) -> str:
        job = next((job for job in self._experiment.jobs() if job.id == result.job), None)
        if job is not None and self._experiment.over_time(job, time.time()):
            limit = self._experiment.profile().get("maxTrialDuration")
            return f"stopped at step {result.steps}: its trial ran longer than maxTrialDuration ({limit})"
        return f"stopped at step {result.steps} by a person"

    def _is_of_an_earlier_stop(self, entry: Mapping[str, Any]) -> bool:
        """Whether a trial was stopped with an earlier process of this search (nnictl stop): NNI runs it again."""
        try:
            finished = datetime.fromisoformat(entry["finished"]).timestamp() if entry["status"] == "stopped" else None
        except (KeyError, TypeError, ValueError):
            return True
        return finished is not None and finished < self._started - 1

    def _read(self, entry: dict[str, Any], suggestion: Suggestion, job: str | None) -> TrialResult:
        known = self._repeated(suggestion) if entry["status"] == "repeated" else None
        if known is not None and entry.get("architecture") == str(suggestion.architecture):
            return known
        return entry_to_result({**entry, "job": entry.get("job") or job}, suggestion)

    def _without_result(self, number: int, job: NniJob) -> TrialResult:
        suggestion = self.open[number]
        cause = self._cause(job)
        log.error("trial %s failed: %s", number, cause)
        return TrialResult.failed(number, suggestion.architecture, cause, suggestion.diagnostics, job=job.id)

    def _cause(self, job: NniJob) -> str:
        words = self._experiment.last_words(job.id)
        cause = _TIMED_OUT if self._experiment.timed_out(job) else _CAUSES.get(job.status, f"NNI says {job.status}")
        return cause + (f": {words[:200]}" if words else "")
