"""Whether a grey picture is the mosaic of a colour sensor, whose neighbouring pixels see different colours."""

import numpy as np

from nasdip.errors import NasdipError
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.operators.identity import Identity

_SIDE = 8  # px, of the blocks
_CLEAR = 6.0  # times what noise and texture make
_FEWEST = 64  # blocks that tell


def check_no_mosaic(measurement: Measurement) -> None:
    """Raise NasdipError for a picture that `looks_like_mosaic`: a network would take its colours for noise."""
    if isinstance(measurement.operator, Identity) and looks_like_mosaic(measurement.pixels):
        raise NasdipError(
            "the picture looks like the mosaic of a colour sensor (Bayer), saved as grey: develop it to colours first, "
            "or restore it as it is with --mosaic keep"
        )


def looks_like_mosaic(pixels: np.ndarray) -> bool:
    r"""Whether a picture (H, W, 1) is a Bayer mosaic that was saved as grey.

    Of each 2x2 px of such a sensor two on a diagonal see green, and the others red and blue. So in blocks all over the
    picture the means of the two green phases agree, and differ from those of the other diagonal. With
    :math:`d_1, d_2` the differences within the two diagonals and c that between them, noise and texture make the
    median of :math:`2 c^2` no larger than that of the smaller of :math:`d_1^2, d_2^2`; in a mosaic it is many times
    larger. Patterns of rows, columns or print do not look so: they make both diagonals differ, or are not everywhere.

    Examples
    --------
    >>> grey = np.random.default_rng(0).normal(0.5, 0.1, (64, 64, 1))
    >>> mosaic = grey.copy()
    >>> mosaic[::2, 1::2] += 0.2
    >>> mosaic[1::2, ::2] += 0.2
    >>> looks_like_mosaic(grey), looks_like_mosaic(mosaic)
    (False, True)
    """
    if pixels.shape[2] != 1:
        return False
    height, width = (length // _SIDE for length in pixels.shape[:2])
    blocks = pixels[: height * _SIDE, : width * _SIDE, 0].astype(np.float64)
    parts = blocks.reshape(height, _SIDE // 2, 2, width, _SIDE // 2, 2).mean(axis=(1, 4))  # (h, 2, w, 2)
    first, second, third, fourth = parts[:, 0, :, 0], parts[:, 0, :, 1], parts[:, 1, :, 0], parts[:, 1, :, 1]
    changing = np.ptp(parts, axis=(1, 3)) > 0
    if np.count_nonzero(changing) < _FEWEST:
        return False
    within = min(float(np.median((one - other)[changing] ** 2)) for one, other in ((first, fourth), (second, third)))
    between = float(np.median((first + fourth - second - third)[changing] ** 2)) / 2
    return between > _CLEAR * within
