"""How noisy an image is, from the image alone."""

from typing import NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image
from nasdip.measurement.clipping import Limits, find_limits, kept_variance
from nasdip.measurement.flat_patches import Patches, take_patches

SMALLEST = 16
_FLAT = 0.4  # share of the patches that is measured: the flattest ones
_FEWEST = 30
_FEWEST_FREE = 8  # and of patches that do not overlap
_LEAST_KEPT = 0.3  # where clipping left less of the variance, little can be told from it
_SHARED = 0.7  # noise that the channels share, rather than texture, leaves less than this in the quietest colours
_MODEL_ERROR = 0.01  # relative; what texture adds, measured on photographs
_CLIPPING_ERROR = 0.05  # relative; where all the variance was clipped away, less where some is left
_ROUNDS = 12


class NoiseLevel(NamedTuple):
    """A noise level and its standard error, both in 8-bit units."""

    sigma: float
    error: float


def estimate_sigma(image: np.ndarray) -> float:
    """Estimate the level of additive white Gaussian noise in an image: `estimate_level` without its error.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 25 / 255, (128, 128))
    >>> abs(estimate_sigma(noise) - 25) < 1
    True
    """
    return estimate_level(image).sigma


def estimate_level(image: np.ndarray) -> NoiseLevel:
    """Estimate the level of additive white Gaussian noise in an image, and how well it is known.

    In patches of 8x8 px, those 40 % with the least energy at low frequencies are flat. Their high-frequency cosine
    coefficients, rotated to uncorrelated colours, have the variances v_1 >= v_2 >= ...; where the largest hold texture
    they are left out until the mean of the others is no larger than their median (Chen et al.). That mean is
    ``sigma^2``, the mean square over channels.

    Values clipped to a range, as in 8-bit files, are recognised by their pile at its ends. Then sigma is the level
    *before* clipping, that of unsaturated pixels: ``v = sigma^2 r(m, sigma)`` is solved for sigma, with m the mean of a
    patch and r what clipping leaves (`kept_variance`). The root mean square of (clipped - clean) is lower than that.

    Noise that is correlated between neighbouring pixels (JPEG, demosaicking, resampling) is underestimated, impulses
    raise the estimate: `diagnose` tells.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float, nominally in [0, 1], at least 16x16 px.

    Returns
    -------
    NoiseLevel
        Level and standard error in 8-bit units, 0 or more. The error holds the finite number of pixels, 1 % for
        texture and more for clipping.

    Raises
    ------
    NasdipError
        For an image that is too small, not floating or not finite.

    References
    ----------
    G. Chen, F. Zhu and P. A. Heng, An efficient statistical method for image noise level estimation, ICCV 2015 (the
    rule of mean and median); N. N. Ponomarenko et al., An automatic approach to lossy compression of AVIRIS images,
    IGARSS 2007 (choice by low, measurement by high frequencies); A. Foi, Signal Processing 89 (2009) 2609 (clipping).

    Examples
    --------
    >>> noisy = np.clip(np.random.default_rng(0).normal(0.8, 50 / 255, (128, 128)), 0, 1)
    >>> level = estimate_level(noisy)
    >>> abs(level.sigma - 50) < 3 * level.error < 5, round(255 * float(noisy.std()))
    (True, 44)
    """
    pixels = check_image(image)
    if min(pixels.shape[:2]) < SMALLEST:
        raise NasdipError(
            f"a noise level cannot be estimated from {pixels.shape[0]}x{pixels.shape[1]} px: use 16x16 up"
        )
    return level_of(take_patches(pixels), find_limits(pixels))


def level_of(patches: Patches, limits: Limits) -> NoiseLevel:
    """Return the noise level of patches whose values were clipped to `limits`; see `estimate_level`."""
    level = float(np.sqrt(np.median((patches.fine**2).mean(axis=(1, 2)))))
    for _ in range(_ROUNDS):
        kept = kept_variance(patches.mean, level, limits)  # (n, C)
        flat = flattest(patches, kept)
        before, level = (
            level,
            float(np.sqrt(_variance(patches.fine[flat], patches.free * float(flat.mean())) / _share(kept[flat]))),
        )
        if abs(level - before) <= 1e-3 * before:
            break
    model = _MODEL_ERROR + _CLIPPING_ERROR * (1 - _share(kept[flat]))
    count = max(patches.free * float(flat.mean()), 1) * patches.fine[0].size * _share(kept[flat])
    return NoiseLevel(255 * level, 255 * level * float(np.hypot(model, np.sqrt(0.5 / count))))


def _share(kept: np.ndarray) -> float:
    return max(float(kept.mean()), 0.1)  # where all is saturated nothing can be told, but no noise stays none


def flattest(patches: Patches, kept: np.ndarray, share: float = _FLAT) -> np.ndarray:
    """Return the mask (n,) of the flattest share of the patches that clipping, which left `kept` (n, C), spared."""
    fewest = min(_FEWEST, len(kept))
    least = kept.min(axis=1)
    usable = least >= min(_LEAST_KEPT, np.sort(least)[-fewest])
    energy = ((patches.coarse**2).mean(axis=2) / np.maximum(kept, 1e-6)).sum(axis=1)
    share = max(share, min(1.0, fewest / np.count_nonzero(usable)), min(1.0, _FEWEST_FREE / max(patches.free, 1)))
    return np.asarray(usable & (energy <= np.quantile(energy[usable], share)))


def _variance(fine: np.ndarray, free: float) -> float:
    """Return the mean noise variance over channels of flat patches (n, C, K), of which `free` are independent."""
    power = np.maximum((fine**2).mean(axis=(0, 2)), 1e-30)  # (C,)
    scaled = fine / np.sqrt(power)[:, None]
    plain = _quiet((scaled**2).mean(axis=0), free)
    if fine.shape[1] > 1:
        covariance = np.einsum("nck,ndk->cd", scaled, scaled) / (fine.shape[0] * fine.shape[2])
        colours = np.linalg.eigh(covariance)[1]
        rotated = _quiet((np.einsum("nck,cd->ndk", scaled, colours) ** 2).mean(axis=0), free)
        plain = rotated if rotated > _SHARED * plain else plain
    return float(plain * power.mean())


def _quiet(variances: np.ndarray, free: float) -> float:
    """Return the mean of variances after leaving out the largest, until it is what their median lets expect.

    Each is a mean of about `free` squares, so that without texture their median is (1 - 2 / (9 free))^3 of the mean.
    """
    ordered = np.sort(variances, axis=None)
    expected = (1 - 2 / (9 * max(free, 1.0))) ** 3
    for count in range(ordered.size, 1, -1):
        median = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
        if expected * ordered[:count].mean() <= median:
            break
    return float(ordered[:count].mean())
