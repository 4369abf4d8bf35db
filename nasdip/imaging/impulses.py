"""Which pixels of a picture are impulses (salt and pepper), and filling them in.

Ordinary noise, clipped to the range of a file, makes black and white pixels too, and so do black and white things. An
impulse is an extreme that neither its neighbours nor the noise make likely.
"""

import numpy as np

from nasdip.imaging.checks import check_image
from nasdip.imaging.noise_clipping import Limits, clipped_moments, find_limits
from nasdip.imaging.noise_level import SMALLEST, level_of
from nasdip.imaging.noise_patches import select, take_patches

_BAND = 0.02  # of the range: this near to an end is extreme
_LEAST_SHARE = 1e-3  # fewer impulses than this cannot be told from sparse highlights
_LEAST_LEVEL = 0.03  # of the range: neighbours that differ by this much can be one surface
_MOST = 0.45  # of more than this, the pixels of one end are its background
_CONTRAST = 0.1  # of the range: an impulse that differs less from its neighbours does no harm
_CLUSTERED = 3.0  # impulses that touch each other this much more often than chance are things
_ROUNDS = 8
_FEWEST_ROUNDS = 3  # the impulses of one end may hide those of the other at first
_CHUNK = 20000
_LARGE = 1 << 20  # pixels; of a larger picture a sample tells first whether there are impulses
_SQUARE, _SQUARES = 256, 3
_REACH = 2
_OFFSETS = [(y, x) for y in range(-_REACH, _REACH + 1) for x in range(-_REACH, _REACH + 1) if (y, x) != (0, 0)]


def impulse_mask(image: np.ndarray) -> np.ndarray:
    """Return which pixels are impulses: replaced, all channels together, by black or white.

    Candidates are pixels whose channels all lie within 2 % of an end of the range of values. With q the share of
    impulses of that end, k of the n = 24 neighbours of a candidate extreme too, s the level of the other noise,

        ``P(extreme | no impulse) = (max(k - k_q, 0) + sum_{j not extreme} prod_c Phi((end - y_jc) / s)) / n``

    with ``k_q = n q + 2 sqrt(n q) + 1``, what chance brings together, or what noise about the local mean makes if that
    is more, and it is an impulse where ``q / (q + P) > 1/2``. Mask, q and s are computed in turn. At first s holds the
    impulses too, which errs to the safe side, and q is the excess of candidates over those that noise of level s,
    clipped, makes about the local means. No pixel is called an impulse where they would be less than 0.1 % of all, or
    touch each other more than random ones do: sparse highlights, stars, print.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float, nominally in [0, 1]; values outside count as its ends.

    Returns
    -------
    ndarray
        (H, W), bool. Impulses in areas of their own colour are left out: there they do no harm.

    Raises
    ------
    NasdipError
        For an image that is not floating or not finite.

    References
    ----------
    R. H. Chan, C.-W. Ho and M. Nikolova, Salt-and-pepper noise removal by median-type noise detectors and
    detail-preserving regularization, IEEE Trans. Image Processing 14 (2005) 1479-1485 (detect first, keep the others).

    Examples
    --------
    >>> from nasdip.imaging.noise import add_noise
    >>> clean = np.full((64, 64), 0.5)
    >>> noisy = add_noise(clean, "salt-pepper")
    >>> bool((impulse_mask(noisy) == (noisy != clean)).all())
    True
    """
    pixels = np.clip(np.atleast_3d(check_image(image)), 0, 1)
    nothing = np.zeros(pixels.shape[:2], bool)
    low, high = float(pixels.min()), float(pixels.max())
    if min(nothing.shape) < SMALLEST or high <= low:
        return nothing
    pixels = (pixels - low) / (high - low)
    if nothing.size > _LARGE and min(nothing.shape) > _SQUARES * _SQUARE and not _find(_sample(pixels)).any():
        return nothing
    return _find(pixels)


def _sample(pixels: np.ndarray) -> np.ndarray:
    """Return squares of 256 px, evenly spread over a large picture, side by side."""
    rows, columns = (np.linspace(0, length - _SQUARE, _SQUARES).astype(int) for length in pixels.shape[:2])
    return np.concatenate([
        np.concatenate([pixels[row : row + _SQUARE, column : column + _SQUARE] for column in columns], axis=1)
        for row in rows
    ])  # fmt: skip


def _find(pixels: np.ndarray) -> np.ndarray:
    """Return the impulses (H, W) of a picture (H, W, C) in [0, 1]."""
    nothing = np.zeros(pixels.shape[:2], bool)
    sides = [_Side(pixels), _Side(1 - pixels)]
    found = nothing
    for number in range(1, _ROUNDS + 1):
        filled = fill_impulses(pixels, found)
        dark, bright = _levels(filled, float(found.mean()))
        before, found = found, sides[0].impulses(filled, dark) | sides[1].impulses(1 - filled, bright)
        if found.mean() < _LEAST_SHARE:
            return nothing
        if number >= _FEWEST_ROUNDS and np.count_nonzero(found != before) <= 1e-2 * np.count_nonzero(found):
            break
    return found if not _touching(found) else nothing


