"""The pixels that are held out from every method, and the picture without them. No torch here."""

import numpy as np

from nasdip.fit.weighting import split_pixels
from nasdip.measurement.impulses import fill_impulses
from nasdip.measurement.measurement import Measurement

SHARE = 0.05


def heldout_pixels(measurement: Measurement, seed: int) -> np.ndarray:
    """Return the mask (H, W) of the pixels that are held out: 5 % of those that tell of the image."""
    mask = split_pixels(measurement, SHARE, seed)
    assert mask is not None
    return mask


def without(measurement: Measurement, mask: np.ndarray) -> np.ndarray:
    """Return the pixels (H, W, C), those of `mask` (H, W) replaced by the mean of neighbours that are not held out.

    Examples
    --------
    >>> pixels = np.zeros((16, 16, 1), np.float32)
    >>> pixels[8, 8] = 1
    >>> float(without(Measurement(pixels), pixels[..., 0] == 1).max())
    0.0
    """
    useless = mask if measurement.valid is None else mask | ~measurement.valid
    filled = fill_impulses(measurement.pixels, useless)
    return np.where(mask[..., None], filled, measurement.pixels)
