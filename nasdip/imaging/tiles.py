"""An image in overlapping tiles, and put together again without seams."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from nasdip.errors import NasdipError


class Tile(NamedTuple):
    """A rectangle of an image: its upper left corner and its size, px."""

    top: int
    left: int
    height: int
    width: int

    @property
    def place(self) -> tuple[slice, slice]:
        """Where the tile lies in the image's first two axes."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def __str__(self) -> str:
        bottom, right = self.top + self.height - 1, self.left + self.width - 1
        return f"rows {self.top}-{bottom}, columns {self.left}-{right}"


@dataclass(frozen=True)
class Tiling:
    """Tiles of one size, evenly spaced in rows and columns, that cover an image.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, px.
    count : (int, int)
        Tiles in a column and in a row.
    side : (int, int)
        Height and width of a tile, px.

    Raises
    ------
    NasdipError
        Where the tiles do not cover the image, or do not fit into it.
    """

    shape: tuple[int, int]
    count: tuple[int, int]
    side: tuple[int, int]

    def __post_init__(self) -> None:
        for length, count, side in zip(self.shape, self.count, self.side, strict=True):
            if count < 1 or not side <= length <= count * side or (count == 1 and side != length):
                raise NasdipError(
                    f"{self.count[0]}x{self.count[1]} tiles of {self.side[0]}x{self.side[1]} px do not cover "
                    f"{self.shape[0]}x{self.shape[1]} px: give more, or larger ones, and none beyond the image"
                )

    def __len__(self) -> int:
        return self.count[0] * self.count[1]

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles, row by row."""
        tops, lefts = (starts(*axis) for axis in self._axes)
        return tuple(Tile(top, left, *self.side) for top in tops for left in lefts)

    @property
    def overlap(self) -> int:
        """The least number of px that neighbours share; 0 for one tile."""
        positions = [(side, starts(length, count, side)) for length, count, side in self._axes]
        return min((side - b + a for side, begins in positions for a, b in pairwise(begins)), default=0)

    def windows(self) -> Iterator[np.ndarray]:
        """Yield the weights of each tile's pixels, (height, width) float64; over all tiles they add up to 1.

        A weight falls from 1 to 0 as a raised cosine over the pixels that two neighbours share; where a tile ends with
        the image it stays 1.
        """
        rows, columns = (ramps(*axis) for axis in self._axes)
        yield from (np.outer(row, column) for row in rows for column in columns)

    def shares(self) -> list[float]:
        """Return the part of the image's pixels that each tile stands for, by its weights; they add up to 1."""
        return [float(window.sum()) / math.prod(self.shape) for window in self.windows()]

    def to_json(self) -> dict[str, Any]:
        """Return the tiling as a JSON object."""
        return {"shape": list(self.shape), "count": list(self.count), "side": list(self.side)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Tiling":
        """Return the tiling that `to_json` wrote."""
        (height, width), (rows, columns), (tall, wide) = data["shape"], data["count"], data["side"]
        return Tiling((height, width), (rows, columns), (tall, wide))

    def __str__(self) -> str:
        return f"{len(self)} tiles of {self.side[0]}x{self.side[1]} px, overlap {self.overlap}"

    @property
    def _axes(self) -> list[tuple[int, int, int]]:
        return list(zip(self.shape, self.count, self.side, strict=True))


def cover(shape: tuple[int, int], largest: int, *, overlap: int, multiple: int = 1) -> Tiling:
    """Return the fewest tiles of at most `largest` px a side that cover an image and share at least `overlap` px.

    Tiles have one size: as small as their number allows, then rounded up to a multiple of `multiple`, which costs a
    network nothing that works on such sizes only, and makes the overlap wider. An axis up to `largest` is not divided.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, px.
    largest, overlap, multiple : int
        px.

    Raises
    ------
    NasdipError
        For an overlap of as much as a tile, or numbers out of range.

    Examples
    --------
    >>> print(cover((2048, 2048), 1056, overlap=32, multiple=32))
    4 tiles of 1056x1056 px, overlap 64
    >>> cover((100, 40), 64, overlap=16).tiles
    (Tile(top=0, left=0, height=58, width=40), Tile(top=42, left=0, height=58, width=40))
    """
    if min(shape) < 1 or overlap < 0 or multiple < 1 or largest <= overlap:
        raise NasdipError(f"tiles of {largest} px cannot share {overlap} px: use larger tiles, or a smaller overlap")
    (rows, tall), (columns, wide) = (_divide(length, largest, overlap, multiple) for length in shape)
    return Tiling(shape, (rows, columns), (tall, wide))


def _divide(length: int, largest: int, overlap: int, multiple: int) -> tuple[int, int]:
    """Return how many tiles, and of which side, an axis is divided into."""
    if length <= largest:
        return 1, length
    if largest // multiple * multiple > overlap:
        largest = largest // multiple * multiple
    count = -(-(length - overlap) // (largest - overlap))
    side = -(-(length + (count - 1) * overlap) // count)
    return count, min(-(-side // multiple) * multiple, largest)


def starts(length: int, count: int, side: int) -> list[int]:
    """Return where `count` tiles of `side` px begin on an axis of `length` px, evenly spaced."""
    return [i * (length - side) // max(count - 1, 1) for i in range(count)]


def ramps(length: int, count: int, side: int) -> list[np.ndarray]:
    """Return the weights (side,) along one axis of every tile; on every pixel of the axis they add up to 1.

    With u_i a raised cosine that rises from 0 to 1 over what tiles i - 1 and i share, tile i weighs u_i - u_(i+1).
    """
    begins = starts(length, count, side)

    def rise(i: int, x: np.ndarray) -> np.ndarray:
        if i in (0, count):
            return np.full(len(x), float(i == 0))
        shared = begins[i - 1] + side - begins[i]
        if shared == 0:
            return np.asarray(x >= begins[i], float)
        return np.sin(np.pi / 2 * np.clip((x - begins[i] + 0.5) / shared, 0, 1)) ** 2

    positions = [np.arange(begin, begin + side) for begin in begins]
    return [rise(i, x) - rise(i + 1, x) for i, x in enumerate(positions)]
