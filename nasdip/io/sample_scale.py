"""Between the numbers in a file and pixels nominally in [0, 1]."""

from typing import NamedTuple

import numpy as np

from nasdip.errors import NasdipError

_NOMINAL_FLOATS = (-1.0, 2.0)  # floats between these are taken as [0, 1] with noise
_FULL_SCALE = {"bool": 1.0, "uint8": 255.0, "uint16": 65535.0}
_OTHER_DTYPES = ("int8", "int16", "int32", "uint32", "float16", "float32", "float64")


class SampleScale(NamedTuple):
    """The affine map ``sample = offset + scale * pixel``."""

    offset: float
    scale: float


def full_scale(dtype: np.dtype) -> float:
    """Return the sample that stands for pixel 1 where a format has a convention; 1 for floats.

    Examples
    --------
    >>> full_scale(np.dtype("uint8")), full_scale(np.dtype("float32"))
    (255.0, 1.0)
    """
    if np.issubdtype(dtype, np.integer):
        return _FULL_SCALE.get(dtype.name, float(np.iinfo(dtype).max))
    return 1.0


def sample_scale(samples: np.ndarray, name: str = "the image") -> SampleScale:
    """Choose the map for an image's samples: those, in any order, that belong to the picture (`extreme_values` do not).

    uint8, uint16 and bool: pixels = sample / 255, / 65535, / 1. Floats above -1 and below 2: pixels = sample. Other
    floats and integers: the smallest sample becomes 0 and the largest 1. `name` is for the error message.

    Raises
    ------
    NasdipError
        For a dtype that cannot be handled.

    Examples
    --------
    >>> sample_scale(np.array([[-100, 300]], np.int16))
    SampleScale(offset=-100.0, scale=400.0)
    """
    check_type(samples, name)
    dtype = samples.dtype.name
    if dtype in _FULL_SCALE:
        return SampleScale(0.0, _FULL_SCALE[dtype])
    smallest, largest = float(samples.min()), float(samples.max())
    low, high = _NOMINAL_FLOATS
    if np.issubdtype(samples.dtype, np.floating) and low < smallest and largest < high:
        return SampleScale(0.0, 1.0)
    return SampleScale(smallest, (largest - smallest) or 1.0)


def check_type(samples: np.ndarray, name: str) -> None:
    """Raise NasdipError for samples of a type that cannot be handled."""
    dtype = samples.dtype.name
    if dtype not in _FULL_SCALE and dtype not in _OTHER_DTYPES:
        raise NasdipError(f"{name} has samples of type {dtype}: save it as 8-bit, 16-bit or float32")


def inverted(samples: np.ndarray) -> np.ndarray:
    """Swap black and white of bool and unsigned samples; signed ones and floats have no white, and stay as they are.

    Examples
    --------
    >>> inverted(np.array([0, 55], np.uint8))
    array([255, 200], dtype=uint8)
    """
    if samples.dtype.kind == "b":
        return ~samples
    return np.iinfo(samples.dtype).max - samples if samples.dtype.kind == "u" else samples


def to_pixels(samples: np.ndarray, scale: SampleScale) -> np.ndarray:
    """Return samples as float32 pixels."""
    if scale == (0.0, 1.0):
        return samples.astype(np.float32)
    return ((samples.astype(np.float64) - scale.offset) / scale.scale).astype(np.float32)


def to_samples(pixels: np.ndarray, scale: SampleScale, dtype: np.dtype) -> np.ndarray:
    """Return pixels as samples: integers are rounded to the nearest and clipped to what the dtype can hold.

    Examples
    --------
    >>> to_samples(np.array([-0.1, 0.5, 1.1]), SampleScale(0, 255), np.dtype("uint8"))
    array([  0, 128, 255], dtype=uint8)
    """
    samples = scale.offset + scale.scale * pixels.astype(np.float64)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        samples = np.clip(np.rint(samples), limits.min, limits.max)
    return samples.astype(dtype)
