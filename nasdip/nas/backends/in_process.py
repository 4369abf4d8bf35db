"""One trial to evaluate, with all that is known for it; and evaluating it in this process."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch

from nasdip.nas.trial import run_trial
from nasdip.nas.trial_task import TrialTask, task_of
from nasdip.options.early_stop import EarlyStop
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import Curve, Suggestion, TrialResult
from nasdip.space.architecture import Architecture


class Job(NamedTuple):
    """A trial to evaluate, and the curves (by trial) that early stopping compares its own with."""

    suggestion: Suggestion
    others: Mapping[int, Curve]

    def to_json(self) -> dict[str, Any]:
        """Return the job as a JSON object."""
        return {"suggestion": list(self.suggestion), "others": {str(n): curve for n, curve in self.others.items()}}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Job":
        """Rebuild what `to_json` returned."""
        others = {int(number): tuple((int(s), float(r)) for s, r in curve) for number, curve in data["others"].items()}
        return Job(Suggestion(*data["suggestion"]), others)


class Evaluator(Protocol):
    """Whatever evaluates trials: this process, or others."""

    @property
    def is_free(self) -> bool:
        """Whether it can begin another trial now."""
        ...

    def submit(self, job: Job) -> None:
        """Begin a trial; only where it `is_free`."""
        ...

    def wait(self) -> TrialResult:
        """Return the result of a trial that has ended; only after `submit`."""
        ...


class Evaluation:
    """How the trials of a run are evaluated: read from its folder, so that every process finds the same."""

    def __init__(self, folder: RunFolder, device: torch.device) -> None:
        record = folder.record()
        self.task: TrialTask = task_of(record, *folder.images())
        self.early_stop: EarlyStop = record.settings.early_stop
        self.device = device

    def evaluate(self, job: Job) -> TrialResult:
        """Fit the architecture of a job, and return what it is worth."""
        number, text, diagnostics = job.suggestion

        def watch(curve: Curve) -> str | None:
            return self.early_stop.judge(curve, job.others, self.task.proxy.steps)

        return run_trial(number, Architecture.from_text(text), self.task, self.device, diagnostics, watch=watch)


class Here:
    """Evaluates trials in this process, one after the other."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._job: Job | None = None

    @property
    def is_free(self) -> bool:
        """Whether it can begin another trial now."""
        return self._job is None

    def submit(self, job: Job) -> None:
        """Take a trial, which `wait` evaluates."""
        self._job = job

    def wait(self) -> TrialResult:
        """Evaluate the trial that was taken."""
        assert self._job is not None
        result = self._evaluation.evaluate(self._job)
        self._job = None
        return result
