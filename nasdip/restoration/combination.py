"""The picture that several fits make together, with the estimate that needs no network."""

from typing import NamedTuple

import numpy as np

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import is_faint, only_impulses
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.unclipping import true_intensities

_SHARE = 1 / 3  # of the fits, the rest being the reference's


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
        seen = _SHARE * fitted + (1 - _SHARE) * reference.image
        image = true_intensities(measurement, seen).image
    elif (refine and only_impulses(measurement)) or keeps_known(measurement, heldout):
        assert measurement.valid is not None
        seen = image = np.where(measurement.valid[..., None], measurement.pixels, fitted)
    return Combination(*(np.asarray(each, np.float32) for each in (seen, image)))


def keeps_known(measurement: Measurement, heldout: float | None) -> bool:
    """Whether the known pixels of a picture with holes stay as they were measured.

    They do where the noise in them is less than the fit's error, which pixels that it did not see tell: `heldout` is
    the mean square of the difference there, of error and noise. Without such pixels, where the noise is faint.

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
    noise = float(np.mean(variance))
    return noise <= heldout - noise
