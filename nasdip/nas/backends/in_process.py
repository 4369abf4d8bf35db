"""Trials in this process, one after the other."""

import torch

from nasdip.nas.backends.backend import TrialJob
from nasdip.nas.trial import run_trial
from nasdip.nas.trial_task import TrialTask, task_of
from nasdip.options.early_stop import Curve, EarlyStop
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult


class Evaluation:
    """How the trials of a run are evaluated: read from its folder, so that every process finds the same."""

    def __init__(self, folder: RunFolder, device: torch.device) -> None:
        record = folder.record()
        self.task: TrialTask = task_of(record, *folder.images(), folder.mask())
        self.early_stop: EarlyStop = record.settings.early_stop
        self.device = device

    def evaluate(self, job: TrialJob) -> TrialResult:
        """Fit the architecture of a job, and return what it is worth."""

        def watch(curve: Curve) -> str | None:
            return self.early_stop.judge(curve, job.others, self.task.proxy.steps)

        number, architecture, diagnostics = job.suggestion
        return run_trial(number, architecture, self.task, self.device, diagnostics, watch=watch)


class InProcessBackend:
    """Evaluates trials in this process, one after the other."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._job: TrialJob | None = None

    @property
    def is_free(self) -> bool:
        """Whether it can begin another trial now."""
        return self._job is None

    def submit(self, job: TrialJob) -> None:
        """Take a trial, which `wait` evaluates."""
        self._job = job

    def wait(self) -> TrialResult:
        """Evaluate the trial that was taken."""
        assert self._job is not None
        result = self._evaluation.evaluate(self._job)
        self._job = None
        return result