def fill_impulses(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a copy with the pixels of `mask` (H, W) replaced by the mean of their neighbours outside of it.

    The 8 neighbours, or those within the smallest square that has any. An image that is all mask stays as it is.

    Examples
    --------
    >>> image = np.array([[0.2, 0.4, 0.6], [0.2, 1.0, 0.6], [0.2, 0.4, 0.6]])
    >>> fill_impulses(image, image == 1)[1, 1].round(3)
    np.float64(0.4)
    """
    filled, left = np.atleast_3d(image).copy(), mask.copy()
    while left.any() and not left.all():
        total, count = _neighbour_sums(np.where(left[..., None], 0, filled)), _neighbour_sums(~left[..., None])
        ready = left & (count[..., 0] > 0)
        filled[ready] = total[ready] / count[ready]
        left &= ~ready
    return filled.reshape(image.shape)


class _Side:
    """The candidates of one end of the range, which is 0 here, and their neighbours."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.extreme = pixels.max(axis=2) <= _BAND
        self.places = np.argwhere(self.extreme)
        self.share = 0.0
        self._values = np.pad(pixels, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="reflect")
        self._extreme = np.pad(self.extreme, _REACH, mode="reflect")

    def impulses(self, filled: np.ndarray, level: float) -> np.ndarray:
        """Return the mask (H, W) of this side's impulses, given a picture without those known and its noise level."""
        mask, noise = np.zeros(self.extreme.shape, bool), _tail(filled, level)
        excess = float(self.extreme.mean() - noise.mean())
        self.share = self.share or (excess if 0 < excess < _MOST else 0.0)
        for begin in range(0, len(self.places) if self.share > 0 else 0, _CHUNK):
            at = self.places[begin : begin + _CHUNK]
            likelihood = np.maximum(self._likelihood(at, level), noise[tuple(at.T)])
            mask[tuple(at[self.share > likelihood].T)] = True
        self.share = float(mask.mean())
        return mask

    def _likelihood(self, places: np.ndarray, level: float) -> np.ndarray:
        """Return P(extreme | no impulse) of candidates (n, 2) as their neighbours tell it."""
        rows, columns = (places + _REACH).T
        reached, extreme, distance = (np.zeros(len(places)) for _ in range(3))
        for y, x in _OFFSETS:
            at = rows + y, columns + x
            other, values = ~self._extreme[at], self._values[at]
            reached += other * _logistic((_BAND - values) / level).prod(axis=1)
            distance += other * values.max(axis=1)
            extreme += ~other
        neighbours = len(_OFFSETS)
        chance = min(neighbours * self.share + 2 * np.sqrt(neighbours * self.share) + 1, neighbours / 2)
        near = distance < _CONTRAST * (neighbours - extreme)
        return np.where(near, 1, (np.maximum(extreme - chance, 0) + reached) / neighbours)


def _tail(pixels: np.ndarray, level: float) -> np.ndarray:
    """Return the probability (H, W) that noise of `level`, clipped at 0 and 1, makes a pixel extreme at the 0 end."""
    wide = np.linspace(-3, 4, 513)
    meant = np.interp(_neighbour_means(pixels), clipped_moments(wide, level, Limits(0.0, 1.0))[0], wide)
    return np.asarray(_logistic((_BAND - meant) / level).prod(axis=2))


def _neighbour_means(pixels: np.ndarray) -> np.ndarray:
    """Return means over 5x5 px (H, W, C)."""
    side = 2 * _REACH + 1
    padded = np.pad(pixels, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="reflect")
    height, width = pixels.shape[:2]
    rows = np.sum([padded[shift : shift + height] for shift in range(side)], axis=0)
    return np.asarray(np.sum([rows[:, shift : shift + width] for shift in range(side)], axis=0) / side**2)


def _logistic(z: np.ndarray) -> np.ndarray:
    """Return about P(N(0, 1) <= z): within 0.01, with heavier tails."""
    return 1 / (1 + np.exp(-1.702 * np.maximum(z, -30)))


def _levels(filled: np.ndarray, share: float) -> tuple[float, float]:
    """Return the noise levels of the dark and the bright half of a picture, of which a share was filled in.

    In its units, and none below that of the whole.
    """
    patches, limits = take_patches(filled), find_limits(filled)
    brightness = patches.mean.mean(axis=1)
    dark = brightness <= np.median(brightness)
    filling = 255 * np.sqrt(max(1 - share, 0.1))  # means of neighbours hold little noise
    whole = max(level_of(patches, limits).sigma / filling, _LEAST_LEVEL)
    halves = (level_of(select(patches, half), limits).sigma / filling for half in (dark, ~dark) if half.any())
    low, high = (max(whole, level) for level in (*halves, whole)[:2])
    return low, high


def _touching(mask: np.ndarray) -> bool:
    share = float(mask.mean())
    neighbours = _neighbour_sums(mask[..., None].astype(float))[..., 0]
    return bool(neighbours[mask].mean() / 8 > _CLUSTERED * share + 0.02)


def _neighbour_sums(image: np.ndarray) -> np.ndarray:
    """Return the sums (H, W, C) over the 8 neighbours, 0 outside."""
    padded = np.pad(image.astype(float), ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] - image)
