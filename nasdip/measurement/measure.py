"""From pixels to a measurement: what noise is in them, and what that means for a fit."""

from dataclasses import replace

import numpy as np
from skimage.filters import gaussian

from nasdip.errors import NasdipError
from nasdip.imaging.intensity import IntensityScaling, working_range
from nasdip.measurement.diagnosis import find_noise, find_noise_beside
from nasdip.measurement.impulses import fill_impulses, impulse_mask
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.operators.mask import Mask

# px; over so many, noise is small beside the intensity that its variance depends on.
_SMOOTHING = 2.0


def measurement_of(
    pixels: np.ndarray,
    sigma: float | None = None,
    known: np.ndarray | None = None,
    invalid: np.ndarray | None = None,
) -> Measurement:
    """Find out what noise an image holds; return the measurement that it is.

    It is judged in the range that the image is fitted in (`working_range`): a 12-bit micrograph in a 16-bit file is no
    dark picture with little noise. Impulses do not count for that range: hot pixels far above all others would make it
    so wide that the noise of the others looked faint.

    Parameters
    ----------
    pixels : ndarray
        (H, W, C) float32, nominally in [0, 1], at least 16x16 px.
    sigma : float, optional
        The noise level (root mean square) in 8-bit units, where it is known: it replaces the estimated one, which is
        kept beside it (`NoiseModel.measured_level`). The kind of the noise is found in any case.
    known : ndarray, optional
        (H, W) bool, False where nothing was measured: a picture with holes, whose pixels there may be anything. None
        or all True: all were.
    invalid : ndarray, optional
        (H, W) bool, True for pixels that hold no intensity, as missing data: they tell nothing of the picture, like
        impulses, and nobody wants to know what they would have been.

    Raises
    ------
    NasdipError
        For an image that is too small or not finite, or a level that is not a number from 0.

    Examples
    --------
    >>> noisy = np.random.default_rng(0).normal(0.5, 25 / 255, (64, 64, 1)).astype(np.float32)
    >>> measurement_of(noisy, 5.0).contradicted, measurement_of(noisy, 24.0).contradicted
    (True, False)
    """
    check_sigma(sigma)
    if known is not None and not known.all():
        return _with_holes(pixels, sigma, known if invalid is None else known & ~invalid)
    if invalid is not None and not invalid.any():
        invalid = None
    Measurement(pixels)  # refuses what cannot be fitted
    found, impulses, scaling = _examine(pixels, invalid)
    noise = found if sigma is None else _of_level(found, sigma)
    return Measurement(
        pixels,
        noise,
        scaling=scaling,
        variance=_variance(noise, pixels, impulses),
        impulses=impulses if impulses.any() else None,
    )


def _with_holes(pixels: np.ndarray, sigma: float | None, known: np.ndarray) -> Measurement:
    """Return the measurement of a picture with holes, whose noise is judged in the pixels around them."""
    if known.shape != pixels.shape[:2]:
        raise NasdipError(f"a mask of {known.shape} px does not fit a picture of {pixels.shape[:2]} px: give one size")
    operator = Mask(known)
    pixels = np.where(known[..., None], pixels, 0).astype(np.float32)
    Measurement(pixels)
    scaling = working_range(pixels[known])
    found = _in_units(find_noise_beside(scaling.apply(pixels), known), scaling)
    noise = found if sigma is None else _of_level(found, sigma)
    variance = _variance(noise, pixels, ~known)
    return Measurement(pixels, noise, operator, scaling=scaling, variance=variance)


def check_sigma(sigma: float | None) -> None:
    """Raise NasdipError for a noise level that is none; None means that it is to be found."""
    if sigma is not None and not 0 <= sigma < np.inf:
        raise NasdipError(f"sigma {sigma} is no noise level: use a number from 0, in 8-bit units, or auto")


def _examine(pixels: np.ndarray, invalid: np.ndarray | None) -> tuple[NoiseModel, np.ndarray, IntensityScaling | None]:
    """Return the noise, the mask (H, W) of the impulses and invalid pixels, and the range of the others if it differs.

    That is where it is much narrower.
    """
    usable = None if invalid is None else ~invalid
    whole = working_range(pixels if usable is None else pixels[usable])
    found, impulses = find_noise(whole.apply(pixels), usable=usable)
    outside = impulses if invalid is None else impulses | invalid
    own = whole if invalid is not None and whole != working_range(pixels) else None
    if not impulses.any():
        return _in_units(found, whole), outside, own
    inner = working_range(pixels[~outside], nominal=(whole.offset, whole.offset + whole.scale))
    if inner == whole:
        return _in_units(found, whole), outside, own
    filled = inner.apply(fill_impulses(pixels, outside))
    impulses = impulses | impulse_mask(filled)  # dead pixels, beside hot ones: their contrast was small so far
    if usable is not None:
        impulses &= usable
    found = find_noise(filled, impulses, usable)[0]
    return _in_units(found, inner), impulses if invalid is None else impulses | invalid, inner


def _in_units(found: NoiseModel, scaling: IntensityScaling) -> NoiseModel:
    """Return the noise of scaled intensities (x - offset) / scale in the units of x."""
    offset, scale = scaling
    if scaling == (0.0, 1.0):
        return found
    return replace(
        found,
        sigma=scale * found.sigma,
        error=scale * found.error,
        offset=scale**2 * found.offset - scale * found.gain * offset + found.square * offset**2,
        gain=scale * found.gain - 2 * found.square * offset,
        bounds=(offset, offset + scale),
    )


def _of_level(found: NoiseModel, sigma: float) -> NoiseModel:
    """Return the noise for a level that was given; the one that was found is kept beside it."""
    told = replace(found, sigma=sigma, error=0.0, given=True, measured_level=NoiseLevel(found.sigma, found.error))
    factor = (sigma / found.sigma) ** 2 if found.sigma else 0.0
    if not factor:
        return replace(told, offset=(sigma / 255) ** 2, gain=0.0, square=0.0)
    return replace(told, offset=factor * found.offset, gain=factor * found.gain, square=factor * found.square)


def _variance(noise: NoiseModel, pixels: np.ndarray, impulses: np.ndarray) -> np.ndarray | None:
    """Return the variance of the noise in every value (H, W, C); None where it is the same everywhere."""
    if not (noise.gain or noise.square):
        return None
    clear = fill_impulses(pixels, impulses).astype(np.float64)
    smooth = np.asarray(gaussian(clear, sigma=_SMOOTHING, channel_axis=-1, mode="reflect"))
    return noise.variance(smooth).astype(np.float32)
