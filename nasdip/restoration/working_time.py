"""How long a restoration takes, estimated before it starts."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from nasdip.classical.error_estimate import MOST_PIXELS
from nasdip.classical.reference import reference_seconds
from nasdip.options.fit import FitConfig
from nasdip.options.stopping_rules import STOPPING_RULES
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.fit_task import FitTask

# Estimates without a network that the expected error takes, each about as long as the reference.
_PASSES = 2


class WorkingTime(NamedTuple):
    """Estimated seconds of a restoration, all of whose fits take all of their steps: at most so many.

    Attributes
    ----------
    step : float
        Seconds of one step of each fit that is to be done, repetitions and tiles one after the other.
    steps : int
        Most steps of a fit.
    others : float
        Seconds of the estimates without a network.

    Examples
    --------
    >>> time = WorkingTime(step=0.25, steps=400, others=2.0)
    >>> time.fits, time.total
    (100.0, 102.0)
    """

    step: float
    steps: int
    others: float

    @property
    def fits(self) -> float:
        """Seconds of all fits."""
        return self.steps * self.step

    @property
    def total(self) -> float:
        """Seconds of all."""
        return self.fits + self.others


def working_time(
    task: FitTask, step: float, earlier: RestorationFolder | None, measure_reference: Callable[[], float]
) -> WorkingTime:
    """Return the time of what is to be done of a restoration, whose fits take `step` seconds for one step of each.

    `earlier` holds the start that is gone on with; `measure_reference` tells the seconds of the reference,
    where they matter.
    """
    passes = _passes(task, earlier)
    others = passes * measure_reference() if passes else 0.0
    return WorkingTime(_networks(task.config) * step, task.config.steps, others)


def seconds_of_reference(task: FitTask) -> float:
    """Measure how long the reference of a task takes here."""
    return reference_seconds(task.measurement, workers=torch.get_num_threads())


def _networks(config: FitConfig) -> int:
    """Return how many networks a fit trains at once: its rule may need a second one.

    Examples
    --------
    >>> [_networks(FitConfig(stop=rule)) for rule in ("sure", "reference", "fixed")]
    [2, 1, 1]
    """
    rule = STOPPING_RULES.get(config.stop)
    return 2 if rule is not None and rule.perturbed_fit else 1


def _passes(task: FitTask, earlier: RestorationFolder | None) -> float:
    """Return how many times as long as the reference the estimates without a network take, itself included."""
    if not task.needs_reference:
        return 0.0
    made = earlier is not None and earlier.has_reference()
    height, width = task.measurement.pixels.shape[:2]
    expected = _PASSES * min(1.0, MOST_PIXELS / (height * width))
    return (0 if made else 1) + (0 if task.measurement.contradicted else expected)
