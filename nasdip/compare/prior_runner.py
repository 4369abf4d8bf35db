"""Untrained networks, fitted as `nasdip restore` does by default, but for the held-out pixels."""

from dataclasses import replace

import numpy as np
import torch

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import make_reference
from nasdip.compare.heldout import without
from nasdip.compare.restored import Restored, Tell
from nasdip.compare.settings import Settings
from nasdip.fit.loop import FitProgress
from nasdip.measurement.measurement import Measurement
from nasdip.options.restore import RestoreOptions
from nasdip.restoration.combination import combine
from nasdip.restoration.plan import plan
from nasdip.restoration.planned import Plan
from nasdip.restoration.repetition import fit_repetition
from nasdip.zoo.catalog import zoo_entry


def prior_plan(entry: str, settings: Settings, measurement: Measurement, *, refine: bool) -> Plan:
    """Return the plan of `nasdip restore` for an architecture of the zoo; of its fit alone without `refine`."""
    options = RestoreOptions(
        architecture=zoo_entry(entry).architecture,
        steps=settings.steps,
        width=settings.width,
        repeats=1,
        refine=refine,
        seed=settings.seed,
        device=settings.device,
    )
    return plan(measurement, options)


class PriorRunner:
    """One fit of an untrained network; with `refine`, what `nasdip restore` makes of it.

    A second fit would double the time. Instead the only one knows nothing of the held-out pixels: they have no weight
    in its loss, and the stopping rule's estimate is made without them. What is combined with it to restore the picture
    is an estimate of all pixels; for the prediction, that without them.
    """

    def __init__(
        self, entry: str, settings: Settings, measurement: Measurement, heldout: np.ndarray, *, refine: bool
    ) -> None:
        self._plan = prior_plan(entry, settings, measurement, refine=refine)
        self._task = self._plan.task
        blind = replace(measurement, pixels=without(measurement, heldout))
        hidden = heldout if measurement.impulses is None else heldout | measurement.impulses
        self._filled, self._hidden = blind, replace(blind, impulses=hidden)
        self._reference: BayesEstimate | None = None
        self._fitted = np.zeros(0)

    def restore(self, tell: Tell) -> Restored:
        """Fit, and combine."""
        self._reference = self._estimate(self._filled)
        task = replace(self._task, measurement=self._hidden, reference=self._reference)
        tiling = self._plan.tiles.tiling

        def notify(where: FitProgress) -> None:
            tell(where.step, where.steps, f"loss {where.loss:.3g}")

        self._fitted = fit_repetition(task, tiling, 1, notify=notify).averaged
        if not self._task.refine:
            return Restored(self._fitted, self._fitted)
        whole = self._task.measurement
        made = combine(whole, self._fitted, self._estimate(whole), refine=True)
        return Restored(made.image, made.seen)

    def predict(self, tell: Tell) -> np.ndarray:
        """Combine the same fit with an estimate that does not know the held-out pixels either."""
        return combine(self._hidden, self._fitted, self._reference, refine=self._task.refine).seen

    def _estimate(self, measurement: Measurement) -> BayesEstimate | None:
        return make_reference(measurement, workers=torch.get_num_threads()) if self._task.needs_reference else None
