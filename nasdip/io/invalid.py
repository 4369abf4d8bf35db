"""Which pixels of a file hold no intensity: missing data, and values of another scale than the picture's."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from nasdip.imaging.extremes import extreme_values

_TOUCHING = np.ones((3, 3), bool)


def missing_pixels(samples: np.ndarray, nodata: Sequence[float]) -> np.ndarray:
    """Return which pixels (H, W) of samples (H, W[, C]) are NaN, or one of the values `nodata`, in any channel."""
    missing = np.isnan(samples) if samples.dtype.kind == "f" else np.zeros(samples.shape, bool)
    for value in nodata:
        # As the samples' type has it: -3.4e38 in a tag is text, with fewer digits than the sample.
        missing |= np.isclose(samples, value, rtol=1e-6, atol=0)
    return _any_channel(missing)


def areas(extreme: np.ndarray) -> np.ndarray:
    """Return the pixels (H, W) of a mask (H, W) or (H, W, C) in areas: at least 2 px wide both ways, all touching.

    Single pixels, and lines one pixel wide, are defects of a sensor instead.
    """
    mask = _any_channel(extreme)
    named, count = ndimage.label(mask, _TOUCHING)
    found = ndimage.find_objects(named)
    wide = [min(place[0].stop - place[0].start, place[1].stop - place[1].start) > 1 for place in found]
    return np.asarray(np.concatenate([[False], wide])[named]) if count else mask


def extreme_areas(samples: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which samples, bool of their shape, belong to the picture's intensities, and areas (H, W) of others.

    `missing` (H, W) are pixels known to hold none, and belong to these areas.
    """
    usable = np.broadcast_to(~missing.reshape(*missing.shape, *(1,) * (samples.ndim - 2)), samples.shape).copy()
    if not usable.any():
        return usable, missing
    extreme = np.zeros(samples.shape, bool)
    extreme[usable] = extreme_values(samples[usable])
    return usable & ~extreme, missing | areas(extreme)


def fill_nearest(pixels: np.ndarray, invalid: np.ndarray) -> np.ndarray:
    """Return pixels, those of the mask `invalid` (H, W) replaced by their nearest others."""
    if not invalid.any() or invalid.all():
        return pixels
    rows, columns = ndimage.distance_transform_edt(invalid, return_distances=False, return_indices=True)
    return np.asarray(pixels[rows, columns])


def _any_channel(mask: np.ndarray) -> np.ndarray:
    return mask if mask.ndim == 2 else np.asarray(mask.any(axis=2))
