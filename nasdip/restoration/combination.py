"""The picture that several fits make together, with the estimate that needs no network."""

from typing import NamedTuple

import numpy as np

from nasdip.classical.reference import only_impulses
from nasdip.measurement.measurement import Observation
from nasdip.measurement.unclipping import true_intensities

_SHARE = 1 / 3  # of the fits, the rest being the reference's


class Combination(NamedTuple):
    """What was made of several fits, arrays (H, W, C): the means that the noise shows, and the image meant by them."""

    seen: np.ndarray
    image: np.ndarray


def combine(observation: Observation, fitted: np.ndarray, *, refine: bool) -> Combination:
    r"""Make one image of the mean of the fits, `fitted` (H, W, C).

    With f that mean and r the reference it is :math:`(f + 2 r) / 3`: networks and patches err in different places.
    Where noise was clipped to the range of a file, its mean is not the intensity meant, which takes its place
    (`measurement.unclipping`). Where impulses are all the noise there is, the other pixels are kept, and f fills the
    gaps. Otherwise, as without `refine`, it is f.
    """
    seen, image = fitted, fitted
    if refine and observation.reference is not None:
        seen = _SHARE * fitted + (1 - _SHARE) * observation.reference.image
        image = true_intensities(observation, seen).image
    elif refine and only_impulses(observation) and observation.known is not None:
        seen = image = np.where(observation.known[..., None], observation.pixels, fitted)
    return Combination(*(np.asarray(each, np.float32) for each in (seen, image)))
