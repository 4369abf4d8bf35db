"""Where to look closely: the square with most contrast."""

from typing import NamedTuple

import numpy as np

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
    total = np.pad(np.cumsum(np.cumsum(rows**2 + columns**2, axis=0), axis=1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(int(np.argmax(sums)), sums.shape)
    return Box(int(top), int(left), side)
