"""Is a residual white? The test that tells noise from structure left behind."""

from typing import NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image
from nasdip.imaging.spectrum import periodogram, radial_frequency

_LIMIT = 1.36  # of the Kolmogorov-Smirnov distribution, exceeded by 5 % of white residuals


class Whiteness(NamedTuple):
    """The normalised cumulative periodogram of a residual, and the test on it.

    Attributes
    ----------
    frequency : ndarray
        (n,), |f| in cycles per pixel of the n independent frequencies, ascending.
    cumulative : ndarray
        (n,), the share of power at or below each; the straight line k / n for ideal white noise.
    statistic : float
        Largest distance of `cumulative` from that line, in [0, 1].
    threshold : float
        What `statistic` exceeds in 5 % of white residuals.
    is_white : bool
        Whether `statistic` is at most `threshold`.
    """

    frequency: np.ndarray
    cumulative: np.ndarray
    statistic: float
    threshold: float
    is_white: bool


def whiteness(residual: np.ndarray) -> Whiteness:
    """Test whether a residual (noisy minus restored) is white noise.

    With P the periodogram of the residual, its mean removed and averaged over channels, and k_1 ... k_n the independent
    frequencies of a real image in order of |f|, ``C_j = sum_{i<=j} P(k_i) / sum_{i<=n} P(k_i)`` is the normalised
    cumulative periodogram, ``D = max_j |C_j - j / n|`` the statistic and ``1.36 / sqrt(n)`` the 5 % threshold
    (Kolmogorov-Smirnov). C above the line means too much power at low frequencies: image structure was removed with
    the noise. C below the line means too much at high frequencies: noise that follows edges, or residuals of a fit that
    already took the low frequencies of the noise.

    Zero frequency is left out, and so is one of each pair of conjugates: n is about H W / 2. For colour the threshold
    stays that of one channel, which holds however the channels depend on each other; where they are
    independent fewer than 5 % of white residuals exceed it. On large images the test sees the slightest structure:
    compare statistics then, rather than verdicts.

    Parameters
    ----------
    residual : ndarray
        (H, W) or (H, W, C), float.

    Returns
    -------
    Whiteness
        Curve, statistic, threshold and verdict.

    Raises
    ------
    NasdipError
        For a residual that is constant, not floating or not finite.

    References
    ----------
    P. C. Hansen, M. E. Kilmer and R. H. Kjeldsen, Exploiting residual information in the parameter choice for discrete
    ill-posed problems, BIT Numerical Mathematics 46 (2006) 41-59; B. W. Rust and D. P. O'Leary, Residual periodograms
    for choosing regularization parameters for ill-posed problems, Inverse Problems 24 (2008) 034005.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(64, 64))
    >>> whiteness(noise).is_white, whiteness(noise.cumsum(axis=1)).is_white
    (True, False)
    """
    pixels = check_image(residual, "residual")
    if np.ptp(pixels, axis=(0, 1)).max() == 0:
        raise NasdipError("a constant residual has no spectrum: check that the restored and noisy images differ")
    height, width = pixels.shape[:2]
    chosen = independent_frequencies(height, width)
    power = periodogram(pixels - pixels.mean(axis=(0, 1)))[chosen]
    radius = radial_frequency((height, width))[chosen]
    order = np.argsort(radius, kind="stable")
    count = len(order)
    cumulative = np.cumsum(power[order]) / power.sum()
    statistic = float(np.abs(cumulative - np.arange(1, count + 1) / count).max())
    threshold = float(_LIMIT / np.sqrt(count))
    return Whiteness(radius[order], cumulative, statistic, threshold, statistic <= threshold)


def independent_frequencies(height: int, width: int) -> np.ndarray:
    """Return the mask (H, W) of one frequency of each conjugate pair k, -k, without zero frequency."""
    index = np.arange(height * width).reshape(height, width)
    rows, columns = -np.arange(height) % height, -np.arange(width) % width
    chosen = index <= index[np.ix_(rows, columns)]
    chosen[0, 0] = False
    return chosen
