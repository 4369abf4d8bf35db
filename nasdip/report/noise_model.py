"""What noise a restoration took its picture to hold, and the residual that it should leave."""

from typing import NamedTuple

import numpy as np

from nasdip.imaging.noise_clipping import find_limits, kept_variance
from nasdip.imaging.noise_diagnosis import Diagnosis
from nasdip.imaging.observe import observe
from nasdip.prior.result import Restoration

KIND_WORDS = {
    "gaussian": "like white Gaussian noise",
    "poisson": "stronger in bright areas (Poisson-like)",
    "speckle": "in proportion to the intensity (speckle)",
    "impulse": "beside impulses (salt and pepper)",
    "correlated": "shared by neighbouring pixels",
}
_FAINT = 3.0  # 8-bit units: less is little noise
# Of these kinds a restoration does not keep all that was found: the picture is diagnosed once more.
_FOUND_AGAIN = ("poisson", "speckle", "impulse")


class NoiseModel(NamedTuple):
    """The noise of a picture.

    Attributes
    ----------
    kind : str
        See `nasdip.imaging.noise_diagnosis.Diagnosis`.
    words : str
        Kind and level, for a person.
    sigma : float
        Level in 8-bit units, before clipping.
    spread : ndarray or None
        (H, W, C), the standard deviation of the residual that a perfect restoration leaves; [0, 1] units. None where it
        is `sigma` everywhere.
    known : ndarray or None
        (H, W) bool, False for impulses; None where there are none.
    exact : bool
        False where the noise's variance depends on the intensity in a way that is not known any more.
    """

    kind: str
    words: str
    sigma: float
    spread: np.ndarray | None = None
    known: np.ndarray | None = None
    exact: bool = True


def noise_model(restoration: Restoration) -> NoiseModel:
    """Return the noise that a restoration was made for.

    A restoration keeps kind and level of the noise. Where these do not tell its variance at each pixel, or which pixels
    are impulses, they are found in the noisy picture once more; where that comes to another kind, by another version,
    they stay unknown.
    """
    kind, sigma, noisy = restoration.kind, restoration.sigma, restoration.noisy
    if kind in _FOUND_AGAIN:
        observation, found = observe(noisy, sigma)
        if found.kind != kind:
            return NoiseModel(kind, _taken(kind, sigma), sigma, exact=False)
        return NoiseModel(kind, found.words, sigma, _spread(restoration, found, observation.known), observation.known)
    words = _correlated(sigma) if kind == "correlated" else _gaussian(sigma)
    white = Diagnosis("gaussian", sigma, 0.0, (sigma / 255) ** 2)
    return NoiseModel(kind, words, sigma, None if kind == "correlated" else _spread(restoration, white, None))


def _spread(restoration: Restoration, found: Diagnosis, known: np.ndarray | None) -> np.ndarray | None:
    """Return what the law of the noise and clipping make of its level at the restored intensities."""
    limits = find_limits(restoration.noisy if known is None else restoration.noisy[known])
    if found.sigma <= 0 or not (limits.clipped or found.gain or found.square):
        return None
    variance = found.variance(restoration.image.astype(np.float64))
    kept = kept_variance(restoration.image.astype(np.float64), found.sigma / 255, limits)
    # Where all is saturated no residual is left; a twentieth of the level keeps the ratio from growing there.
    return np.sqrt(np.maximum(variance * kept, (found.sigma / 255 / 20) ** 2))


def _gaussian(sigma: float) -> str:
    if sigma < _FAINT:
        return f"Little noise: a level of {sigma:.1f} (8-bit units)."
    return f"Like white Gaussian noise of level {sigma:.1f} (8-bit units)."


def _correlated(sigma: float) -> str:
    return (
        f"Neighbouring pixels share noise, as after blur, resampling, demosaicking or lossy compression; its level is "
        f"about {sigma:.0f} (8-bit units)."
    )


def _taken(kind: str, sigma: float) -> str:
    return f"It was taken for noise of the kind {kind} and of level {sigma:.1f} (8-bit units)."
