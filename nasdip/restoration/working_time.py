"""How long a restoration takes, estimated before it starts."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from nasdip.classical.error_estimate import MOST_PIXELS
from nasdip.options.fit import FitConfig
from nasdip.options.stopping_rules import STOPPING_RULES
from nasdip.records.restoration_folder import RestorationFolder

if TYPE_CHECKING:
    from nasdip.restoration.plan import Plan

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


def working_time(plan: "Plan", folder: RestorationFolder | None, reference_seconds: Callable[[], float]) -> WorkingTime:
    """Return the time of what is to be done of a restoration.

    `folder` may hold an earlier start; `reference_seconds` measures those of the reference, where it matters.
    """
    config, passes = plan.task.config, _passes(plan, folder)
    step = _networks(config) * plan.tiles.estimate.seconds(plan.missing)
    return WorkingTime(step, config.steps, passes * reference_seconds() if passes else 0.0)


def _networks(config: FitConfig) -> int:
    """Return how many networks a fit trains at once: its rule may need a second one.

    Examples
    --------
    >>> [_networks(FitConfig(stop=rule)) for rule in ("sure", "reference", "fixed")]
    [2, 1, 1]
    """
    rule = STOPPING_RULES.get(config.stop)
    return 2 if rule is not None and rule.perturbed_fit else 1


def _passes(plan: "Plan", folder: RestorationFolder | None) -> float:
    """Return how many times as long as the reference the estimates without a network take, itself included."""
    task = plan.task
    if not task.needs_reference:
        return 0.0
    made = plan.resumed and folder is not None and folder.has_reference()
    height, width = task.measurement.pixels.shape[:2]
    expected = _PASSES * min(1.0, MOST_PIXELS / (height * width))
    return (0 if made else 1) + (0 if task.measurement.contradicted else expected)
