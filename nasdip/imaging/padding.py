"""Padding an image to a size that a network accepts, and cropping it back."""

from typing import NamedTuple

import numpy as np

from nasdip.errors import NasdipError


class Padding(NamedTuple):
    """Pixels added at each side."""

    top: int
    bottom: int
    left: int
    right: int


def padding_for(shape: tuple[int, int], multiple: int, minimum: int) -> Padding:
    """Return the padding that makes both sides a multiple of `multiple` and at least `minimum` long.

    ``side' = multiple * ceil(max(side, minimum) / multiple)``, split evenly, the odd pixel at the bottom and right.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels.
    multiple : int
        2^levels for a network of that many downsamplings; 1 or more.
    minimum : int
        Shortest side allowed, in pixels.

    Raises
    ------
    NasdipError
        For a side or a multiple below 1.

    Examples
    --------
    >>> padding_for((30, 64), multiple=32, minimum=32)
    Padding(top=1, bottom=1, left=0, right=0)
    """
    if multiple < 1 or min(shape) < 1:
        raise NasdipError(f"padding needs sides and a multiple of 1 or more (got {shape} and {multiple})")
    missing = [-(-max(side, minimum) // multiple) * multiple - side for side in shape]
    (top, bottom), (left, right) = ((total // 2, total - total // 2) for total in missing)
    return Padding(top, bottom, left, right)


def pad_reflect(image: np.ndarray, padding: Padding) -> np.ndarray:
    """Pad an image (H, W) or (H, W, C) by reflection about its border pixels, repeatedly where need be.

    Examples
    --------
    >>> pad_reflect(np.array([[1, 2, 3]]), Padding(0, 0, 3, 1))
    array([[2, 3, 2, 1, 2, 3, 2]])
    """
    sides = ((padding.top, padding.bottom), (padding.left, padding.right), (0, 0))
    return np.pad(image, sides[: image.ndim], mode="reflect")


def crop(image: np.ndarray, padding: Padding) -> np.ndarray:
    """Remove `padding` from an image (H, W) or (H, W, C): the exact inverse of `pad_reflect`.

    Examples
    --------
    >>> crop(np.array([[2, 3, 2, 1, 2, 3, 2]]), Padding(0, 0, 3, 1))
    array([[1, 2, 3]])
    """
    height, width = image.shape[:2]
    return image[padding.top : height - padding.bottom, padding.left : width - padding.right]
