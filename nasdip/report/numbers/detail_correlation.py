"""Does the residual repeat the picture?"""

import numpy as np
from skimage.filters import gaussian

from nasdip.imaging.checks import check_same_shape, luminance

# Standard deviation (px) of the blur that detail is what remains of.
_BLUR = 1.5


def detail_correlation(residual: np.ndarray, restored: np.ndarray) -> float:
    """Return the correlation of a residual with the fine detail of the restored image.

    ``corr(r, u - G * u)`` with r the residual, u the restored image (both the mean over channels) and G a Gaussian of
    standard deviation 1.5 px. Noise alone has no part in the detail: 0, give or take 0.04 where it was clipped. An edge
    that was softened is missing from u and present in r with the same sign: above 0; so is noise of which only a share
    was removed. A whiteness test can overlook either, for it asks how strong a frequency is, not where in the picture.

    On four photographs with noise of level 25 the clean image gives at most 0.04 in size, non-local means about 0.2
    and total variation about 0.5.

    Parameters
    ----------
    residual, restored : ndarray
        (H, W, C) of one shape.

    Returns
    -------
    float
        In [-1, 1]; 0 where either has no variation.

    References
    ----------
    After the visual test by A. Buades, B. Coll and J.-M. Morel, A review of image denoising algorithms, with a new one,
    Multiscale Modeling & Simulation 4 (2005) 490-530: the "method noise" should look like noise.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> image = np.kron(rng.random((16, 16, 1)), np.ones((4, 4, 1)))
    >>> abs(detail_correlation(rng.normal(size=image.shape), image)) < 0.05
    True
    >>> detail_correlation(image - gaussian(image, 1, channel_axis=-1), gaussian(image, 1, channel_axis=-1)) > 0.5
    True
    """
    check_same_shape(residual, restored)
    first = luminance(residual.astype(np.float64))
    smooth = luminance(restored.astype(np.float64))
    second = smooth - gaussian(smooth, _BLUR, mode="reflect")
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else 0.0
