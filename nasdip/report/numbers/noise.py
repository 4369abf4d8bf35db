"""What noise a restoration took its picture to hold, and the residual that it should leave."""

from typing import NamedTuple

import numpy as np

from nasdip.imaging.intensity import working_range
from nasdip.measurement.clipping import kept_variance
from nasdip.measurement.diagnosis import Diagnosis
from nasdip.measurement.measure import observe
from nasdip.measurement.measurement import Observation
from nasdip.measurement.unclipping import clipping_limits, seen_intensities
from nasdip.records.results import Restoration

KIND_WORDS = {
    "gaussian": "like white Gaussian noise",
    "poisson": "stronger in bright areas (Poisson-like)",
    "speckle": "in proportion to the intensity (speckle)",
    "impulse": "beside impulses (salt and pepper)",
    "correlated": "shared by neighbouring pixels",
}
# Relative; a level that is found again is as near as its record's decimals.
_SAME = 0.001
# Of these kinds a restoration does not keep all that was found: the picture is diagnosed once more.
_FOUND_AGAIN = ("poisson", "speckle", "impulse")


class NoiseModel(NamedTuple):
    """The noise of a picture.

    Attributes
    ----------
    kind : str
        See `nasdip.measurement.diagnosis.Diagnosis`.
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
    doubtful : bool
        Whether the level was given, and the picture contradicts it.
    seen : ndarray or None
        (H, W, C), what a perfect restoration leaves the residual from, where noise that was clipped shows another mean
        than the restored image; None where that is the image itself.
    """

    kind: str
    words: str
    sigma: float
    spread: np.ndarray | None = None
    known: np.ndarray | None = None
    exact: bool = True
    doubtful: bool = False
    seen: np.ndarray | None = None


def noise_model(restoration: Restoration) -> NoiseModel:
    """Return the noise that a restoration was made for.

    A restoration keeps kind and level of the noise. Where these do not tell its variance at each pixel, or which pixels
    are impulses, they are found in the noisy picture once more; where that comes to another kind, by another version,
    they stay unknown.
    """
    kind, sigma, doubtful = restoration.kind, restoration.sigma, restoration.contradicted
    if kind in _FOUND_AGAIN:
        observation, found = _observe_again(restoration)
        if found.kind != kind:
            return NoiseModel(kind, _taken(restoration), sigma, exact=False, doubtful=doubtful)
        return _modelled(restoration, observation, found)._replace(words=found.words)
    if kind == "correlated":
        return NoiseModel(kind, _correlated(restoration), sigma, doubtful=doubtful)
    white = _white(restoration)
    model = _modelled(restoration, Observation(restoration.noisy, sigma), white)
    return model._replace(words=_gaussian(restoration, white))


def _modelled(restoration: Restoration, observation: Observation, found: Diagnosis) -> NoiseModel:
    """Return what is known of noise that was found, but for words."""
    image, seen = restoration.image, None
    if restoration.refined and restoration.reference is not None and clipping_limits(observation).clipped:
        seen = image = seen_intensities(observation, image)
    spread = _spread(restoration, image, found, observation)
    doubtful = restoration.contradicted
    return NoiseModel(restoration.kind, "", restoration.sigma, spread, observation.known, doubtful=doubtful, seen=seen)


def contradiction(restoration: Restoration) -> str | None:
    """Return what a given level and the picture say of the noise, where they contradict each other."""
    looks = restoration.looks
    if looks is None:
        return None
    return (
        f"The level {restoration.sigma:.1f} was given, but the picture looks like {looks.sigma:.1f} ± "
        f"{looks.error:.1f} (8-bit units)."
    )


def _observe_again(restoration: Restoration) -> tuple[Observation, Diagnosis]:
    """Observe the picture as it was: if another level is found, that of the restoration was given."""
    if not restoration.contradicted:
        again = observe(restoration.noisy)
        if abs(again[1].sigma - restoration.sigma) <= _SAME * restoration.sigma:
            return again
    return observe(restoration.noisy, restoration.sigma)


def _white(restoration: Restoration) -> Diagnosis:
    black, scale = working_range(restoration.noisy)
    variance = (restoration.sigma / 255) ** 2
    return Diagnosis("gaussian", restoration.sigma, 0.0, variance, bounds=(black, black + scale))


def _spread(
    restoration: Restoration, seen: np.ndarray, found: Diagnosis, observation: Observation
) -> np.ndarray | None:
    """Return what the law of the noise and clipping make of its level at the restored intensities."""
    limits = clipping_limits(observation)
    if found.sigma <= 0 or not (limits.clipped or found.gain or found.square):
        return None
    variance = found.variance(restoration.image.astype(np.float64))
    kept = kept_variance(seen.astype(np.float64), found.sigma / 255, limits)
    # Where all is saturated no residual is left; a twentieth of the level keeps the ratio from growing there.
    return np.sqrt(np.maximum(variance * kept, (found.sigma / 255 / 20) ** 2))


def _gaussian(restoration: Restoration, white: Diagnosis) -> str:
    whole = white.bounds == (0.0, 1.0)
    share = "" if whole else f"; {100 * white.sigma / 255 / white.scale:.1f} % of the picture's range"
    main = "Little noise: a level of" if white.faint else "Like white Gaussian noise of level"
    main = f"{main} {white.sigma:.1f} (8-bit units{share})."
    return _with_contradiction(main, restoration)


def _correlated(restoration: Restoration) -> str:
    main = (
        "Neighbouring pixels share noise, as after blur, resampling, demosaicking or lossy compression; its level is "
        f"about {restoration.sigma:.0f} (8-bit units)."
    )
    return _with_contradiction(main, restoration)


def _taken(restoration: Restoration) -> str:
    main = f"It was taken for noise of the kind {restoration.kind} and of level {restoration.sigma:.1f} (8-bit units)."
    return _with_contradiction(main, restoration)


def _with_contradiction(words: str, restoration: Restoration) -> str:
    return " ".join(filter(None, (words, contradiction(restoration))))
