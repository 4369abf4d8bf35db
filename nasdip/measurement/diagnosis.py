"""What kind of noise is in a picture, from the picture alone."""

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image
from nasdip.measurement.clipping import find_limits
from nasdip.measurement.correlation import noise_correlation
from nasdip.measurement.flat_patches import take_patches
from nasdip.measurement.impulses import fill_impulses, impulse_mask
from nasdip.measurement.level import SMALLEST, level_of
from nasdip.measurement.noise_model import FAINT, NoiseModel
from nasdip.measurement.photons import photon_gain
from nasdip.measurement.variance import VarianceFit, fit_variance, intensity_bins

_CORRELATED_ERROR = 0.25
_COUNTED_ERROR = 0.01  # of counts, whose variance is their mean
_LEAKED = 3.0  # 8-bit units, of texture that may count as noise where all but a share of the pixels are missing


def diagnose(image: np.ndarray, impulses: np.ndarray | None = None) -> NoiseModel:
    """Find out what noise is in an image, preferring gaussian unless the evidence against it is significant.

    Correlation is looked for first (`noise_correlation`), then impulses (`impulse_mask`), and with those filled in the
    level (`estimate_level`) and variance against intensity (`fit_variance`), in flat patches of 8x8 px. Where a kind
    cannot be told, as poisson in a picture of one brightness, or any below a level of about 10 on small pictures, the
    answer is gaussian. In almost black pictures the level of photon noise, which is cut off at 0 by nature, is
    overestimated. A lossy file changes noise in ways that this does not see.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float, nominally in [0, 1], at least 16x16 px.
    impulses : ndarray, optional
        (H, W), bool; the impulses where they are known. With any, correlation is not looked for: impulses are white,
        and hide it. Default: those that `impulse_mask` finds.

    Returns
    -------
    NoiseModel
        Kind, level, variance function, share of impulses, correlation.

    Raises
    ------
    NasdipError
        For an image that is too small, not floating or not finite, or a mask of another size.

    Examples
    --------
    >>> from nasdip.measurement.add_noise import add_noise
    >>> clean = np.tile(np.linspace(0.1, 0.9, 96), (96, 1))
    >>> [diagnose(add_noise(clean, kind, sigma=25, clip=True)).kind for kind in ("gaussian", "poisson", "speckle")]
    ['gaussian', 'poisson', 'speckle']
    >>> diagnose(add_noise(clean, "salt-pepper")).kind
    'impulse'
    """
    return find_noise(image, impulses)[0]


def find_noise(
    image: np.ndarray, impulses: np.ndarray | None = None, usable: np.ndarray | None = None
) -> tuple[NoiseModel, np.ndarray]:
    """Return what `diagnose` does, and the mask (H, W) of the impulses: none of them in correlated noise.

    Pixels that are not `usable` (H, W) hold no noise of the picture, and their surroundings are not looked at.
    """
    pixels = check_image(image)
    if min(pixels.shape[:2]) < SMALLEST:
        raise NasdipError(f"noise cannot be judged in {pixels.shape[0]}x{pixels.shape[1]} px: use 16x16 up")
    if impulses is not None and impulses.shape != pixels.shape[:2]:
        raise NasdipError(f"a mask of shape {impulses.shape} does not fit an image of shape {pixels.shape}")
    gain = photon_gain(pixels) if impulses is None else None
    if gain is not None:
        return _photons(pixels if usable is None else pixels[usable], gain), np.zeros(pixels.shape[:2], bool)
    known = impulses is not None and bool(impulses.any())
    filled = pixels if impulses is None else fill_impulses(pixels, impulses)
    patches, limits = take_patches(filled, usable), find_limits(filled if usable is None else filled[usable])
    correlation = noise_correlation(patches, level_of(patches, limits))
    if correlation.significant and not known:
        sigma, error = correlation.sigma, _CORRELATED_ERROR * correlation.sigma
        law = VarianceFit("correlated", (sigma / 255) ** 2, 0.0, 0.0)
        found = NoiseModel("correlated", sigma, error, *law[1:], 0.0, correlation.largest, limits.clipped)
        return found, np.zeros(pixels.shape[:2], bool)
    mask = impulse_mask(pixels) if impulses is None else impulses
    if usable is not None:
        mask = mask & usable
    return _independent(pixels, mask, correlation.largest, usable), mask


def find_noise_beside(image: np.ndarray, usable: np.ndarray) -> NoiseModel:
    """Return the noise that is independent from pixel to pixel, from the `usable` pixels (H, W) bool alone.

    Neither correlation nor impulses are looked for.
    """
    pixels = check_image(image)
    if min(pixels.shape[:2]) < SMALLEST:
        raise NasdipError(f"noise cannot be judged in {pixels.shape[0]}x{pixels.shape[1]} px: use 16x16 up")
    return _independent(pixels, np.zeros(usable.shape, bool), 0.0, usable)


def _photons(pixels: np.ndarray, gain: float) -> NoiseModel:
    """Return the noise of counted photons, of which each adds `gain`: there the floor at 0 clips nothing."""
    sigma = 255 * float(np.sqrt(gain * pixels.mean()))
    clipped = np.isfinite(find_limits(pixels).high)
    return NoiseModel("poisson", sigma, _COUNTED_ERROR * sigma, 0.0, gain, clipped=bool(clipped))


def _independent(pixels: np.ndarray, mask: np.ndarray, correlation: float, usable: np.ndarray | None) -> NoiseModel:
    """Return the diagnosis of noise that is independent from pixel to pixel."""
    share = float(mask.mean())
    filled = np.clip(fill_impulses(pixels, mask), 0, 1) if share else pixels
    patches, limits = take_patches(filled, usable), find_limits(filled if usable is None else filled[usable])
    filling = 1 / max(1 - share, 0.1)  # what was filled in, as means of neighbours, holds little noise
    sigma, error = (float(np.sqrt(filling)) * value for value in level_of(patches, limits))
    error = float(np.hypot(error, min(_LEAKED * (1 - patches.known), sigma)))
    law = fit_variance(intensity_bins(patches, limits)) if sigma >= FAINT else None
    if law is None or law.kind == "gaussian":
        law = VarianceFit("gaussian", (sigma / 255) ** 2, 0.0, 0.0)
    else:
        law = VarianceFit(law.kind, *(filling * value for value in law[1:]))
        x = np.maximum(patches.mean, 0)
        sigma = 255 * float(np.sqrt(np.mean(law.offset + law.gain * x + law.square * x**2)))
    kind = "impulse" if share else law.kind
    return NoiseModel(kind, sigma, error, *law[1:], share, correlation, limits.clipped)
