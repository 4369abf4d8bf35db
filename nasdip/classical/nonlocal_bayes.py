"""Non-local Bayes: an estimate of the clean image from groups of alike patches, without any network."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from nasdip.classical.patches import Canvas, Patches, Strip, nearest, strips
from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image

_COUNT = 90  # alike patches that form a group
_MOST_CHANNELS = 4
_BATCH = 256  # groups that are filtered at once
_LEAST_SIGMA = 0.1 / 255  # of the range of values, so that covariances can be inverted


class _Step(NamedTuple):
    """How patches are taken: values of one, about (more need a better pilot), px between those that groups are formed
    around, and px that alike ones are looked for in, each way."""

    dimension: int
    stride: int
    reach: int

    def side(self, channels: int) -> int:
        return round((self.dimension / channels) ** 0.5)


_FIRST = _Step(32, 2, 12)
_SECOND = _Step(50, 3, 12)
_THIRD = _Step(108, 3, 16)


class BayesEstimate(NamedTuple):
    """An image (H, W, C), and the variance of its error by the model of the patches, of the same shape."""

    image: np.ndarray
    variance: np.ndarray

    def part(self, place: tuple[slice, slice] | tuple[np.ndarray, np.ndarray]) -> "BayesEstimate":
        """Return the estimate of a part of the image, given by its rows and columns (slices, or as of `np.ix_`)."""
        return BayesEstimate(*(np.ascontiguousarray(image[place]) for image in self))


def nonlocal_bayes(noisy: np.ndarray, variance: float | np.ndarray, *, workers: int = 1) -> BayesEstimate:
    r"""Estimate a clean image by the non-local Bayes method, with a third step of larger patches.

    Patches which look alike are taken for samples of one normal distribution. With :math:`\mu, C_y` the mean and
    covariance of such a group and :math:`D` the noise's covariance (diagonal), the first step estimates each patch y
    of it as :math:`\mu + C (C + D)^{-1} (y - \mu)`, C the positive part of :math:`C_y - D`. Patches are averaged where
    they overlap. The second step groups again by the image so found, and takes C from that image. The third, which is
    not in the paper, does so once more with patches of twice as many values (6x6 px of three channels), whose
    covariance can be told by then. The error's variance, :math:`\mathrm{diag}(C (C + D)^{-1} D)` and that of the mean,
    is too small where the pilot lost detail.

    Parameters
    ----------
    noisy : ndarray
        (H, W, C), at least 16x16 px, float, nominally in [0, 1].
    variance : float or ndarray
        Of the noise, [0, 1] units squared: (25 / 255)**2 for sigma 25, or one for each value, (H, W, C).
    workers : int
        Threads; any number gives the same result.

    Returns
    -------
    BayesEstimate

    Raises
    ------
    NasdipError
        For an image that is too small, not floating or not finite, or a variance below 0.

    References
    ----------
    M. Lebrun, A. Buades and J.-M. Morel, A nonlocal Bayesian image denoising algorithm, SIAM Journal on Imaging
    Sciences 6 (2013) 1665-1688.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> clean = np.tile(np.linspace(0, 1, 32), (32, 1))[..., None]
    >>> noisy = clean + rng.normal(0, 0.1, clean.shape)
    >>> bool(np.mean((nonlocal_bayes(noisy, 0.01).image - clean) ** 2) < 0.05 * 0.01)
    True
    """
    pixels, noise = _checked(noisy, variance)
    with threadpool_limits(1, user_api="blas"):  # its threads, inside of the workers, would wait for each other
        image = _by_channels(pixels, pixels, noise, _first_filter, _FIRST, workers).image
        image = _by_channels(pixels, image, noise, _wiener_filter, _SECOND, workers).image
        return _by_channels(pixels, image, noise, _wiener_filter, _THIRD, workers)


# Filters a batch of groups: noisy patches, pilot's patches and noise (n, count, d) -> estimates, their variances.
_Filter = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _checked(noisy: np.ndarray, variance: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pixels = check_image(noisy)
    if pixels.ndim != 3 or min(pixels.shape[:2]) < 16:
        raise NasdipError(f"non-local Bayes needs an image (H, W, C) of at least 16x16 px, not {pixels.shape}")
    if not (np.isfinite(variance).all() and np.min(variance) >= 0):
        raise NasdipError("a variance of noise is finite and not below 0: check sigma")
    least = (_LEAST_SIGMA * (float(np.ptp(pixels)) or 1.0)) ** 2
    return pixels.astype(np.float64), np.broadcast_to(np.maximum(variance, least), pixels.shape)


def _by_channels(
    noisy: np.ndarray, pilot: np.ndarray, noise: np.ndarray, rule: _Filter, step: _Step, workers: int
) -> BayesEstimate:
    """Estimate few channels at a time: patches of many have more values than a group can tell the covariance of."""
    parts = np.array_split(np.arange(noisy.shape[2]), -(-noisy.shape[2] // _MOST_CHANNELS))
    estimates = [_estimate(noisy[..., c], pilot[..., c], noise[..., c], rule, step, workers) for c in parts]
    return BayesEstimate(*(np.concatenate(images, axis=2) for images in zip(*estimates, strict=True)))


def _estimate(
    noisy: np.ndarray, pilot: np.ndarray, noise: np.ndarray, rule: _Filter, step: _Step, workers: int
) -> BayesEstimate:
    side, reach = step.side(noisy.shape[2]), step.reach
    images = [Patches(image, side) for image in (noisy, pilot, noise)]

    def work(strip: Strip) -> Canvas:
        top, bottom = int(strip.rows[0]) - reach, int(strip.rows[-1]) + side + reach
        canvas = Canvas(noisy.shape, side, range(max(0, top), min(bottom, len(noisy))))
        groups = nearest(pilot, side, strip, reach=reach, count=_COUNT)
        for first in range(0, len(groups), _BATCH):
            group = groups[first : first + _BATCH]
            canvas.add(group, *rule(*(patches[group] for patches in images)))
        return canvas

    total = Canvas(noisy.shape, side, range(len(noisy)))
    with ThreadPoolExecutor(workers) as pool:
        for canvas in pool.map(work, strips(images[0].grid, step.stride, reach)):
            total.merge(canvas)
    return BayesEstimate(*total.means())


def _first_filter(noisy: np.ndarray, _: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, covariance = _moments(noisy)
    level = noise.mean(axis=1)  # (n, d)
    values, vectors = np.linalg.eigh(covariance - _diagonal(level))
    signal = (vectors * np.maximum(values, 0)[:, None]) @ vectors.transpose(0, 2, 1)
    return _wiener(noisy, mean, signal, level)


def _wiener_filter(noisy: np.ndarray, pilot: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _wiener(noisy, noisy.mean(axis=1, keepdims=True), _moments(pilot)[1], noise.mean(axis=1))


def _moments(patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (n, 1, d) and covariance (n, d, d) of each group of patches (n, count, d)."""
    mean = patches.mean(axis=1, keepdims=True)
    centred = patches - mean
    return mean, centred.transpose(0, 2, 1) @ centred / max(1, patches.shape[1] - 1)


def _wiener(
    noisy: np.ndarray, mean: np.ndarray, signal: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups' estimates (n, count, d) and their variances (n, 1, d); `level` (n, d) is the noise's."""
    gain = np.linalg.solve(signal + _diagonal(level), signal)  # (n, d, d), (C + D)^-1 C
    variance = np.einsum("nii->ni", gain) * level + level / noisy.shape[1]
    return mean + (noisy - mean) @ gain, variance[:, None]


def _diagonal(values: np.ndarray) -> np.ndarray:
    """Return diagonal matrices (n, d, d) of these values (n, d)."""
    return values[:, None, :] * np.eye(values.shape[1])
