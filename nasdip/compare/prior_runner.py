"""Untrained networks, fitted as `nasdip restore` does by default, but for the held-out pixels."""

from dataclasses import replace

import numpy as np
import torch

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import make_reference
from nasdip.compare.heldout import without
from nasdip.compare.runner import Restored, Tell
from nasdip.compare.settings import Settings
from nasdip.fit.device import find_device
from nasdip.fit.loop import FitProgress
from nasdip.fit.stopping.automatic import choose_stop
from nasdip.measurement.measurement import Observation
from nasdip.options.recipes import FAST
from nasdip.restoration.combination import combine
from nasdip.restoration.repetition import fit_repetition
from nasdip.restoration.run import Plan, plan_restoration
from nasdip.restoration.task import Task, make_task
from nasdip.restoration.tile_choice import fitted_size
from nasdip.zoo.catalog import zoo_entry


def prior_task(entry: str, settings: Settings, observation: Observation, *, refine: bool) -> Task:
    """Return the task of `nasdip restore` for an architecture of the zoo; of its fit alone without `refine`."""
    size = fitted_size(observation.pixels.shape, "auto")
    config = FAST.settings(*size, steps=settings.steps, stop=choose_stop(FAST.config.stop, observation))
    return make_task(
        observation,
        zoo_entry(entry).architecture,
        config,
        width=settings.width or FAST.width,
        seed=settings.seed,
        device=find_device(settings.device),
        refine=refine,
    )


def prior_plan(task: Task) -> Plan:
    """Return how a task is fitted: as a whole, or in tiles that fit into the memory."""
    return plan_restoration(task, repeats=1, tile="auto")


class PriorRunner:
    """One fit of an untrained network; with `refine`, what `nasdip restore` makes of it.

    A second fit would double the time. Instead the only one knows nothing of the held-out pixels: they have no weight
    in its loss, and the stopping rule's estimate is made without them. What is combined with it to restore the picture
    is an estimate of all pixels; for the prediction, that without them.
    """

    def __init__(
        self, entry: str, settings: Settings, observation: Observation, heldout: np.ndarray, *, refine: bool
    ) -> None:
        self._task = prior_task(entry, settings, observation, refine=refine)
        self._plan = prior_plan(self._task)
        blind = replace(observation, pixels=without(observation, heldout))
        known = ~heldout if observation.known is None else ~heldout & observation.known
        self._filled, self._hidden = blind, replace(blind, known=known)
        self._fitted = np.zeros(0)

    def restore(self, tell: Tell) -> Restored:
        """Fit, and combine."""
        self._hidden = replace(self._hidden, reference=self._reference(self._filled))
        task, tiling = replace(self._task, observation=self._hidden), self._plan.tiles.tiling

        def notify(where: FitProgress) -> None:
            tell(where.step, where.steps, f"loss {where.loss:.3g}")

        self._fitted = fit_repetition(task, tiling, 1, notify=notify).averaged
        if not self._task.refine:
            return Restored(self._fitted, self._fitted)
        whole = self._task.observation
        made = combine(replace(whole, reference=self._reference(whole)), self._fitted, refine=True)
        return Restored(made.image, made.seen)

    def predict(self, tell: Tell) -> np.ndarray:
        """Combine the same fit with an estimate that does not know the held-out pixels either."""
        return combine(self._hidden, self._fitted, refine=self._task.refine).seen

    def _reference(self, observation: Observation) -> BayesEstimate | None:
        return make_reference(observation, workers=torch.get_num_threads()) if self._task.needs_reference else None
