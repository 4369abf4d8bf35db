"""Named settings of fits: the published recipe, and the fast one."""

from typing import NamedTuple

from nasdip.errors import NasdipError
from nasdip.network.build import DEFAULT_WIDTH
from nasdip.prior.config import FitConfig


class Recipe(NamedTuple):
    """How to fit: the settings of a fit, and the width (channels) of networks that leave it open."""

    name: str
    summary: str
    config: FitConfig
    width: int


PUBLISHED = Recipe("published", "as published for denoising", FitConfig(), DEFAULT_WIDTH)
# experiments/benchmarks/time_to_quality.py measures what it gains.
FAST = Recipe(
    "fast",
    "the quality of the published one in a fraction of its time",
    FitConfig(
        steps=500,
        learning_rate=0.02,
        warm_up=50,
        second_moment=0.9,
        input_noise=0.04,
        average_span=0.1,
        precision="auto",
    ),
    48,
)
RECIPES = {recipe.name: recipe for recipe in (PUBLISHED, FAST)}


def find_recipe(name: str) -> Recipe:
    """Return the recipe `name`; NasdipError names the known ones."""
    if name not in RECIPES:
        raise NasdipError(f"unknown recipe '{name}': use one of {', '.join(RECIPES)}")
    return RECIPES[name]
