"""How much each pixel counts in the loss, and which are held out of it."""

import numpy as np

from nasdip.measurement.measurement import Measurement
from nasdip.seeds import derive_seed

# The weights of the noisiest and the least noisy values differ by no more than this factor.
_RANGE = 16.0


def split_pixels(measurement: Measurement, fraction: float, seed: int) -> np.ndarray | None:
    """Draw the pixels that are held out of the loss; return their mask (H, W), None for none of them.

    Only pixels that tell of the image are drawn.
    """
    if fraction == 0:
        return None
    known = np.arange(measurement.pixels[..., 0].size)
    if measurement.valid is not None:
        known = known[measurement.valid.ravel()]
    out = np.zeros(measurement.pixels.shape[:2], dtype=bool)
    chosen = np.random.default_rng(derive_seed(seed, 3)).choice(
        known, max(1, round(fraction * known.size)), replace=False
    )
    out.ravel()[chosen] = True
    return out


def loss_weights(measurement: Measurement, heldout: np.ndarray | None) -> np.ndarray | None:
    """Return the weights of all values (H, W, 1 or C) in the loss; None where all count alike.

    Pixels that are held out, or tell nothing of the image, have none. Where the noise differs from value to value, a
    value counts by the inverse of its variance: that is what makes the loss the likelihood of normal noise.
    """
    weights = np.ones((*measurement.pixels.shape[:2], 1))
    if heldout is not None:
        weights[heldout] = 0
    if measurement.valid is not None:
        weights[~measurement.valid] = 0
    if measurement.variance is not None:
        level = np.median(measurement.variance)
        weights = weights * np.clip(level / np.maximum(measurement.variance, 1e-12), _RANGE**-0.5, _RANGE**0.5)
    return None if (weights == 1).all() else weights
