"""Groups of alike patches of an image, and putting patches back together."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# Distances (references x offsets) that are held at once.
_MOST_DISTANCES = 2**22


class Patches:
    """All patches of an image, at every position.

    Parameters
    ----------
    image : ndarray
        (H, W, C).
    side : int
        Of a patch, px.

    Attributes
    ----------
    grid : (int, int)
        Positions by row and column: (H - side + 1, W - side + 1). Patches are numbered row by row.
    dimension : int
        Values of a patch, C side side.
    """

    def __init__(self, image: np.ndarray, side: int) -> None:
        height, width, channels = image.shape
        self.grid = (height - side + 1, width - side + 1)
        self.dimension = channels * side * side
        # (h, w, C, side, side), a view; a patch's values lie as (C, side, side).
        self._windows = sliding_window_view(image, (side, side), axis=(0, 1))

    def __getitem__(self, numbers: np.ndarray) -> np.ndarray:
        """Return the patches with these numbers (...), as an array (..., dimension)."""
        rows, columns = np.divmod(numbers, self.grid[1])
        return self._windows[rows, columns].reshape(*numbers.shape, self.dimension)


class Canvas:
    """Sums of overlapping patches, weighted alike, for some rows of two images of one shape.

    Parameters
    ----------
    shape : tuple of int
        Of the images, (H, W, C).
    side : int
        Of a patch, px.
    rows : range
        Those that are held here; all of them for the images as a whole.
    """

    def __init__(self, shape: tuple[int, ...], side: int, rows: range) -> None:
        self._rows = rows
        self._shape = (len(rows), *shape[1:])
        values = int(np.prod(self._shape))
        self._places = Patches(np.arange(values).reshape(self._shape), side)
        self._totals = np.zeros((3, values))  # of both images, and how often each value was covered

    def add(self, numbers: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        """Add patches (..., dimension) of both images at the places with these numbers (...) in the whole image."""
        places = self._places[numbers - self._rows.start * self._places.grid[1]].ravel()
        low, high = int(places.min()), int(places.max()) + 1
        places -= low
        full = (*numbers.shape, self._places.dimension)
        for total, values in zip(self._totals, (first, second, None), strict=True):
            weights = None if values is None else np.broadcast_to(values, full).ravel()
            total[low:high] += np.bincount(places, weights)

    def merge(self, part: "Canvas") -> None:
        """Add what a canvas of some of these rows holds."""
        mine = self._totals.reshape(3, *self._shape)[:, part._rows.start : part._rows.stop]
        mine += part._totals.reshape(3, *part._shape)

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the means of what was added; every pixel must have been covered."""
        first, second, count = self._totals.reshape(3, *self._shape)
        return first / count, second / count


class Strip(NamedTuple):
    """Reference patches of some rows: row positions, and the column positions of every one of them."""

    rows: np.ndarray
    columns: np.ndarray


def strips(grid: tuple[int, int], stride: int, reach: int) -> Iterator[Strip]:
    """Cut the reference patches, every `stride` px and at the far edges, into strips whose distances fit in memory."""
    rows, columns = (np.unique(np.append(np.arange(0, n, stride), n - 1)) for n in grid)
    at_once = max(1, _MOST_DISTANCES // (len(columns) * (2 * reach + 1) ** 2))
    for first in range(0, len(rows), at_once):
        yield Strip(rows[first : first + at_once], columns)


def nearest(image: np.ndarray, side: int, strip: Strip, *, reach: int, count: int) -> np.ndarray:
    """Return the numbers of the patches that are most like each reference patch.

    Likeness is the squared Euclidean distance over all channels, among the patches at most `reach` px away in both
    directions.

    Parameters
    ----------
    image : ndarray
        (H, W, C).
    strip : Strip
        The reference patches, n in all.
    count : int
        How many to return of each; fewer where the image is too small to have as many within reach.

    Returns
    -------
    ndarray
        (n, count) numbers as in `Patches`, in no order, the reference patch itself among them.
    """
    width = image.shape[1] - side + 1
    top, bottom = int(strip.rows[0]), int(strip.rows[-1]) + side
    above, below = min(reach, top), min(reach, image.shape[0] - bottom)
    piece = np.moveaxis(image[top:bottom].astype(np.float32), 2, 0)  # (C, h, W)
    wide = np.full((image.shape[2], bottom - top + 2 * reach, width + side - 1 + 2 * reach), np.inf, np.float32)
    wide[:, reach - above : reach + bottom - top + below, reach : reach + image.shape[1]] = np.moveaxis(
        image[top - above : bottom + below], 2, 0
    )
    offsets = np.stack(np.meshgrid(*2 * [np.arange(-reach, reach + 1)], indexing="ij"), axis=-1).reshape(-1, 2)
    distances = np.empty((len(offsets), len(strip.rows), len(strip.columns)), np.float32)
    for distance, (down, right) in zip(distances, offsets, strict=True):
        moved = wide[:, reach + down :, reach + right :][:, : piece.shape[1], : piece.shape[2]]
        squares = np.square(moved - piece).sum(axis=0)  # inf beyond the image
        summed = _box(_box(squares, side).T, side).T
        distance[...] = summed[np.ix_(strip.rows - top, strip.columns)]
    references = np.stack(np.meshgrid(*strip, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    by_reference = distances.reshape(len(offsets), -1).T
    fewest = int(np.isfinite(by_reference).sum(axis=1).min())
    count = min(count, fewest)
    chosen = np.argpartition(by_reference, count - 1, axis=1)[:, :count]
    places = references + offsets[chosen]
    return np.asarray(places[..., 0] * width + places[..., 1])


def _box(values: np.ndarray, side: int) -> np.ndarray:
    """Return the sums of `side` successive rows; infinite ones stay so, which running sums would make NaN."""
    count = len(values) - side + 1
    total = values[:count].copy()
    for shift in range(1, side):
        total += values[shift : shift + count]
    return total
