"""An estimate of the clean image without a network: what fits are compared, and mixed, with."""

import math
import time

import numpy as np

from nasdip.classical.nonlocal_bayes import BayesEstimate, nonlocal_bayes
from nasdip.measurement.impulses import fill_impulses
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.operators.identity import Identity

_SAMPLE = 48  # px
_BYTES, _BYTES_A_VALUE = 300 * 2**20, 50
# 8-bit units. Below it an image is its own best estimate.
LEAST_SIGMA = 0.5
# 8-bit units. Photographs called clean hold 1 to 4.5 by themselves, texture included.
_FAINT = 5.0
# Standard deviation, of the range that is fitted, of what is put in the place of pixels that tell nothing.
_FILLED = 0.1


def allows_reference(measurement: Measurement) -> bool:
    """Whether the noise allows an estimate: it must be independent between pixels, and of known level.

    It is an estimate of the measured values: of the image where every pixel was measured as it is.
    """
    if not isinstance(measurement.operator, Identity):
        return False
    if not find_kind(measurement.kind).is_white or only_impulses(measurement):
        return False
    return measurement.relative_sigma >= LEAST_SIGMA


def reference_seconds(measurement: Measurement, *, workers: int = 1) -> float:
    """Return about how many seconds `make_reference` takes, measured on a small part of the image."""
    height, width = measurement.pixels.shape[:2]
    tall, wide = min(height, _SAMPLE), min(width, _SAMPLE)
    start = time.perf_counter()
    make_reference(measurement.part((slice(tall), slice(wide))), workers=1)
    return (time.perf_counter() - start) * (height * width) / (tall * wide) / max(1, min(workers, height // _SAMPLE))


def reference_memory(shape: tuple[int, ...]) -> int:
    """Return about how many bytes the estimates of an image (H, W, C) take, measured with two workers."""
    return _BYTES + _BYTES_A_VALUE * math.prod(shape)


def only_impulses(measurement: Measurement) -> bool:
    """Whether impulses are all the noise there is: then the other pixels are best kept as they are."""
    return measurement.kind == "impulse" and is_faint(measurement)


def is_faint(measurement: Measurement) -> bool:
    """Whether a picture holds no more noise than ones that are called clean."""
    return measurement.relative_sigma < _FAINT


def make_reference(measurement: Measurement, *, workers: int = 1) -> BayesEstimate:
    """Return the non-local Bayes estimate of the clean image, float32, from `filled_pixels`."""
    estimate = nonlocal_bayes(*filled_pixels(measurement), workers=workers)
    return BayesEstimate(*(image.astype(np.float32) for image in estimate))


def filled_pixels(measurement: Measurement) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels and the variance of their noise, (H, W, C) both.

    Pixels that tell nothing of the image are filled with the mean of their neighbours, and count as very noisy.
    """
    pixels, variance = measurement.pixels, measurement.noise_variance()
    assert variance is not None
    variance = np.broadcast_to(np.asarray(variance, np.float64), pixels.shape)
    if measurement.valid is not None:
        pixels = fill_impulses(pixels, ~measurement.valid)
    return pixels, noisy_gaps(measurement, variance)


def noisy_gaps(measurement: Measurement, variance: np.ndarray) -> np.ndarray:
    """Return variances (H, W, C), those of pixels that tell nothing raised to that of what fills them."""
    if measurement.valid is None:
        return variance
    scale = measurement.working.scale
    return np.where(measurement.valid[..., None], variance, np.maximum(variance, (scale * _FILLED) ** 2))
