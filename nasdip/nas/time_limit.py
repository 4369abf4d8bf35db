"""Keeping a search within its budget of time: when it begins no more trials, and how long its last fit may be."""

import math
import time
from collections.abc import Callable, Iterable
from statistics import mean

import numpy as np
import torch

from nasdip.classical.reference import reference_seconds
from nasdip.fit.cost import estimate_fit
from nasdip.measurement.measure import measurement_of
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult
from nasdip.restoration.planned import Plan

# Trials that are begun whatever the time: no search is less.
LEAST_TRIALS = 6
# Of the budget, which the last fit leaves to the trials.
_SHARE_OF_TRIALS = 0.35
# Of the budget, for reading the image before, and the report after.
_AROUND = 0.03
# Of the most steps of the last fit: where rules end many fits, and what a fit that is cut is left. With fewer it loses
# more than a search gains (`experiments/benchmarks/README.md`).
_USUAL, _LEAST = 0.4, 1 / 3
# Of an estimated step: on large maps it may take so many times as long.
_LONGER = 1.15
# The estimates without a network take so many times as long as the reference.
_ESTIMATES = 3
# Architectures whose step is measured.
_SAMPLES = 3


class TimeLimit:
    """The budget of a search, from the moment at which this is made on; it has one where `of` returns it.

    Parameters
    ----------
    folder : RunFolder
        Of a run whose settings have a budget. What earlier starts spent on trials counts.
    seconds : float
        The budget.
    clock : callable
        Returns seconds.
    """

    def __init__(self, folder: RunFolder, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self.seconds = clock, seconds
        parallel = folder.record().settings.parallel or 1
        self._end = clock() + (1 - _AROUND) * seconds - sum(trial.seconds for trial in folder.trials()) / parallel
        self._reserve = 0.0

    @classmethod
    def of(cls, folder: RunFolder) -> "TimeLimit | None":
        """Return the limit of a run, from now on; None where it has no budget."""
        budget = folder.record().settings.budget
        return None if budget is None else cls(folder, budget)

    @property
    def left(self) -> float:
        """Seconds that are left of the budget; below 0 when it is spent."""
        return self._end - self._clock()

    def measure(self, folder: RunFolder, device: torch.device) -> None:
        """Measure what the last fit is likely to take, up to most of the budget, and keep that free."""
        final = folder.record().settings.final
        if not final.steps:
            return
        space, rng, noisy = folder.space(), np.random.default_rng(1), folder.images()[0]
        height, width, channels = noisy.shape
        config = final.config(noisy.shape)
        samples = [space.sample(rng) for _ in range(_SAMPLES)]
        steps = [estimate_fit(a, (height, width, channels), config, width=final.width, device=device) for a in samples]
        fits = _LONGER * final.repeats * mean(cost.seconds(config.steps) for cost in steps)
        fits *= 1.0 if config.stop == "fixed" else _USUAL
        others = _ESTIMATES * reference_seconds(
            measurement_of(noisy, known=folder.mask()), workers=torch.get_num_threads()
        )
        self._reserve = min(fits + others, (1 - _SHARE_OF_TRIALS) * self.seconds)

    def forbids(self, done: Iterable[TrialResult]) -> bool:
        """Whether one more trial, as long as those that are done, would take time that the last fit needs."""
        seconds = [trial.seconds for trial in done if trial.repeat_of is None]
        return len(seconds) >= LEAST_TRIALS and self.left - self._reserve < mean(seconds)

    def steps(self, plan: Plan, folder: RestorationFolder) -> int:
        """Return the steps that the last fit may take: all, or as many as keep the budget, where that helps.

        A fit which would need fewer than a third of its most steps cannot keep it, and is not cut.
        """
        most, allowed = plan.task.config.steps, self._allowed(plan, folder)
        return math.floor(allowed) if _LEAST * most <= allowed < most else most

    def is_short(self, plan: Plan, folder: RestorationFolder) -> bool:
        """Whether the last fit, as it is planned, is likely to take longer than is left."""
        return self._allowed(plan, folder) < _USUAL * plan.task.config.steps

    def _allowed(self, plan: Plan, folder: RestorationFolder) -> float:
        """Return the steps for which there is time."""
        cost = plan.time(folder)
        return (self.left - cost.others) / (_LONGER * cost.step) if cost.step else math.inf
