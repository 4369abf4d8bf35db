"""How the variance of noise depends on the intensity."""

from typing import NamedTuple

import numpy as np

from nasdip.measurement.clipping import Limits, clipped_moments, kept_variance
from nasdip.measurement.flat_patches import Patches, select
from nasdip.measurement.level import flattest

_BINS = 10
_FREE_A_BIN = 3.0  # patches that do not overlap, times channels; fewer bins in small pictures
_LEAST_KEPT = 0.5  # an intensity at which clipping took more than half of the variance tells little
_MODEL_ERROR = 0.08  # relative error of a bin's variance by texture and clipping, measured on photographs
_TEXTURE = (4.0 / 255) ** 2  # and what the finest texture may add to a variance
_SIGNIFICANT = 14.0  # fall of chi^2 by a slope that is believed
_STEEP = 1.7  # largest over smallest variance of a slope that is worth a word
_CLEAR = 2.0  # fall of chi^2 by which one kind of slope is told from the other


class IntensityBin(NamedTuple):
    """Noise of one channel's flat patches of like intensity: its mean, variance and standard error without texture."""

    mean: float
    variance: float
    error: float


class VarianceFit(NamedTuple):
    """``variance = offset + gain x + square x^2``, all 0 or more; `kind` is gaussian, poisson or speckle."""

    kind: str
    offset: float
    gain: float
    square: float


def intensity_bins(patches: Patches, limits: Limits) -> list[IntensityBin]:
    """Return mean and variance, before clipping, of the noise at up to 10 intensities.

    Each channel counts by itself. The flattest 40 % of a bin's patches are measured, at high frequencies.
    """
    mean, fine, coarse = (  # (C n, 1, ...)
        array.swapaxes(0, 1).reshape(-1, 1, *array.shape[2:]) for array in (patches.mean, patches.fine, patches.coarse)
    )
    pooled = Patches(mean, fine, coarse, patches.free * patches.mean.shape[1])
    count = int(np.clip(pooled.free / _FREE_A_BIN, 3, _BINS))
    edges = np.quantile(pooled.mean, np.linspace(0, 1, count + 1)[1:-1])
    place = np.searchsorted(edges, pooled.mean[:, 0])
    found = [_bin(select(pooled, place == index), limits) for index in range(count) if np.any(place == index)]
    return [one for one in found if one is not None]


def _bin(patches: Patches, limits: Limits) -> IntensityBin | None:
    flat = flattest(patches, np.ones_like(patches.mean))
    measured, mean = float((patches.fine[flat] ** 2).mean()), float(patches.mean[flat].mean())
    variance, kept = measured, 1.0
    for _ in range(12):
        kept = float(kept_variance(np.array([mean]), float(np.sqrt(variance)), limits)[0])
        if kept < _LEAST_KEPT:
            return None
        variance = measured / kept
    squares = max(patches.free * float(flat.mean()), 1) * patches.fine.shape[2]
    error = variance * np.hypot(np.sqrt(2 / squares), _MODEL_ERROR + (1 - kept) / 4)
    return IntensityBin(_unclipped(mean, variance, limits), variance, float(error))


def _unclipped(mean: float, variance: float, limits: Limits) -> float:
    level = float(np.sqrt(variance))
    if not limits.clipped or level == 0:
        return mean
    wide = mean + level * np.linspace(-6, 6, 241)
    return float(np.interp(mean, clipped_moments(wide, level, limits)[0], wide))


def fit_variance(bins: list[IntensityBin]) -> VarianceFit:
    """Return the simplest variance function that the bins do not contradict.

    Least squares weighted by the bins' errors and what texture may add, re-weighted by the fit. A slope, linear
    (poisson) or quadratic (speckle), is believed where it lowers chi^2 by 14 and the variance rises by a factor of 1.7
    or more over the bins; which of the two, where one is better by 2, otherwise linear.

    Examples
    --------
    >>> steps = [IntensityBin(x, 0.01 * x, 0.0005) for x in (0.2, 0.4, 0.6, 0.8)]
    >>> fit_variance(steps).kind, round(fit_variance(steps).gain, 4)
    ('poisson', 0.01)
    """
    mean, variance, error = (np.array(column) for column in zip(*bins, strict=True)) if bins else (np.zeros(0),) * 3
    if len(bins) < 2:
        return VarianceFit("gaussian", float(variance.mean()) if bins else 0.0, 0.0, 0.0)
    relative = error / np.maximum(variance, 1e-30)
    flat, line, curve = (_fit(mean, variance, relative, power) for power in (0, 1, 2))
    better, power = (curve, 2) if curve.misfit < line.misfit - _CLEAR else (line, 1)
    low, high = (better.offset + better.slope * max(x, 0.0) ** power for x in (mean.min(), mean.max()))
    if better.slope <= 0 or flat.misfit - better.misfit < _SIGNIFICANT or high < _STEEP * low:
        return VarianceFit("gaussian", flat.offset, 0.0, 0.0)
    if power == 2:
        return VarianceFit("speckle", better.offset, 0.0, better.slope)
    return VarianceFit("poisson", better.offset, better.slope, 0.0)


class _Line(NamedTuple):
    offset: float
    slope: float
    misfit: float  # chi^2 plus the log of the errors


def _fit(mean: np.ndarray, variance: np.ndarray, relative: np.ndarray, power: int) -> _Line:
    """Return offset and slope in x^power, both 0 or more; the slope is 0 for power 0."""
    x = np.maximum(mean, 0) ** power if power else np.zeros_like(mean)
    offset, slope, spread = 0.0, 0.0, relative * variance.mean() + _TEXTURE
    for _ in range(20):
        offset, slope = _solve(x, variance, 1 / spread)
        spread = np.hypot(relative * np.maximum(offset + slope * x, 1e-2 * variance.max()), _TEXTURE)
    squares = ((variance - offset - slope * x) / spread) ** 2
    return _Line(offset, slope, float(np.sum(squares + 2 * np.log(spread))))


def _solve(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return the weighted least-squares line with offset and slope 0 or more."""
    square = weight**2
    if not np.ptp(x) > 0:
        return float(np.sum(square * y) / np.sum(square)), 0.0
    centre, height = np.average(x, weights=square), np.average(y, weights=square)
    slope = float(np.sum(square * (x - centre) * (y - height)) / np.sum(square * (x - centre) ** 2))
    if slope < 0:
        return float(height), 0.0
    offset = float(height - slope * centre)
    if offset < 0:
        return 0.0, float(np.sum(square * x * y) / np.sum(square * x * x))
    return offset, slope
