"""The range of intensities that a network works in."""

from typing import NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_finite

_MARGIN = 0.5  # how far, in nominal ranges, noise may exceed the nominal range
_COVERAGE = 0.5  # the share of the nominal range that an image must cover to be left alone


class IntensityScaling(NamedTuple):
    """The affine map ``y = (x - offset) / scale`` and its inverse.

    A noise level s of x is s / scale in y.
    """

    offset: float
    scale: float

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Map intensities into the working range; floats keep their dtype."""
        return (x - self.offset) / self.scale

    def invert(self, y: np.ndarray) -> np.ndarray:
        """Map working intensities back."""
        return self.offset + self.scale * y


def working_range(image: np.ndarray, nominal: tuple[float, float] = (0.0, 1.0)) -> IntensityScaling:
    """Return the map of an image's intensities into [0, 1].

    A network that ends in a sigmoid fits values near 0 and 1 slowly and values outside never, and its learning rate
    suits contrasts of order 1. A 12-bit micrograph in a 16-bit file occupies 1/16 of the range and would be
    fitted badly. So ``offset, scale = min, max - min`` unless the image covers at least half of the nominal range and
    exceeds it by no more than half a range on either side: such an image is mapped by its nominal range alone (the
    identity for [0, 1]), so that ordinary photographs, noise included, stay as they are. For a constant image the
    scale is that of the nominal range, and it maps to 0.

    Parameters
    ----------
    image : ndarray
        Float, any shape, finite.
    nominal : (float, float)
        The range that the image should occupy.

    Raises
    ------
    NasdipError
        For NaN or infinity, or a nominal range that is empty.

    Examples
    --------
    >>> working_range(np.array([[0.0, 0.0625]]))
    IntensityScaling(offset=0.0, scale=0.0625)
    >>> working_range(np.array([[-0.1, 1.2]]))
    IntensityScaling(offset=0.0, scale=1.0)
    """
    low, high = nominal
    width = high - low
    if not width > 0:
        raise NasdipError(f"the nominal range must end above its start (got {nominal})")
    check_finite(image, "image")
    smallest, largest = float(image.min()), float(image.max())
    inside = low - _MARGIN * width <= smallest and largest <= high + _MARGIN * width
    covered = min(largest, high) - max(smallest, low)
    if inside and covered >= _COVERAGE * width:
        return IntensityScaling(low, width)
    return IntensityScaling(smallest, (largest - smallest) or width)
