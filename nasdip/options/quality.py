"""How much a restoration may cost: presets. No torch here."""

from typing import NamedTuple

from nasdip.errors import NasdipError
from nasdip.options.recipes import PUBLISHED


class Quality(NamedTuple):
    """How many fits are made, and whether their mean is improved without a network (`restoration.combination`)."""

    repeats: int
    refine: bool


# experiments/benchmarks/quality.py measures what each costs and gains.
QUALITIES = {"fast": Quality(1, True), "balanced": Quality(3, True), "best": Quality(8, True)}
DEFAULT = "fast"


def find_quality(name: str | None, *, recipe: str, repeats: int | None = None, refine: bool | None = None) -> Quality:
    """Return the preset `name`, with the number of fits and the refinement that a person asked for, if any.

    None is the default; for the published recipe it is one fit and no more, as published.

    Examples
    --------
    >>> find_quality(None, recipe="fast"), find_quality(None, recipe="published")
    (Quality(repeats=1, refine=True), Quality(repeats=1, refine=False))
    >>> find_quality("best", recipe="fast", repeats=4)
    Quality(repeats=4, refine=True)
    """
    if name is None and recipe == PUBLISHED.name:
        chosen = Quality(1, False)
    elif (name or DEFAULT) in QUALITIES:
        chosen = QUALITIES[name or DEFAULT]
    else:
        raise NasdipError(f"unknown quality '{name}': use {', '.join(QUALITIES)}")
    return Quality(chosen.repeats if repeats is None else repeats, chosen.refine if refine is None else refine)
