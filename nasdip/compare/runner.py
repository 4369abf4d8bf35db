"""How each method is run, in a process of its own. What a method needs is imported when its runner is made."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nasdip.classical.reference import allows_reference, make_reference
from nasdip.compare import methods
from nasdip.compare.heldout import without
from nasdip.compare.methods import Method
from nasdip.compare.restored import Restored, Runner, Tell
from nasdip.compare.settings import Settings
from nasdip.errors import NasdipError
from nasdip.measurement.measurement import Measurement

Denoise = Callable[[np.ndarray, Callable[[int], None]], np.ndarray]  # pixels, told the steps done


class FunctionRunner:
    """A function from image to image: run a second time on the picture without the held-out pixels.

    Parameters
    ----------
    denoise : callable
        (H, W, C) float32 -> the same shape.
    measurement : Measurement
        Of the picture.
    heldout : ndarray
        (H, W), bool.
    steps : int
        Of each run, for the progress.
    """

    def __init__(self, denoise: Denoise, measurement: Measurement, heldout: np.ndarray, steps: int = 1) -> None:
        self._denoise, self._measurement, self._heldout, self._steps = denoise, measurement, heldout, steps

    def restore(self, tell: Tell) -> Restored:
        """Run it on the picture."""
        image = self._denoise(self._measurement.pixels, lambda done: tell(done, 2 * self._steps, ""))
        return Restored(image, image)

    def predict(self, tell: Tell) -> np.ndarray:
        """Run it on the picture without the held-out pixels."""
        hidden, steps = without(self._measurement, self._heldout), self._steps
        tell(steps, 2 * steps, "without held-out pixels")
        return self._denoise(hidden, lambda done: tell(steps + done, 2 * steps, "without held-out pixels"))


def make_runner(method: Method, settings: Settings, measurement: Measurement, heldout: np.ndarray) -> Runner:
    """Return a method ready to be run; NasdipError where the picture, or its noise, does not suit it."""
    if method.kind in methods.FITTED:
        from nasdip.compare.prior_runner import PriorRunner

        return PriorRunner(method.source, settings, measurement, heldout, refine=method.kind == methods.RESTORE)
    if method.kind == methods.ZERO_SHOT:
        return _zero_shot(settings, measurement, heldout)
    return FunctionRunner(_function(method, settings, measurement), measurement, heldout)


def _zero_shot(settings: Settings, measurement: Measurement, heldout: np.ndarray) -> Runner:
    from nasdip.baselines.zero_shot import STEPS, zero_shot

    steps = settings.steps or STEPS

    def denoise(pixels: np.ndarray, tell: Callable[[int], None]) -> np.ndarray:
        return zero_shot(pixels, steps=steps, seed=settings.seed, device=settings.device, progress=tell)

    return FunctionRunner(denoise, measurement, heldout, steps)


def _function(method: Method, settings: Settings, measurement: Measurement) -> Denoise:
    if method.kind == methods.TRAINED:
        import torch

        from nasdip.baselines.denoiser import load_denoiser

        trained = load_denoiser(Path(method.source), torch.device(settings.device))
        return lambda pixels, _: trained(pixels)
    if method.kind == methods.CLASSICAL:
        from nasdip.baselines.classical import classical

        return lambda pixels, _: classical(method.name, pixels)
    if method.kind == methods.BM3D:
        from nasdip.baselines.block_matching import block_matching, load_bm3d

        load_bm3d()
        return lambda pixels, _: block_matching(pixels, measurement.sigma or 0.0)
    if method.kind == methods.BAYES:
        return _bayes(measurement)
    raise NasdipError(f"unknown kind of method '{method.kind}': this folder is of a newer version")


def _bayes(measurement: Measurement) -> Denoise:
    if not allows_reference(measurement):
        raise NasdipError("non-local Bayes needs noise of known level that is independent between pixels")
    from nasdip.provenance import cores

    return lambda pixels, _: make_reference(replace(measurement, pixels=pixels), workers=cores()).image
