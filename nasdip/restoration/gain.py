"""Whether there is anything to be gained by restoring a picture."""

import numpy as np

from nasdip.classical.reference import LEAST_SIGMA
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.operators.identity import Identity


def is_constant(measurement: Measurement) -> bool:
    """Whether all that was measured is one value in each channel."""
    valid = measurement.valid
    pixels = measurement.pixels.reshape(-1, measurement.pixels.shape[2])
    known = pixels if valid is None else pixels[valid.ravel()]
    return bool((np.ptp(known, axis=0) == 0).all())


def is_clear(measurement: Measurement) -> bool:
    """Whether a picture is its own best estimate: every pixel was measured, and none holds noise that counts.

    Below a level of 0.5 (8-bit units of the range that the picture fills) no estimate, by a network or without one,
    errs less than the noise does.
    """
    if not isinstance(measurement.operator, Identity) or measurement.kind == "impulse":
        return False
    if not find_kind(measurement.kind).is_white or measurement.sigma is None:
        return False
    return measurement.relative_sigma < LEAST_SIGMA
