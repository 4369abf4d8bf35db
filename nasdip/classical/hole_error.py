"""What is expected of a picture whose holes were filled, from known pixels that the fits did not see."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from nasdip.classical.error_estimate import ErrorEstimate
from nasdip.measurement.impulses import fill_impulses
from nasdip.measurement.measurement import Measurement

_SMOOTHING = 6.0  # px, over which the difficulty of places is averaged to a map
_FEWEST = 8  # hidden pixels that say something of a place or a remoteness; where there are fewer, all count with them
_NEAREST = 4  # known pixels whose mean distance is the remoteness of a missing one
_TRIED = 40_000  # pixels hidden, at least, to learn how difficult the picture is; all where there are fewer
_MOST_FOLDS = 20
_MOVES, _BINS = 4, 12  # places where the holes are made again; bins of remoteness
_WIDTH = 1.645  # of a 90 % interval, in standard deviations
_DOUBT = 0.7  # dB, standard deviation: what held-out pixels tell of missing ones beside them
_FAR_DOUBT = 0.5  # of the dB by which the error is taken to grow with the distance from known pixels
_LEAST = 0.05  # of what was measured, which is left at least where the noise is subtracted


class HeldOutErrors(NamedTuple):
    """Which pixels, (H, W) bool, a fit did not see, and its image, (H, W, C)."""

    heldout: np.ndarray
    image: np.ndarray


class _Hidden(NamedTuple):
    """Known pixels that were hidden and filled with means of neighbours: (n,) each."""

    at: np.ndarray  # indices into the picture's pixels, row by row
    squares: np.ndarray  # of the difference from what was measured, less the noise's variance
    remoteness: np.ndarray  # px


def estimate_hole_error(
    measurement: Measurement, image: np.ndarray, fits: Sequence[HeldOutErrors], *, kept: bool
) -> ErrorEstimate | None:
    """Return what is expected of an image with filled holes; None where no pixels were held out.

    A held-out pixel errs like a missing one, but there are few, and a few edges hold most of a picture's error. How
    difficult places are is therefore learned from (nearly) all known pixels, without a network: they are hidden, a part
    at a time, and filled with the means of neighbours. Held-out pixels say by which factor the fit errs less than those
    means did at the same pixels: the ratio estimator of survey sampling [1]_. By how much the error grows into a hole
    is tried on the picture itself, too: its holes are made a second time, elsewhere. Of fits that were averaged each
    counts by itself, which errs to the safe side.

    Parameters
    ----------
    measurement : Measurement
        Behind a mask.
    image : ndarray
        (H, W, C), with the holes filled.
    fits : sequence of HeldOutErrors
        Of every repetition.
    kept : bool
        Whether known pixels are as they were measured; they err by the noise then. Else they are taken to err like
        held-out ones, which errs to the safe side.

    Notes
    -----
    About 2 s per million pixels and part; of large pictures a few parts are hidden.

    References
    ----------
    .. [1] Cochran, W. G. Sampling Techniques, 3rd ed., chapter 6. Wiley, 1977.
    """
    valid = measurement.valid
    if valid is None or not any(fit.heldout.any() for fit in fits):
        return None
    noise, least = _variances(measurement)
    missing = np.logical_not(valid)
    rng = np.random.default_rng(0)
    parts = _together([_hidden(measurement, part, noise) for part in _parts(valid, fits[0].heldout, rng)])
    moved = [_hidden(measurement, _moved(valid, rng), noise) for _ in range(_MOVES)]
    remoteness = np.ones(valid.shape)
    remoteness[missing] = _remoteness(missing, missing)
    means = _Growth(_together([parts, *moved]), float(remoteness.max()))
    relative = _difficulty(parts, means, valid.shape) * means(remoteness)
    squares = _held_out_squares(measurement, fits)
    ratio, of_ratio = _ratio(squares, _squares_of_means(measurement, fits, parts, noise), noise)
    error = np.where(valid & kept, noise, ratio * relative)
    # Doubts, as standard deviations of the logarithm, in dB.
    usual = max(float(parts.squares.mean()), 1e-12)
    of_pixels = parts.squares.std() / usual * np.sqrt(1 / parts.at.size + 1 / missing.sum())
    chance = 10 / np.log(10) * float(np.sqrt(np.log1p(of_ratio**2 + of_pixels**2)))
    far = _FAR_DOUBT * 10 * np.log10(max(float(relative[missing].mean()) / usual, 1.0))
    mean = float(squares.mean())
    of_noise = 10 * np.log10((mean - least) / max(mean - noise, _LEAST * mean)) if mean > least else 0.0
    width = _WIDTH * float(np.linalg.norm((_DOUBT, chance, far, of_noise)))
    psnr = -10 * float(np.log10(max(float(np.mean(error)), 1e-12)))
    deviation = np.repeat(np.sqrt(error)[..., None], image.shape[2], axis=2).astype(np.float32)
    return ErrorEstimate(psnr, psnr - width, psnr + width, deviation)


def _variances(measurement: Measurement) -> tuple[float, float]:
    """Return the variance that counts as noise, and the least that it may be.

    A level that was found beside holes holds texture, rather than too little noise: half of its error is taken off.
    """
    variance = measurement.noise_variance()
    found = 0.0 if variance is None else float(np.mean(variance))
    error = measurement.level_uncertainty
    return found * (1 - error / 2) ** 2, found * (1 - error) ** 2


def _parts(valid: np.ndarray, heldout: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return parts (H, W) of the known pixels, as dense as what was held out, which is the first."""
    known = int(valid.sum())
    folds = int(np.clip(round(known / max(int(heldout.sum()), 1)), 2, _MOST_FOLDS))
    part = rng.integers(1, folds, valid.shape)
    tried = min(folds, max(2, -(-_TRIED * folds // known)))
    return [heldout & valid, *(valid & ~heldout & (part == number) for number in range(1, tried))]


def _moved(valid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the holes, moved by some of the picture's size, as far as pixels are known there."""
    shift = tuple(int(rng.integers(side // 8, 7 * side // 8)) for side in valid.shape)
    return np.roll(np.logical_not(valid), shift, (0, 1)) & valid


def _hidden(measurement: Measurement, hidden: np.ndarray, noise: float) -> _Hidden:
    """Hide known pixels (H, W) beside those that are missing, and fill all of them with means of neighbours."""
    valid = measurement.valid
    assert valid is not None
    missing = np.logical_not(valid) | hidden
    if not hidden.any() or missing.all():
        return _Hidden(*(np.empty(0, kind) for kind in (int, float, float)))
    filled = fill_impulses(measurement.pixels, missing)
    squares = np.mean((filled.astype(np.float64) - measurement.pixels) ** 2, axis=2)
    return _Hidden(np.flatnonzero(hidden), squares[hidden] - noise, _remoteness(missing, hidden))


def _remoteness(missing: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the mean distance (n,), px, of the nearest known pixels from each pixel of `at` (H, W)."""
    known = np.argwhere(np.logical_not(missing))
    distances, _ = cKDTree(known).query(np.argwhere(at), k=min(_NEAREST, len(known)))
    return np.asarray(distances).reshape(int(at.sum()), -1).mean(axis=1)


def _together(hidden: Sequence[_Hidden]) -> _Hidden:
    return _Hidden(*(np.concatenate(values) for values in zip(*hidden, strict=True)))


class _Growth:
    """The mean squared error of means of neighbours at a remoteness; it never falls as that grows."""

    def __init__(self, hidden: _Hidden, most: float) -> None:
        edges = np.unique(np.geomspace(1, max(most, 1.0) + 1e-9, _BINS))
        place = np.clip(np.digitize(hidden.remoteness, edges) - 1, 0, len(edges) - 1)
        count = np.bincount(place, minlength=len(edges))
        enough = count >= min(_FEWEST, count.max())
        squares, remoteness = (
            np.bincount(place, values, len(edges))[enough] / count[enough]
            for values in (hidden.squares, hidden.remoteness)
        )
        least = max(0.02 * float(hidden.squares.mean()), 1e-12)
        self._at, self._squares = remoteness, np.maximum.accumulate(np.maximum(squares, least))

    def __call__(self, remoteness: np.ndarray) -> np.ndarray:
        return np.asarray(np.interp(remoteness, self._at, self._squares))


def _difficulty(hidden: _Hidden, means: _Growth, shape: tuple[int, int]) -> np.ndarray:
    """Return by which factor (H, W) places err more than the picture does at the same remoteness."""
    usual = means(hidden.remoteness)
    found, expected = (_map(values, hidden.at, shape) for values in (hidden.squares, usual))
    total = max(float(hidden.squares.sum()), 0.0) / float(usual.sum())
    few = _FEWEST * float(usual.mean()) / (2 * np.pi * _SMOOTHING**2)
    return np.maximum((found + total * few) / (expected + few), _LEAST * max(total, _LEAST))


def _map(values: np.ndarray, at: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    picture = np.zeros(shape)
    picture.ravel()[at] = values
    return np.asarray(ndimage.gaussian_filter(picture, _SMOOTHING, mode="constant"))


def _held_out_squares(measurement: Measurement, fits: Sequence[HeldOutErrors]) -> np.ndarray:
    """Return the squared differences (n,) of fits from what was measured, at the pixels that they did not see."""
    found = []
    for fit in fits:
        found.append(np.mean((fit.image.astype(np.float64) - measurement.pixels) ** 2, axis=2)[fit.heldout])
    return np.concatenate(found)


def _squares_of_means(
    measurement: Measurement, fits: Sequence[HeldOutErrors], parts: _Hidden, noise: float
) -> np.ndarray:
    """Return what means of neighbours leave at those pixels, (n,); the first fit's are the first of the parts."""
    others = [_hidden(measurement, fit.heldout, noise).squares for fit in fits[1:]]
    return np.concatenate([parts.squares[: int(fits[0].heldout.sum())], *others])


def _ratio(squares: np.ndarray, means: np.ndarray, noise: float) -> tuple[float, float]:
    """Return the squared error of the fits over that of means at the same pixels, and its relative deviation."""
    errors = squares - noise
    error = max(float(errors.sum()), _LEAST * float(squares.sum()), 1e-12)
    mean = max(float(means.sum()), _LEAST * float((means + noise).sum()), 1e-12)
    return error / mean, float(np.linalg.norm(errors - error / mean * means)) / error
