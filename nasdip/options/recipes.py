"""Named settings of fits: the published recipe, and the fast one. No torch here."""

import math
from dataclasses import replace
from typing import NamedTuple

from nasdip.errors import NasdipError
from nasdip.options.fit import FitConfig

_ROOM = 2  # times the usual steps, where a rule watches


class Recipe(NamedTuple):
    """How to fit, for all images and architectures.

    Attributes
    ----------
    name : str
        What people call it.
    config : FitConfig
        The settings of a fit; its steps are those for the smallest images.
    width : int
        Channels of networks that leave it open.
    steps_per_px : float
        Steps for each px of an image's side; larger images take longer to be fitted. 0: the same for all.
    most_steps : int
        Steps that no image needs more of. Where a stopping rule watches, fits may take twice the steps that are usual.
    """

    name: str
    config: FitConfig
    width: int
    steps_per_px: float
    most_steps: int

    def settings(
        self,
        height: int,
        width: int,
        *,
        steps: int | None = None,
        precision: str | None = None,
        stop: str | None = None,
        steps_factor: float = 1.0,
    ) -> FitConfig:
        """Return the settings for an image (or tile) of height x width px, with those that are given.

        `steps_factor` is the operator's (`nasdip.measurement.operators.operator`).

        Examples
        --------
        >>> [FAST.settings(side, side).steps for side in (32, 128, 256, 2048)]
        [400, 800, 1600, 3200]
        >>> FAST.settings(128, 128, stop="fixed").steps
        400
        >>> PUBLISHED.settings(128, 128, precision="bf16").steps
        1200
        """
        if steps is None:
            wanted = 50 * round(self.steps_per_px * math.sqrt(height * width) / 50)
            usual = min(max(wanted, self.config.steps), self.most_steps)
            steps = round(steps_factor * (usual if (stop or self.config.stop) == "fixed" else _ROOM * usual))
        warm_up = min(self.config.warm_up, steps // 4)  # a short fit gets to its learning rate as well
        return replace(
            self.config,
            steps=steps,
            warm_up=warm_up,
            precision=precision or self.config.precision,
            stop=stop or self.config.stop,
        )


PUBLISHED = Recipe("published", FitConfig(), 128, 0.0, 1200)
# experiments/benchmarks/time_to_quality.py measures what it gains.
FAST = Recipe(
    "fast",
    FitConfig(
        steps=200,
        learning_rate=0.02,
        warm_up=50,
        second_moment=0.9,
        input_noise=0.04,
        average_span=0.1,
        stop="auto",
        precision="auto",
    ),
    48,
    3.125,
    1600,
)
RECIPES = {recipe.name: recipe for recipe in (PUBLISHED, FAST)}
DEFAULT = FAST.name  # of `nasdip restore`, and of the last fit of a search


def find_recipe(name: str) -> Recipe:
    """Return the recipe `name`; NasdipError names the known ones."""
    if name not in RECIPES:
        raise NasdipError(f"unknown recipe '{name}': use {' or '.join(RECIPES)}")
    return RECIPES[name]
