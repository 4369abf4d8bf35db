"""The picture that several fits make together, with the estimate that needs no network."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import is_faint, only_impulses
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.unclipping import true_intensities

SHARE = 1 / 3  # of the fits, the rest being the reference's, where both are good
_WINDOW = 2.0  # px, of the local means by which fits are judged
_CHANCE = 3.0  # standard deviations of such a mean that noise alone may make
_TINY = 1e-12
_MEANS = 8.0  # px, of the local means of counts
_HALF = 0.5  # of the noise's power: what is left beyond that halves the share of the fits


class Combination(NamedTuple):
    """What was made of several fits, arrays (H, W, C): the means that the noise shows, and the image meant by them."""

    seen: np.ndarray
    image: np.ndarray


def combine(
    measurement: Measurement,
    fitted: np.ndarray,
    reference: BayesEstimate | None,
    *,
    refine: bool,
    heldout: float | None = None,
) -> Combination:
    r"""Make one image of the mean of the fits, `fitted` (H, W, C).

    With f that mean and r the `reference` it is :math:`(f + 2 r) / 3`: networks and patches err in different places.
    Where f misses more of the measurement than noise can be, as stars that it has not begun to fit, r takes its share
    (`fit_share`).
    Where noise was clipped to the range of a file, its mean is not the intensity meant, which takes its place
    (`measurement.unclipping`). Where impulses are all the noise there is, the other pixels are kept, and f fills the
    gaps. The known pixels of a picture with holes are kept where they err less than the fit does (`keeps_known`).
    Otherwise, as without `refine`, it is f.

    Parameters
    ----------
    heldout : float, optional
        Mean squared error of the fits against the measurement on pixels that they did not see, [0, 1] units squared.
    """
    seen, image = fitted, fitted
    if refine and reference is not None:
        share = fit_share(measurement, fitted)
        seen = share * fitted + (1 - share) * reference.image
        image = meant(measurement, seen)
    elif (refine and only_impulses(measurement)) or keeps_known(measurement, heldout):
        assert measurement.valid is not None
        seen = image = np.where(measurement.valid[..., None], measurement.pixels, fitted)
    return Combination(*(np.asarray(each, np.float32) for each in (seen, image)))


def meant(measurement: Measurement, seen: np.ndarray) -> np.ndarray:
    """Return the intensities (H, W, C) that an image stands for, which shows the means of the noise, float64."""
    image = true_intensities(measurement, np.asarray(seen, np.float64)).image
    return with_local_means(measurement, image) if measurement.kind == "poisson" else image


def with_local_means(measurement: Measurement, image: np.ndarray) -> np.ndarray:
    """Return an image (H, W, C) with the local means of what was measured, over about 16 px.

    Where photons are few, estimates shrink towards what is frequent, and light gets lost: a per cent of a dark sky, of
    which the means of many pixels know better.
    """
    left = measurement.residual(image)
    known = np.ones(left.shape[:2]) if measurement.valid is None else measurement.valid.astype(float)
    weight = np.maximum(gaussian_filter(known, _MEANS), _TINY)[..., None]
    return np.asarray(image + gaussian_filter(left, (_MEANS, _MEANS, 0)) / weight)


def fit_share(measurement: Measurement, fitted: np.ndarray) -> np.ndarray:
    r"""Return the share (H, W, 1) that a fit f (H, W, C) has in the mixture with an estimate that needs no network.

    A third where its residual is the noise. With e the local mean of :math:`(y - f)^2 / \sigma^2 - 1` beyond what
    chance makes of it, it is that over :math:`1 + (e / 0.5)^2`.

    Examples
    --------
    >>> from nasdip.measurement.noise_model import NoiseModel
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((32, 32, 1))
    >>> measurement = Measurement(noise.astype(np.float32), NoiseModel.white(25.5))
    >>> share = fit_share(measurement, np.where(np.arange(32)[:, None, None] < 16, 0.0, 1.0) * np.ones((32, 32, 1)))
    >>> share[:10].mean().round(2), share[-10:].mean().round(2)
    (np.float64(0.33), np.float64(0.0))
    """
    variance = measurement.noise_variance()
    if variance is None:
        return np.full((*fitted.shape[:2], 1), SHARE)
    channels = fitted.shape[2]
    squares = (measurement.residual(fitted) ** 2 / np.maximum(variance, _TINY)).mean(axis=2)
    known = np.ones(squares.shape) if measurement.valid is None else measurement.valid.astype(float)
    weight = np.maximum(gaussian_filter(known, _WINDOW), _TINY)
    values = 4 * np.pi * _WINDOW**2 * channels * weight  # independent ones in a window
    excess = gaussian_filter(squares * known, _WINDOW) / weight - 1 - _CHANCE * np.sqrt(2 / values)
    return np.asarray(SHARE / (1 + (np.maximum(excess, 0) / _HALF) ** 2))[..., None]


def keeps_known(measurement: Measurement, heldout: float | None) -> bool:
    """Whether the known pixels of a picture with holes stay as they were measured.

    They do where the noise in them may be less than the fit's error, which pixels that it did not see tell: `heldout`
    is the mean square of the difference there, of error and noise. Without such pixels, where the noise is faint.

    Examples
    --------
    >>> from nasdip.measurement.noise_model import NoiseModel
    >>> from nasdip.measurement.operators.mask import Mask
    >>> known = np.zeros((16, 16), bool)
    >>> known[::2] = True
    >>> measurement = Measurement(np.zeros((16, 16, 1), np.float32), NoiseModel.white(5.0), Mask(known))
    >>> keeps_known(measurement, (8 / 255) ** 2), keeps_known(measurement, (6 / 255) ** 2)
    (True, False)
    """
    if not measurement.is_masked:
        return False
    variance = measurement.noise_variance()
    if heldout is None or variance is None:
        return is_faint(measurement)
    least = float(np.mean(variance)) * (1 - measurement.level_uncertainty) ** 2
    return least <= heldout - least
