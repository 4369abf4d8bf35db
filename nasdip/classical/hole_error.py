"""What is expected of a picture whose holes were filled, from known pixels that the fits did not see."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from nasdip.classical.error_estimate import ErrorEstimate
from nasdip.measurement.impulses import fill_impulses
from nasdip.measurement.measurement import Measurement

_SMOOTHING = 12.0  # px, over which held-out errors are averaged to a map
_FEWEST = 8  # held-out values, by weight, that say something of a place; where there are fewer, all count with them
_MOVES, _BINS = 4, 12  # places where the holes are made again; bins of distance
_WIDTH = 1.645  # of a 90 % interval, in standard deviations
_DOUBT = 0.7  # dB, standard deviation: what held-out pixels tell of missing ones beside them
_FAR_DOUBT = 0.5  # of the dB by which the error is taken to grow with the distance from known pixels


class HeldOutErrors(NamedTuple):
    """Which pixels, (H, W) bool, a fit did not see, and its image, (H, W, C)."""

    heldout: np.ndarray
    image: np.ndarray


def estimate_hole_error(
    measurement: Measurement, image: np.ndarray, fits: Sequence[HeldOutErrors], *, kept: bool
) -> ErrorEstimate | None:
    """Return what is expected of an image with filled holes; None where no pixels were held out.

    A held-out pixel errs like a missing one as near to known pixels as it: its squared difference from what was
    measured, less the noise's variance, is averaged over its neighbourhood. By how much the error grows farther into a
    hole is tried on the picture itself, without a network: its holes are made a second time, elsewhere, and filled with
    the means of neighbours, as held-out pixels are. Of fits that were averaged each counts by itself, which errs to the
    safe side.

    Parameters
    ----------
    measurement : Measurement
        Behind a mask.
    image : ndarray
        (H, W, C), with the holes filled.
    fits : sequence of HeldOutErrors
        Of every repetition.
    kept : bool
        Whether known pixels are as they were measured; they err by the noise then.
    """
    valid = measurement.valid
    if valid is None or not any(fit.heldout.any() for fit in fits):
        return None
    noise = _variance(measurement)
    local, samples = _local_error(measurement, fits, noise)
    distance = np.asarray(ndimage.distance_transform_edt(np.logical_not(valid)))
    growth = _growth(measurement, distance, fits[0].heldout, noise)
    error = np.where(valid, noise if kept else local, local * growth)
    mse = float(np.mean(error))
    missing = np.logical_not(valid)
    grown = 10 * np.log10(max(float(np.mean((local * growth)[missing])) / float(np.mean(local[missing])), 1.0))
    chance = 10 / np.log(10) * float(samples.std() / max(samples.mean(), 1e-12) / np.sqrt(samples.size))
    width = _WIDTH * float(np.linalg.norm((_DOUBT, chance, _FAR_DOUBT * grown)))
    psnr = -10 * float(np.log10(max(mse, 1e-12)))
    deviation = np.repeat(np.sqrt(error)[..., None], image.shape[2], axis=2).astype(np.float32)
    return ErrorEstimate(psnr, psnr - width, psnr + width, deviation)


def _variance(measurement: Measurement) -> float:
    variance = measurement.noise_variance()
    return 0.0 if variance is None else float(np.mean(variance))


def _local_error(
    measurement: Measurement, fits: Sequence[HeldOutErrors], noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean squared error (H, W) around each pixel as held-out ones tell it, and these (n,)."""
    total, count = np.zeros(measurement.pixels.shape[:2]), np.zeros(measurement.pixels.shape[:2])
    samples = []
    for fit in fits:
        squares = np.mean((fit.image.astype(np.float64) - measurement.pixels) ** 2, axis=2)
        total += np.where(fit.heldout, squares, 0)
        count += fit.heldout
        samples.append(squares[fit.heldout])
    every = np.concatenate(samples)
    prior = float(every.mean())
    around, weight = (ndimage.gaussian_filter(values, _SMOOTHING, mode="constant") for values in (total, count))
    unit = 2 * np.pi * _SMOOTHING**2  # px that a neighbourhood stands for
    mean = (unit * around + _FEWEST * prior) / (unit * weight + _FEWEST)
    floor = 0.05 * max(prior - noise, 0.05 * prior)
    return np.maximum(mean - noise, floor), every


def _growth(measurement: Measurement, distance: np.ndarray, heldout: np.ndarray, noise: float) -> np.ndarray:
    """Return by how much more, (H, W), a pixel at a distance from known ones errs than a held-out one.

    Tried on the picture itself: its own holes, moved to where pixels are known, are filled with means of neighbours;
    held-out pixels among them too, so that both have as many known neighbours as such pixels have there.
    """
    valid = measurement.valid
    assert valid is not None
    rng = np.random.default_rng(0)
    tried = [_tried(measurement, _moved(valid, rng), heldout) for _ in range(_MOVES)]
    distances, squares, beside = (np.concatenate(values) for values in zip(*tried, strict=True))
    bins = np.unique(np.geomspace(1, max(float(distance.max()), 1.0) + 1e-9, _BINS))
    place = np.clip(np.digitize(distances, bins) - 1, 0, len(bins) - 1)
    counts = np.bincount(place, minlength=len(bins))
    enough = counts >= _FEWEST
    if not enough.any() or not beside.size:
        return np.ones(distance.shape)
    means = np.bincount(place, squares, len(bins))[enough] / counts[enough]
    unit = max(float(beside.mean()) - noise, 0.1 * float(beside.mean()), 1e-12)
    grown = np.maximum.accumulate(np.maximum((means - noise) / unit, 0.5))
    return np.asarray(np.interp(distance, bins[enough], grown))


def _moved(valid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the holes, moved by some of the picture's size, as far as pixels are known there."""
    shift = tuple(int(rng.integers(side // 8, 7 * side // 8)) for side in valid.shape)
    return np.roll(np.logical_not(valid), shift, (0, 1)) & valid


def _tried(
    measurement: Measurement, holes: np.ndarray, heldout: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return distances from known pixels (n,) and squared errors (n,) where holes are made; those of other held-out."""
    valid = measurement.valid
    assert valid is not None
    missing = np.logical_not(valid) | holes | heldout
    filled = fill_impulses(measurement.pixels, missing)
    squares = np.mean((filled.astype(np.float64) - measurement.pixels) ** 2, axis=2)
    distance = np.asarray(ndimage.distance_transform_edt(missing))
    return distance[holes], squares[holes], squares[heldout & ~holes]
