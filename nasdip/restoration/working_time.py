"""How long a restoration takes, estimated before it starts."""

from collections.abc import Callable
from typing import NamedTuple

from nasdip.classical.error_estimate import MOST_PIXELS
from nasdip.fit.stopping.choice import needs_twin
from nasdip.options.fit import FitConfig
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.run import Plan
from nasdip.restoration.task import Task

# Estimates without a network that the expected error takes, each about as long as the reference.
_EXPECTATION = 2


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
    task: Task, plan: Plan, folder: RestorationFolder | None, reference_seconds: Callable[[], float]
) -> WorkingTime:
    """Return the time of what is to be done of a restoration.

    `folder` may hold an earlier start; `reference_seconds` measures those of the reference, where it matters.
    """
    passes = _passes(task, plan, folder)
    step = _networks(task.config) * plan.tiles.estimate.seconds(plan.missing)
    return WorkingTime(step, task.config.steps, passes * reference_seconds() if passes else 0.0)


def _networks(config: FitConfig) -> int:
    """Return how many networks a fit trains at once: its rule may need a twin.

    Examples
    --------
    >>> [_networks(FitConfig(stop=rule)) for rule in ("sure", "reference", "fixed")]
    [2, 1, 1]
    """
    return 2 if needs_twin(config.stop) else 1


def _passes(task: Task, plan: Plan, folder: RestorationFolder | None) -> float:
    """Return how many times as long as the reference the estimates without a network take, itself included."""
    if not task.needs_reference:
        return 0.0
    made = plan.resumed and folder is not None and folder.has_reference()
    height, width = task.observation.pixels.shape[:2]
    expectation = _EXPECTATION * min(1.0, MOST_PIXELS / (height * width))
    return (0 if made else 1) + (0 if task.observation.contradicted else expectation)
