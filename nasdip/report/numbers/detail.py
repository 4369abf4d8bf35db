"""Where to look closely: the square with most contrast."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from nasdip.imaging.checks import luminance


class Box(NamedTuple):
    """A square of an image, in px."""

    top: int
    left: int
    side: int

    def crop(self, image: np.ndarray) -> np.ndarray:
        """Cut the square out of an image (H, W, ...)."""
        return image[self.top : self.top + self.side, self.left : self.left + self.side]


def detail_box(image: np.ndarray, side: int) -> Box:
    """Return the square of `side` px whose gradient has the largest mean square; the first one of equals.

    Parameters
    ----------
    image : ndarray
        (H, W, C), at least `side` px high and wide.

    Examples
    --------
    >>> image = np.zeros((32, 32, 1))
    >>> image[20:, 20:] = 1
    >>> detail_box(image, 16)
    Box(top=16, left=16, side=16)
    """
    rows, columns = np.gradient(luminance(image.astype(np.float64)))
    whole = tuple(slice(side // 2, length - (side - 1) // 2) for length in rows.shape)  # middles of squares inside
    means = ndimage.uniform_filter(rows**2 + columns**2, side)[whole]
    top, left = np.unravel_index(int(np.argmax(means)), means.shape)
    return Box(int(top), int(left), side)
