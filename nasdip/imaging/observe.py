"""From pixels to an observation: what noise is in them, and what that means for a fit."""

from dataclasses import replace

import numpy as np
from skimage.filters import gaussian

from nasdip.errors import NasdipError
from nasdip.imaging.impulses import fill_impulses, impulse_mask
from nasdip.imaging.intensity import Stretch, working_range
from nasdip.imaging.noise_diagnosis import Diagnosis, diagnose
from nasdip.imaging.observation import Observation

# px; over so many, noise is small beside the intensity that its variance depends on.
_SMOOTHING = 2.0


def observe(pixels: np.ndarray, sigma: float | None = None) -> tuple[Observation, Diagnosis]:
    """Find out what noise an image holds; return the observation, and what was found.

    Parameters
    ----------
    pixels : ndarray
        (H, W, C) float32, nominally in [0, 1], at least 16x16 px.
    sigma : float, optional
        The noise level (root mean square) in 8-bit units, where it is known: it replaces the estimated one. The kind of
        the noise is found in any case.

    Raises
    ------
    NasdipError
        For an image that is too small or not finite, or a level that is not a number from 0.
    """
    if sigma is not None and not 0 <= sigma < np.inf:
        raise NasdipError(f"sigma {sigma} is no noise level: use a number from 0, in 8-bit units, or auto")
    Observation(pixels)  # refuses what cannot be fitted
    stretch = working_range(pixels)
    seen = stretch.apply(pixels)  # a 12-bit micrograph in a 16-bit file is no dark picture with little noise
    impulses = impulse_mask(seen)
    found = diagnose(seen, impulses)
    if sigma is not None:
        found = _of_level(found, sigma / stretch.scale)
    clear = fill_impulses(seen, impulses) if impulses.any() else seen
    depends = found.gain > 0 or found.square > 0
    variance = stretch.scale**2 * found.variance(_smooth(clear)) if depends else None
    found = _in_units(found, stretch)
    observation = Observation(
        pixels,
        found.sigma,
        kind=found.kind,
        sigma_error=found.error,
        variance=None if variance is None else variance.astype(np.float32),
        known=~impulses if impulses.any() else None,
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
    """Return the diagnosis for noise of another level."""
    factor = (sigma / found.sigma) ** 2 if found.sigma else 0.0
    if not factor:
        return replace(found, sigma=sigma, error=0.0, offset=(sigma / 255) ** 2, gain=0.0, square=0.0)
    scaled = {name: factor * getattr(found, name) for name in ("offset", "gain", "square")}
    return replace(found, sigma=sigma, error=0.0, **scaled)


def _smooth(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(gaussian(pixels, sigma=_SMOOTHING, channel_axis=-1, mode="reflect"))
