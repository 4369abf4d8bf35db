"""What clipping to a range, as 8-bit files do, leaves of noise.

``y = min(max(u + n, low), high)`` with n ~ N(0, s^2) has mean and variance in closed form (Foi 2009). So the variance
before clipping follows from what is seen: the local mean of y tells u, and u how much of s^2 was lost.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

_PILE = 2e-4  # a larger share of values that equal the extreme is a pile: a continuous tail has none
_GRID = np.linspace(0, 1, 257)
_LEVEL_STEP = 0.02  # relative; levels that differ less are treated as one
_MOST_POINTS = 8193
LEAST_LEVEL = 1e-4  # of less noise than this, nothing is cut off that can be seen


class Limits(NamedTuple):
    """What the values were clipped to; minus infinity and infinity where they were not."""

    low: float
    high: float

    @property
    def clipped(self) -> bool:
        """Whether there is a limit at all."""
        return math.isfinite(self.low) or math.isfinite(self.high)


def find_limits(pixels: np.ndarray) -> Limits:
    """Return the limits that `pixels` (any shape) were clipped to: extremes that many values equal exactly.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.8, 0.2, (64, 64))
    >>> find_limits(noise), find_limits(np.clip(noise, 0, 1)).high
    (Limits(low=-inf, high=inf), 1.0)
    """
    least, most = float(pixels.min()), float(pixels.max())
    enough = max(4.0, _PILE * pixels.size) if most > least else math.inf
    low = least if np.count_nonzero(pixels == least) > enough else -math.inf
    high = most if np.count_nonzero(pixels == most) > enough else math.inf
    return Limits(low, high)


def clipped_moments(mean: np.ndarray, level: float | np.ndarray, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of ``clip(N(mean, level^2), low, high)`` for means of any shape, and one level or many.

    References
    ----------
    A. Foi, Clipped noisy images: heteroskedastic modeling and practical denoising, Signal Processing 89 (2009) 2609.

    Examples
    --------
    >>> mean, variance = clipped_moments(np.array([0.5, 1.0]), 0.1, Limits(0.0, 1.0))
    >>> mean.round(4).tolist(), variance.round(4).tolist()
    ([0.5, 0.9601], [0.01, 0.0034])
    """
    low, high = (np.clip((limit - mean) / level, -40, 40) for limit in limits)
    below, above, density_low, density_high = ndtr(low), ndtr(-high), _density(low), _density(high)
    inside = 1 - below - above
    first = low * below + high * above + density_low - density_high  # of (y - mean) / level
    second = low**2 * below + high**2 * above + inside + low * density_low - high * density_high
    return mean + level * first, level**2 * np.maximum(second - first**2, 0)


def kept_variance(seen: np.ndarray, level: float, limits: Limits) -> np.ndarray:
    """Return the share of the variance level^2 that clipping leaves where the local mean of what is seen is `seen`.

    1 far from the limits, about 1/3 where the true value is at one, 0 where all is saturated.

    Examples
    --------
    >>> kept_variance(np.array([0.5, 0.9601, 1.0]), 0.1, Limits(0.0, 1.0)).round(2).tolist()
    [1.0, 0.34, 0.0]
    """
    if not limits.clipped or level <= 0:
        return np.ones_like(seen)
    low = limits.low - 5 * level if math.isfinite(limits.low) else float(seen.min()) - 5 * level
    high = limits.high + 5 * level if math.isfinite(limits.high) else float(seen.max()) + 5 * level
    mean, variance = clipped_moments(low + _GRID * (high - low), level, limits)
    return np.interp(seen, mean, variance / level**2, left=0 if limits.low > -math.inf else 1,
                     right=0 if limits.high < math.inf else 1)  # fmt: skip


class Unclipped(NamedTuple):
    """True intensities, and by how much each changes when the mean that is seen does, 0 at a limit; of one shape."""

    image: np.ndarray
    slope: np.ndarray


def undo_clipping(seen: np.ndarray, level: float | np.ndarray, limits: Limits) -> Unclipped:
    """Return the intensities which noise of `level`, after clipping, shows as the means `seen`.

    Denoising finds the mean of clipped noise, which is too bright in black and too dark in white. Means that no
    intensity within the limits has are taken for the limit.

    Parameters
    ----------
    seen : ndarray
        Denoised values, of any shape.
    level : float or ndarray
        Standard deviation of the noise before clipping, in the units of `seen`; one, or one for each value.
    limits : Limits
        What the noisy values were clipped to.

    References
    ----------
    A. Foi, Clipped noisy images: heteroskedastic modeling and practical denoising, Signal Processing 89 (2009) 2609.

    Examples
    --------
    >>> undo_clipping(np.array([0.0, 0.05, 0.5, 0.9601]), 0.1, Limits(0.0, 1.0)).image.round(2).tolist()
    [0.0, 0.02, 0.5, 1.0]
    """
    image, slope = np.array(seen, np.float64), np.ones(seen.shape)
    if not limits.clipped:
        return Unclipped(image, slope)
    rounded = np.round(np.log(np.maximum(np.broadcast_to(level, seen.shape), LEAST_LEVEL)) / _LEVEL_STEP)
    for number in np.unique(rounded):
        same = rounded == number
        image[same], slope[same] = _undo(image[same], float(np.exp(number * _LEVEL_STEP)), limits)
    return Unclipped(image, slope)


def _undo(seen: np.ndarray, level: float, limits: Limits) -> Unclipped:
    low = limits.low if math.isfinite(limits.low) else min(float(seen.min()), limits.high - level)
    high = limits.high if math.isfinite(limits.high) else max(float(seen.max()), limits.low + level)
    true = np.linspace(low, high, min(_MOST_POINTS, max(_GRID.size, math.ceil(8 * (high - low) / level) + 1)))
    mean = clipped_moments(true, level, limits)[0]
    slope = np.interp(seen, mean, np.gradient(true, mean))
    beyond = (math.isfinite(limits.low) & (seen < mean[0])) | (math.isfinite(limits.high) & (seen > mean[-1]))
    return Unclipped(np.interp(seen, mean, true), np.where(beyond, 0.0, slope))


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
