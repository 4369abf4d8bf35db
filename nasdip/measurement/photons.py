"""Whether a picture holds counts of photons: whole numbers from 0 up whose variance is their mean."""

import numpy as np

_MOST_LEVELS = 65536
_WHOLE = 0.02  # how far from whole numbers values may be, in steps
_SIDE = 4  # px, of the blocks
_BOUNDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # mean counts of blocks that are judged together
_DARK = 0.25  # share of the blocks that hold few counts; dark corners of other pictures may look like it by chance
_FEWEST = 24  # blocks to judge by
_FLAT = 0.5  # share of them without much texture
_FANO = (0.75, 1.35)  # variance over mean
_TEXTURED = 3.0  # and of some, where all blocks of a mean hold texture


def photon_gain(pixels: np.ndarray) -> float | None:
    """Return what one photon adds to a value of a picture (H, W, C); None where it does not count photons.

    Values are whole multiples of a step, from 0, and where they are few (0.1 to 10 and 30 on average in blocks of 4x4
    px) the variance of flat blocks is their mean: neither rounding nor noise of another kind, clipped at 0, makes both.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> photon_gain(rng.poisson(1.5, (64, 64, 1)) / 4095), photon_gain(rng.integers(0, 256, (64, 64, 1)) / 255)
    (0.0002442002442002442, None)
    """
    levels = np.unique(pixels)
    if levels.size < 3 or levels.size > _MOST_LEVELS or levels[0] != 0:
        return None
    levels = levels.astype(np.float64)
    most = round(levels[-1] / float(np.diff(levels).min()))
    step = float(levels[-1]) / most  # less rounded than a single difference
    if most > _MOST_LEVELS or np.abs(levels / step - np.rint(levels / step)).max() > _WHOLE:
        return None
    counts = pixels.astype(np.float64) / step
    means, variances = _blocks(np.rint(counts))
    if np.mean(means < _BOUNDS[-2]) < _DARK:
        return None
    judged = [_fano(means[inside], variances[inside]) for inside in _groups(means)]
    few = [value for value in judged[:-1] if value is not None]
    fano = few if judged[-1] is None else [*few, judged[-1]]
    low, high = _FANO
    told = few and all(low <= value <= high for value in (few[0], float(np.median(fano)))) and max(fano) < _TEXTURED
    return step if told else None


def _blocks(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of the blocks of all channels."""
    height, width = (length // _SIDE for length in counts.shape[:2])
    parts = counts[: height * _SIDE, : width * _SIDE].reshape(height, _SIDE, width, _SIDE, -1)
    return parts.mean(axis=(1, 3)).ravel(), parts.var(axis=(1, 3), ddof=1).ravel()


def _groups(means: np.ndarray) -> list[np.ndarray]:
    place = np.digitize(means, _BOUNDS)
    return [place == number for number in range(1, len(_BOUNDS))]


def _fano(means: np.ndarray, variances: np.ndarray) -> float | None:
    """Return variance over mean of the flatter blocks, as if they had not been chosen for that; None for too few."""
    if means.size < _FEWEST:
        return None
    ratio = variances / means
    flat = ratio <= np.quantile(ratio, _FLAT)
    # Half of the values of a chi^2 distribution with 15 degrees of freedom, the lower ones, have 0.71 of its mean.
    return float(variances[flat].sum() / means[flat].sum() / 0.71)
