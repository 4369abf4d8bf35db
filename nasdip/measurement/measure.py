"""From pixels to an observation: what noise is in them, and what that means for a fit."""

from dataclasses import replace

import numpy as np
from skimage.filters import gaussian

from nasdip.errors import NasdipError
from nasdip.imaging.intensity import Stretch, working_range
from nasdip.measurement.diagnosis import Diagnosis, diagnose, find_noise
from nasdip.measurement.impulses import fill_impulses, impulse_mask
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.measurement import Observation

# px; over so many, noise is small beside the intensity that its variance depends on.
_SMOOTHING = 2.0


def observe(pixels: np.ndarray, sigma: float | None = None) -> tuple[Observation, Diagnosis]:
    """Find out what noise an image holds; return the observation, and what was found.

    It is judged in the range that the image is fitted in (`working_range`): a 12-bit micrograph in a 16-bit file is no
    dark picture with little noise. Impulses do not count for that range: hot pixels far above all others would make it
    so wide that the noise of the others looked faint.

    Parameters
    ----------
    pixels : ndarray
        (H, W, C) float32, nominally in [0, 1], at least 16x16 px.
    sigma : float, optional
        The noise level (root mean square) in 8-bit units, where it is known: it replaces the estimated one, which is
        kept beside it (`looks`). The kind of the noise is found in any case.

    Raises
    ------
    NasdipError
        For an image that is too small or not finite, or a level that is not a number from 0.

    Examples
    --------
    >>> noisy = np.random.default_rng(0).normal(0.5, 25 / 255, (64, 64, 1)).astype(np.float32)
    >>> observe(noisy, 5.0)[0].contradicted, observe(noisy, 24.0)[0].contradicted
    (True, False)
    """
    if sigma is not None and not 0 <= sigma < np.inf:
        raise NasdipError(f"sigma {sigma} is no noise level: use a number from 0, in 8-bit units, or auto")
    Observation(pixels)  # refuses what cannot be fitted
    found, impulses, working = _examine(pixels)
    if sigma is not None:
        found = _of_level(found, sigma)
    observation = Observation(
        pixels,
        found.sigma,
        kind=found.kind,
        sigma_error=found.error,
        working=working,
        variance=_variance(found, pixels, impulses),
        known=~impulses if impulses.any() else None,
        given=found.given,
        looks=found.looks,
    )
    return observation, found


def parse_sigma(text: str) -> float | None:
    """Read a noise level that a person typed, in 8-bit units; None for auto. NasdipError where it is none.

    Examples
    --------
    >>> parse_sigma("25"), parse_sigma("auto")
    (25.0, None)
    """
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        raise NasdipError(f"sigma '{text}' is no noise level: use a number in 8-bit units, or auto") from None


def _examine(pixels: np.ndarray) -> tuple[Diagnosis, np.ndarray, Stretch | None]:
    """Return the diagnosis, the mask (H, W) of the impulses, and the range of the others where it is much narrower."""
    whole = working_range(pixels)
    found, impulses = find_noise(whole.apply(pixels))
    if not impulses.any():
        return _in_units(found, whole), impulses, None
    inner = working_range(pixels[~impulses], nominal=(whole.offset, whole.offset + whole.scale))
    if inner == whole:
        return _in_units(found, whole), impulses, None
    filled = inner.apply(fill_impulses(pixels, impulses))
    impulses = impulses | impulse_mask(filled)  # dead pixels, beside hot ones: their contrast was small so far
    return _in_units(diagnose(filled, impulses), inner), impulses, inner


def _in_units(found: Diagnosis, stretch: Stretch) -> Diagnosis:
    """Return a diagnosis of stretched intensities (x - offset) / scale in the units of x."""
    offset, scale = stretch
    if stretch == (0.0, 1.0):
        return found
    return replace(
        found,
        sigma=scale * found.sigma,
        error=scale * found.error,
        offset=scale**2 * found.offset - scale * found.gain * offset + found.square * offset**2,
        gain=scale * found.gain - 2 * found.square * offset,
        bounds=(offset, offset + scale),
    )


def _of_level(found: Diagnosis, sigma: float) -> Diagnosis:
    """Return the diagnosis for noise of a level that was given; the one that was found is kept beside it."""
    told = replace(found, sigma=sigma, error=0.0, given=True, looks=NoiseLevel(found.sigma, found.error))
    factor = (sigma / found.sigma) ** 2 if found.sigma else 0.0
    if not factor:
        return replace(told, offset=(sigma / 255) ** 2, gain=0.0, square=0.0)
    return replace(told, offset=factor * found.offset, gain=factor * found.gain, square=factor * found.square)


def _variance(found: Diagnosis, pixels: np.ndarray, impulses: np.ndarray) -> np.ndarray | None:
    """Return the variance of the noise in every value (H, W, C); None where it is the same everywhere."""
    if not (found.gain or found.square):
        return None
    clear = fill_impulses(pixels, impulses).astype(np.float64)
    smooth = np.asarray(gaussian(clear, sigma=_SMOOTHING, channel_axis=-1, mode="reflect"))
    return found.variance(smooth).astype(np.float32)
