"""Intensities of a restored image as they are, where clipping to the range of a file had moved what is seen."""

import numpy as np

from nasdip.measurement.clipping import LEAST_LEVEL, Limits, Unclipped, clipped_moments, find_limits, undo_clipping
from nasdip.measurement.measurement import Measurement


def true_intensities(measurement: Measurement, image: np.ndarray) -> Unclipped:
    """Return what a denoised image (H, W, C), which shows the means of clipped noise, stands for.

    As it is where the noise's level is unknown, or nothing was clipped. See `undo_clipping`.
    """
    variance = measurement.noise_variance()
    if variance is None:
        return Unclipped(image, np.ones(image.shape))
    return undo_clipping(image, np.sqrt(variance), clipping_limits(measurement))


def seen_intensities(measurement: Measurement, image: np.ndarray) -> np.ndarray:
    """Return the means that clipped noise shows of the true intensities `image` (H, W, C): the way back."""
    variance, limits = measurement.noise_variance(), clipping_limits(measurement)
    if variance is None or not limits.clipped:
        return image
    level = np.maximum(np.sqrt(variance), LEAST_LEVEL)
    return clipped_moments(image.astype(np.float64), level, limits)[0]


def seen_variance(measurement: Measurement, estimate: np.ndarray | None) -> float | np.ndarray | None:
    """Return the variance of the noise as the pixels show it: clipping leaves less of it near its limits.

    One number, or one for each value (H, W, C), [0, 1] units squared; None where the level is unknown. What clipping
    does is known where there is an `estimate` (H, W, C) of the means that the noise shows.
    """
    variance, limits = measurement.noise_variance(), clipping_limits(measurement)
    if variance is None or estimate is None or not limits.clipped:
        return variance
    level = np.maximum(np.sqrt(variance), LEAST_LEVEL)
    return clipped_moments(true_intensities(measurement, estimate).image, level, limits)[1]


def clipping_limits(measurement: Measurement) -> Limits:
    """Return what the noise was clipped to. Photons are never fewer than none: 0 is no limit of Poisson noise."""
    pixels = measurement.pixels if measurement.valid is None else measurement.pixels[measurement.valid]
    limits = find_limits(pixels)
    return limits._replace(low=-np.inf) if measurement.kind == "poisson" and limits.low <= 0 else limits
