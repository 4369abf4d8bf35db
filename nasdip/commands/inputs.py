"""Reading the files that a person names, and checking them before any work starts."""

from pathlib import Path

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.image_file import ImageFile, read_image


def channels_last(file: ImageFile) -> np.ndarray:
    """Return the pixels as (H, W, C), grey images with one channel."""
    return file.pixels if file.pixels.ndim == 3 else file.pixels[..., None]


def read_clean(path: Path | None, noisy: ImageFile) -> np.ndarray | None:
    """Read the clean image that belongs to `noisy`, (H, W, C); NasdipError where their shapes differ."""
    if path is None:
        return None
    clean = channels_last(read_image(path))
    expected = channels_last(noisy).shape
    if clean.shape != expected:
        raise NasdipError(
            f"{path} is {_shape(clean.shape)}, {noisy.path} is {_shape(expected)}: give the clean image of that picture"
        )
    return clean


def describe(file: ImageFile, sigma: float) -> str:
    """Return what a file is, in words."""
    return f"{file.path}: {_shape(channels_last(file).shape)}, {file.dtype}; noise about {sigma:.1f} (8-bit units)"


def _shape(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]} px, {shape[2]} channel{'s' if shape[2] > 1 else ''}"
