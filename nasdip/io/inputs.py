"""Reading the files that a person names, and checking them before any work starts."""

from pathlib import Path

import numpy as np

from nasdip.errors import NasdipError
from nasdip.io.image_file import ImageFile, read_image


def channels_last(file: ImageFile) -> np.ndarray:
    """Return the pixels as (H, W, C), grey images with one channel."""
    return file.pixels if file.pixels.ndim == 3 else file.pixels[..., None]


def read_clean(path: Path | None, noisy: ImageFile) -> np.ndarray | None:
    """Read the clean image that belongs to `noisy`: (H, W, C), in the units of `noisy`.

    Files with a range of their own (floats beyond [0, 1], signed and 32-bit integers) are compared by sample value,
    others by the share of their full range. NasdipError where the shapes differ.
    """
    if path is None:
        return None
    file = read_image(path)
    clean = channels_last(file)
    if not (_is_nominal(file) and _is_nominal(noisy)):
        clean = ((file.offset + file.scale * clean.astype(np.float64) - noisy.offset) / noisy.scale).astype(np.float32)
    expected = channels_last(noisy).shape
    if clean.shape != expected:
        raise NasdipError(
            f"{path} is {_shape(clean.shape)}, {noisy.path} is {_shape(expected)}: give the clean image of that picture"
        )
    return clean


def _is_nominal(file: ImageFile) -> bool:
    """Whether 0 and 1 are the ends of the file's own range, not of what the picture happens to hold."""
    return file.dtype.name in ("bool", "uint8", "uint16") or (file.offset, file.scale) == (0.0, 1.0)


def describe(file: ImageFile) -> str:
    """Return what a file is, in words."""
    return f"{file.path}: {_shape(channels_last(file).shape)}, {file.dtype}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]} px, {shape[2]} channel{'s' if shape[2] > 1 else ''}"
