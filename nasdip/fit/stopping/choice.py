"""The stopping rules by name."""

from collections.abc import Callable

from nasdip.errors import NasdipError
from nasdip.fit.stopping.heldout import HeldOut
from nasdip.fit.stopping.moving_variance import MovingVariance
from nasdip.fit.stopping.reference import Reference
from nasdip.fit.stopping.residual import ResidualWhiteness
from nasdip.fit.stopping.rule import Scene, StopRule
from nasdip.fit.stopping.sure import Sure

FIXED = "fixed"  # no rule: all steps are taken, and the last one's image is kept
RULES: dict[str, Callable[[Scene], StopRule]] = {
    "reference": Reference,
    "heldout": HeldOut,
    "sure": Sure,
    "es-wmv": MovingVariance,
    "whiteness": ResidualWhiteness,
}


def make_rule(name: str, scene: Scene) -> StopRule:
    """Return the rule `name` for a fit; NasdipError where it is unknown, or lacks what it needs."""
    if name not in RULES:
        raise NasdipError(f"unknown stopping rule '{name}': use one of {', '.join((*RULES, FIXED))}")
    return RULES[name](scene)


def needs_twin(name: str) -> bool:
    """Whether a rule needs a second fit beside the first."""
    return RULES.get(name) is Sure
