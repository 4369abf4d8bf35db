"""Untrained networks, restoring as `nasdip restore` does by default, but for the held-out pixels."""

from dataclasses import replace

import numpy as np
import torch

from nasdip.comparison.heldout import without
from nasdip.comparison.runner import Restored, Tell
from nasdip.comparison.settings import Settings
from nasdip.imaging.observation import Observation
from nasdip.imaging.reference import make_reference
from nasdip.prior.combination import combine
from nasdip.prior.device import find_device
from nasdip.prior.loop import FitProgress
from nasdip.prior.quality import find_quality
from nasdip.prior.recipes import FAST
from nasdip.prior.repetition import fit_repetition
from nasdip.prior.restoration import Plan, plan_restoration
from nasdip.prior.stopping.automatic import choose_stop
from nasdip.prior.task import Task, make_task
from nasdip.prior.tile_choice import fitted_size
from nasdip.zoo.catalog import zoo_entry


def prior_task(entry: str, settings: Settings, observation: Observation) -> Task:
    """Return the task of `nasdip restore` for an architecture of the zoo."""
    size = fitted_size(observation.pixels.shape, "auto")
    config = FAST.settings(*size, steps=settings.steps, stop=choose_stop(FAST.config.stop, observation))
    return make_task(
        observation,
        zoo_entry(entry).architecture,
        config,
        width=settings.width or FAST.width,
        seed=settings.seed,
        device=find_device(settings.device),
        refine=find_quality(None, recipe=FAST.name).refine,
    )


def prior_plan(task: Task) -> Plan:
    """Return how a task is fitted: as a whole, or in tiles that fit into the memory."""
    return plan_restoration(task, repeats=1, tile="auto")


class PriorRunner:
    """One fit of an untrained network, and what `nasdip restore` makes of it.

    A second fit would double the time. Instead the held-out pixels do not count in the only fit, and what is combined
    with it to restore the picture is made of all pixels, that for the prediction without them. The stopping rule knows
    the reference of all pixels: it chooses one number.
    """

    def __init__(self, entry: str, settings: Settings, observation: Observation, heldout: np.ndarray) -> None:
        self._task = prior_task(entry, settings, observation)
        self._plan = prior_plan(self._task)
        self._heldout = heldout
        self._fitted = np.zeros(0)

    def restore(self, tell: Tell) -> Restored:
        """Fit, and combine."""
        observation = self._with_reference(self._task.observation)
        task = replace(self._task, observation=self._hidden(observation))
        tiling = self._plan.tiles.tiling

        def notify(where: FitProgress) -> None:
            tell(where.step, where.steps, f"loss {where.loss:.3g}")

        self._fitted = fit_repetition(task, tiling, 1, notify=notify).averaged
        made = combine(observation, self._fitted, refine=self._task.refine)
        return Restored(made.image, made.seen)

    def predict(self, tell: Tell) -> np.ndarray:
        """Combine the same fit with a reference that does not know the held-out pixels either."""
        whole = self._task.observation
        blind = self._with_reference(replace(whole, pixels=without(whole, self._heldout)))
        return combine(self._hidden(blind), self._fitted, refine=self._task.refine).seen

    def _hidden(self, observation: Observation) -> Observation:
        """Return the observation with held-out pixels that tell nothing: they have no weight in a loss."""
        known = ~self._heldout
        return replace(observation, known=known if observation.known is None else known & observation.known)

    def _with_reference(self, observation: Observation) -> Observation:
        if not self._task.needs_reference:
            return observation
        return replace(observation, reference=make_reference(observation, workers=torch.get_num_threads()))
