"""What noise a restoration took its picture to hold, and the residual that it should leave."""

from typing import NamedTuple

import numpy as np

from nasdip.imaging.intensity import working_range
from nasdip.measurement.clipping import kept_variance
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.operators.identity import Identity
from nasdip.measurement.operators.mask import Mask
from nasdip.measurement.operators.operator import Operator
from nasdip.measurement.unclipping import clipping_limits, seen_intensities
from nasdip.records.results import Restoration
from nasdip.report.text.noise import noise_words

# Relative; a level that is found again is as near as its record's decimals.
_SAME = 0.001


class ExpectedResidual(NamedTuple):
    """The noise of a picture, and the residual that a perfect restoration leaves.

    Attributes
    ----------
    kind : str
        See `nasdip.measurement.noise_model.NoiseModel`.
    words : str
        Kind and level, for a person.
    sigma : float
        Level in 8-bit units, before clipping.
    spread : ndarray or None
        (H, W, C), the standard deviation of the residual that a perfect restoration leaves; [0, 1] units. None where it
        is `sigma` everywhere.
    valid : ndarray or None
        (H, W) bool, False where the measurement tells nothing; None where it does everywhere.
    exact : bool
        False where the noise's variance depends on the intensity in a way that is not known any more.
    doubtful : bool
        Whether the level was given, and the picture contradicts it.
    seen : ndarray or None
        (H, W, C), what a perfect restoration leaves the residual from, where noise that was clipped shows another mean
        than the restored image; None where that is the image itself.
    holes : bool
        Whether pixels were missing.
    """

    kind: str
    words: str
    sigma: float
    spread: np.ndarray | None = None
    valid: np.ndarray | None = None
    exact: bool = True
    doubtful: bool = False
    seen: np.ndarray | None = None
    holes: bool = False


def expected_residual(restoration: Restoration) -> ExpectedResidual:
    """Return the noise that a restoration was made for.

    A restoration keeps kind and level of the noise. Where these do not tell its variance at each pixel, or which pixels
    are impulses, they are found in the noisy picture once more; where that comes to another kind, by another version,
    they stay unknown.
    """
    kind, sigma, doubtful = restoration.kind, restoration.sigma, restoration.contradicted
    if find_kind(kind).law_found_again:
        measurement, found = _measure_again(restoration)
        if found.kind != kind:
            return ExpectedResidual(kind, _taken(restoration), sigma, exact=False, doubtful=doubtful)
        return _modelled(restoration, measurement, found)._replace(words=noise_words(found))
    if not find_kind(kind).is_white:
        return ExpectedResidual(kind, _correlated(restoration), sigma, doubtful=doubtful)
    white = _white(restoration)
    model = _modelled(restoration, Measurement(restoration.noisy, white, _operator(restoration)), white)
    return model._replace(words=_gaussian(restoration, white))


def _modelled(restoration: Restoration, measurement: Measurement, found: NoiseModel) -> ExpectedResidual:
    """Return what is known of noise that was found, but for words."""
    image, seen = restoration.image, None
    if restoration.refined and restoration.reference is not None and clipping_limits(measurement).clipped:
        seen = image = seen_intensities(measurement, image)
    spread = _spread(restoration, image, found, measurement)
    doubtful = restoration.contradicted
    return ExpectedResidual(
        restoration.kind, "", restoration.sigma, spread, measurement.valid, doubtful=doubtful, seen=seen,
        holes=restoration.mask is not None,
    )  # fmt: skip


def contradiction(restoration: Restoration) -> str | None:
    """Return what a given level and the picture say of the noise, where they contradict each other."""
    looks = restoration.measured_level
    if looks is None:
        return None
    return (
        f"The level {restoration.sigma:.1f} was given, but the picture looks like {looks.sigma:.1f} ± "
        f"{looks.error:.1f} (8-bit units)."
    )


def _measure_again(restoration: Restoration) -> tuple[Measurement, NoiseModel]:
    """Observe the picture as it was: if another level is found, that of the restoration was given."""
    if not restoration.contradicted:
        again = measurement_of(restoration.noisy, known=restoration.mask)
        assert again.noise is not None
        if abs(again.noise.sigma - restoration.sigma) <= _SAME * restoration.sigma:
            return again, again.noise
    given = measurement_of(restoration.noisy, restoration.sigma, restoration.mask)
    assert given.noise is not None
    return given, given.noise


def _operator(restoration: Restoration) -> Operator:
    return Identity() if restoration.mask is None else Mask(restoration.mask)


def _white(restoration: Restoration) -> NoiseModel:
    black, scale = working_range(restoration.noisy)
    variance = (restoration.sigma / 255) ** 2
    return NoiseModel("gaussian", restoration.sigma, 0.0, variance, bounds=(black, black + scale))


def _spread(
    restoration: Restoration, seen: np.ndarray, found: NoiseModel, measurement: Measurement
) -> np.ndarray | None:
    """Return what the law of the noise and clipping make of its level at the restored intensities."""
    limits = clipping_limits(measurement)
    if found.sigma <= 0 or not (limits.clipped or found.gain or found.square):
        return None
    variance = found.variance(restoration.image.astype(np.float64))
    kept = kept_variance(seen.astype(np.float64), found.sigma / 255, limits)
    # Where all is saturated no residual is left; a twentieth of the level keeps the ratio from growing there.
    return np.sqrt(np.maximum(variance * kept, (found.sigma / 255 / 20) ** 2))


def _gaussian(restoration: Restoration, white: NoiseModel) -> str:
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
