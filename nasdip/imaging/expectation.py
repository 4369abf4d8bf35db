"""How far a restored image is from the unknown clean one."""

from typing import NamedTuple

import numpy as np

from nasdip.imaging.observation import Observation


class Expectation(NamedTuple):
    """What is expected of a restored image.

    Attributes
    ----------
    psnr : float
        Estimated PSNR (dB) against the unknown clean image.
    low, high : float
        The interval that holds the true one in 90 % of cases.
    deviation : ndarray
        (H, W, C) float32, the expected root mean square error of each value, [0, 1] units.
    """

    psnr: float
    low: float
    high: float
    deviation: np.ndarray


def expectation(
    observation: Observation, fitted: np.ndarray, image: np.ndarray, *, workers: int = 1
) -> Expectation | None:
    """Return what is expected of `image`, made of the mean `fitted` of fits; None where noise is not understood."""
    raise NotImplementedError
