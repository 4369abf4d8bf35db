"""Arrays in, arrays out: what a Python program gives in place of a file."""

from dataclasses import dataclass

import numpy as np
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_finite
from nasdip.io.invalid import extreme_areas, fill_nearest, missing_pixels

_SCALED = ("bool", "uint8", "uint16")
# Beyond so many times the width of its range, the values of a picture are more than float32 can hold of its detail.
_OFFSET = 1000.0


@dataclass(frozen=True, eq=False)
class ArrayImage:
    """An array, with what is needed to give another like it.

    Parameters
    ----------
    pixels : ndarray
        (H, W, C) float32: values, less `offset`; those of integers scaled to [0, 1].
    invalid : ndarray or None
        (H, W) bool, pixels that hold no intensity: NaN, masked, or of another scale than the others. Those in `pixels`
        are their nearest neighbours'.
    given : ndarray
        The array, with `channel_axis`.
    """

    pixels: np.ndarray
    invalid: np.ndarray | None
    given: np.ndarray
    channel_axis: int | None
    offset: float = 0.0

    def pixels_of(self, other: np.ndarray) -> np.ndarray:
        """Return the pixels (H, W, C) of another array, like the clean image, in the units of this one's."""
        loaded = load_array(other, self.channel_axis)
        return np.asarray(loaded.pixels + np.float32(loaded.offset - self.offset))

    def like(self, pixels: np.ndarray) -> np.ndarray:
        """Return restored pixels (H, W, C) as the array was: axes, offset, mask, and what holds no intensity.

        Float32; float64 where the offset is more than that can hold.
        """
        values = pixels if not self.offset else self.offset + pixels.astype(np.float64)
        if self.invalid is not None:
            values = values.copy()
            values[self.invalid] = _channels_last(np.ma.getdata(self.given), self.channel_axis)[self.invalid]
        values = values[..., 0] if self.channel_axis is None else np.moveaxis(values, -1, self.channel_axis)
        if isinstance(self.given, np.ma.MaskedArray):
            return np.ma.MaskedArray(values, mask=self.given.mask)
        return values


def load_array(image: np.ndarray, channel_axis: int | None, holes: np.ndarray | None = None) -> ArrayImage:
    """Check an array, and find what of it holds no intensity, besides `holes` (H, W) that are to be filled.

    Raises
    ------
    NasdipError
        For a type without a known range, another number of axes, infinity, or nothing but missing data.
    """
    given = image if isinstance(image, np.ma.MaskedArray) else np.asarray(image)
    values = _channels_last(np.ma.getdata(given), channel_axis)
    if holes is not None and holes.shape != values.shape[:2]:
        raise NasdipError(
            f"the mask has the shape {holes.shape}, the image {values.shape[:2]}: give one for each pixel"
        )
    missing = missing_pixels(values, ())
    if isinstance(given, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(given)
        missing |= _moved(mask, channel_axis).any(axis=2)
    if holes is not None:
        missing |= holes
    if missing.all():
        raise NasdipError("the image holds nothing but missing data: no pixel is known")
    check_finite(values[~missing], "the image")
    if given.dtype.name in _SCALED:
        usable, invalid = np.broadcast_to(~missing[..., None], values.shape), missing
    else:
        usable, invalid = extreme_areas(values, missing)
    invalid = invalid if holes is None else invalid & ~holes
    low, high = float(values[usable].min()), float(values[usable].max())
    offset = low if max(abs(low), abs(high)) > _OFFSET * (high - low) > 0 else 0.0
    filled = fill_nearest(values, invalid if holes is None else invalid | holes)
    pixels = filled if not offset else filled.astype(np.float64) - offset
    return ArrayImage(pixels.astype(np.float32), invalid if invalid.any() else None, given, channel_axis, offset)


def _channels_last(image: np.ndarray, channel_axis: int | None) -> np.ndarray:
    """Return (H, W, C) values, those of integers scaled to [0, 1]."""
    if image.dtype.name not in _SCALED and not np.issubdtype(image.dtype, np.floating):
        raise NasdipError(f"images of {image.dtype} have no known range: give bool, uint8, uint16 or floats in [0, 1]")
    expected = 2 if channel_axis is None else 3
    if image.ndim != expected:
        hint = "give channel_axis" if channel_axis is None else "give one image, with one channel axis"
        raise NasdipError(f"an image of shape {image.shape} has {image.ndim} axes, not {expected}: {hint}")
    if channel_axis is not None and not -3 <= channel_axis < 3:
        raise NasdipError(f"channel_axis {channel_axis} is not an axis of an image of shape {image.shape}: use -1")
    return _moved(img_as_float32(image) if image.dtype.name in _SCALED else image, channel_axis)


def _moved(image: np.ndarray, channel_axis: int | None) -> np.ndarray:
    return image[..., None] if channel_axis is None else np.moveaxis(image, channel_axis, -1)
