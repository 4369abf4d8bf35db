"""Which axis of a TIFF array is what."""

from pathlib import Path

import numpy as np

from nasdip.errors import NasdipError

MOST_UNLABELLED = 16  # an unlabelled axis that is longer is a stack
_STACKS = {"T": "in time", "Z": "in depth"}


def channels_last(path: Path, values: np.ndarray, axes: str) -> tuple[np.ndarray, str]:
    """Drop axes of length 1, find the channel axis and put it last.

    Parameters
    ----------
    path : Path
        For the error messages.
    values : ndarray
        As tifffile returns it.
    axes : str
        tifffile's letters, one an axis: Y, X, S (samples), C (channels), T, Z; others, such as Q and I, are unlabelled.
        Of an unlabelled array of three axes the shortest is the channel axis, where it is first or last and 16 at most.

    Returns
    -------
    values : ndarray
        (H, W) or (H, W, C).
    axes : str
        The file's order, as in `StoredImage`: "YX", "YXS", "SYX" or "CYX".

    Raises
    ------
    NasdipError
        For stacks in time, depth or unknown axes, and for more axes than three.

    Examples
    --------
    >>> values, axes = channels_last(Path("a.tif"), np.zeros((5, 32, 40)), "QYX")
    >>> values.shape, axes
    ((32, 40, 5), 'CYX')
    """
    kept = [i for i, length in enumerate(values.shape) if length > 1 or axes[i] in "YX"]
    values = values.reshape([values.shape[i] for i in kept])
    axes = "".join(axes[i] for i in kept)
    if values.ndim == 2:
        return values, "YX"
    for letter, extent in _STACKS.items():
        if letter in axes:
            count = values.shape[axes.index(letter)]
            raise NasdipError(f"{path} is a stack of {count} planes {extent}: save one plane per file")
    if values.ndim != 3:
        raise NasdipError(f"{path} has the shape {values.shape}, axes {axes}: save one plane per file")
    if axes in ("YXS", "YXC"):
        return values, "YXS"
    if axes in ("SYX", "CYX"):
        return np.moveaxis(values, 0, 2), axes
    return _unlabelled(path, values)


def _unlabelled(path: Path, values: np.ndarray) -> tuple[np.ndarray, str]:
    shortest = int(np.argmin(values.shape))
    if values.shape[shortest] > MOST_UNLABELLED or shortest == 1:
        raise NasdipError(f"{path} has the shape {values.shape} and no channel axis: save one plane per file")
    return (values, "YXS") if shortest == 2 else (np.moveaxis(values, 0, 2), "CYX")
