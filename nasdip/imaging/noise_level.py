"""How noisy an image is, from the image alone."""

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image

# The high-pass filter of Daubechies' wavelet with two vanishing moments, unit norm.
_ROOT = np.sqrt(3.0)
_HIGH_PASS = np.array([1 - _ROOT, -(3 - _ROOT), 3 + _ROOT, -(1 + _ROOT)]) / (4 * np.sqrt(2.0))
_NORMAL_MEDIAN = 0.6744897501960817  # median of |z| for z ~ N(0, 1)


def estimate_sigma(image: np.ndarray) -> float:
    """Estimate the level of additive white Gaussian noise in an image.

    ``sigma = 255 * median(|d|) / 0.6745`` with d the finest diagonal wavelet coefficients (Daubechies, two vanishing
    moments) which hold noise and little else, at every pixel position; averaged over channels. Coefficients that are
    exactly 0, as in saturated areas, are left out. Texture raises the estimate, blurred or resampled noise lowers it.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float, nominally in [0, 1], at least 16x16 px.

    Returns
    -------
    float
        Noise level in 8-bit units, 0 or more.

    Raises
    ------
    NasdipError
        For an image that is too small, not floating or not finite.

    References
    ----------
    D. L. Donoho and I. M. Johnstone, Ideal spatial adaptation by wavelet shrinkage, Biometrika 81 (1994) 425-455.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 25 / 255, (128, 128))
    >>> abs(estimate_sigma(noise) - 25) < 1
    True
    """
    pixels = check_image(image)
    if min(pixels.shape[:2]) < 16:
        raise NasdipError(
            f"a noise level cannot be estimated from {pixels.shape[0]}x{pixels.shape[1]} px: use 16x16 up"
        )
    channels = np.moveaxis(np.atleast_3d(pixels), 2, 0)  # (C, H, W)
    return float(255 * np.mean([_channel_sigma(channel) for channel in channels]))


def _channel_sigma(channel: np.ndarray) -> float:
    detail = np.abs(_high_pass(_high_pass(channel).T))
    detail = detail[detail > 1e-12]  # rounding residue of constant areas is no noise
    return float(np.median(detail)) / _NORMAL_MEDIAN if detail.size else 0.0


def _high_pass(rows: np.ndarray) -> np.ndarray:
    taps = len(_HIGH_PASS)
    return np.lib.stride_tricks.sliding_window_view(rows, taps, axis=1) @ _HIGH_PASS
