"""Intensities of a restored image as they are, where clipping to the range of a file had moved what is seen."""

import numpy as np

from nasdip.measurement.clipping import LEAST_LEVEL, Limits, Unclipped, clipped_moments, find_limits, undo_clipping
from nasdip.measurement.measurement import Observation


def true_intensities(observation: Observation, image: np.ndarray) -> Unclipped:
    """Return what a denoised image (H, W, C), which shows the means of clipped noise, stands for.

    As it is where the noise's level is unknown, or nothing was clipped. See `undo_clipping`.
    """
    variance = observation.noise_variance()
    if variance is None:
        return Unclipped(image, np.ones(image.shape))
    return undo_clipping(image, np.sqrt(variance), clipping_limits(observation))


def seen_intensities(observation: Observation, image: np.ndarray) -> np.ndarray:
    """Return the means that clipped noise shows of the true intensities `image` (H, W, C): the way back."""
    variance, limits = observation.noise_variance(), clipping_limits(observation)
    if variance is None or not limits.clipped:
        return image
    level = np.maximum(np.sqrt(variance), LEAST_LEVEL)
    return clipped_moments(image.astype(np.float64), level, limits)[0]


def seen_variance(observation: Observation) -> float | np.ndarray | None:
    """Return the variance of the noise as the pixels show it: clipping leaves less of it near its limits.

    One number, or one for each value (H, W, C), [0, 1] units squared; None where the level is unknown. What clipping
    does is known where there is a reference.
    """
    variance, limits = observation.noise_variance(), clipping_limits(observation)
    if variance is None or observation.reference is None or not limits.clipped:
        return variance
    level = np.maximum(np.sqrt(variance), LEAST_LEVEL)
    return clipped_moments(true_intensities(observation, observation.reference.image).image, level, limits)[1]


def clipping_limits(observation: Observation) -> Limits:
    """Return what the noise was clipped to. Photons are never fewer than none: 0 is no limit of Poisson noise."""
    pixels = observation.pixels if observation.known is None else observation.pixels[observation.known]
    limits = find_limits(pixels)
    return limits._replace(low=-np.inf) if observation.kind == "poisson" and limits.low <= 0 else limits
