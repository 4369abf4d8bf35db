"""Full-reference quality: how close an image is to its reference."""

import numpy as np
from skimage.metrics import structural_similarity

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_same_shape

_SSIM_WINDOW = 7


def psnr(reference: np.ndarray, image: np.ndarray, *, data_range: float) -> float:
    """Peak signal-to-noise ratio.

    ``PSNR = 10 log10(data_range^2 / MSE)``, MSE the mean over all pixels and channels of the squared difference.

    Parameters
    ----------
    reference, image : ndarray
        Of one shape, any number of axes.
    data_range : float
        Largest minus smallest value an image may take: 1.0 for floats in [0, 1], 255 for 8-bit values.

    Returns
    -------
    float
        In dB; infinite for identical images, NaN where an image holds NaN.

    Raises
    ------
    NasdipError
        For different shapes or a data range that is not above 0.

    Examples
    --------
    >>> psnr(np.zeros((4, 4)), np.full((4, 4), 0.1), data_range=1.0)
    20.0
    """
    _check(reference, image, data_range)
    mean_square = float(np.mean((reference.astype(np.float64) - image.astype(np.float64)) ** 2))
    return float("inf") if mean_square == 0 else float(10 * np.log10(data_range**2 / mean_square))


def decibels(mean_square: np.ndarray) -> np.ndarray:
    """Return the PSNR (dB) of mean squared errors of images in [0, 1]; infinite for 0.

    Examples
    --------
    >>> decibels(np.array([0.01, 1.0])).tolist()
    [20.0, 0.0]
    """
    with np.errstate(divide="ignore"):
        result: np.ndarray = -10 * np.log10(mean_square) + 0.0  # no negative zero
    return result


def ssim(reference: np.ndarray, image: np.ndarray, *, data_range: float, channel_axis: int | None = None) -> float:
    """Mean structural similarity, in a uniform window of 7x7 px.

    Per window, with means m, sample variances v and covariance c of the two images a and b,
    ``SSIM = (2 m_a m_b + C1) (2 c + C2) / ((m_a^2 + m_b^2 + C1) (v_a + v_b + C2))``, ``C1 = (0.01 data_range)^2``,
    ``C2 = (0.03 data_range)^2``; averaged over all windows inside the image and over channels.

    Parameters
    ----------
    reference, image : ndarray
        Of one shape, (H, W), or with a channel axis; 7x7 px at least.
    data_range : float
        Largest minus smallest value an image may take: 1.0 for floats in [0, 1], 255 for 8-bit values.
    channel_axis : int, optional
        Which axis holds the channels; required for arrays of three axes, as -1 for (H, W, C).

    Returns
    -------
    float
        At most 1, which identical images reach; NaN where an image holds NaN.

    Raises
    ------
    NasdipError
        For different shapes, a data range that is not above 0, a missing channel axis, or an image below 7x7 px.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, Image quality assessment: from error visibility to
    structural similarity, IEEE Trans. Image Processing 13 (2004) 600-612.

    Examples
    --------
    >>> ssim(np.eye(16), np.eye(16), data_range=1.0)
    1.0
    """
    _check(reference, image, data_range)
    planes = reference.ndim - (channel_axis is not None)
    if planes != 2:
        raise NasdipError(f"SSIM of shape {reference.shape} needs (H, W), or channel_axis=-1 for (H, W, C)")
    sides = list(reference.shape)
    if channel_axis is not None:
        del sides[channel_axis]
    if min(sides) < _SSIM_WINDOW:
        raise NasdipError(f"SSIM needs 7x7 px at least, this image has {sides[0]}x{sides[1]}: use PSNR")
    first, second = reference.astype(np.float64), image.astype(np.float64)
    return float(
        structural_similarity(
            first, second, win_size=_SSIM_WINDOW, data_range=float(data_range), channel_axis=channel_axis
        )
    )


def _check(reference: np.ndarray, image: np.ndarray, data_range: float) -> None:
    check_same_shape(reference, image)
    if reference.size == 0:
        raise NasdipError("empty images cannot be compared: give at least one pixel")
    if not 0 < data_range < np.inf:
        raise NasdipError(f"data_range must be above 0, such as 1.0 for images in [0, 1] (got {data_range})")
