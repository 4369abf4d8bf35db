"""Which pixels of a picture are impulses (salt and pepper), and filling them in.

Ordinary noise, clipped to the range of a file, makes black and white pixels too, and so do black and white things. An
impulse is an extreme that neither its neighbours nor the noise make likely.
"""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage
from scipy.special import expit

from nasdip.imaging.checks import check_image
from nasdip.measurement.clipping import Limits, clipped_moments, find_limits
from nasdip.measurement.flat_patches import select, take_patches
from nasdip.measurement.level import SMALLEST, level_of

_BAND = 0.02  # of the range: this near to an end is extreme
_LEAST_SHARE = 1e-3  # fewer impulses than this cannot be told from sparse highlights
_LEAST_LEVEL = 0.03  # of the range: neighbours that differ by this much can be one surface
_MOST = 0.45  # of more than this, the pixels of one end are its background
_CONTRAST = 0.1  # of the range: an impulse that differs less from its neighbours does no harm
_CLUSTERED = 3.0  # impulses that touch each other this much more often than chance are things
_FAR = 0.3  # of the range: where all others fit into this, a lone pixel at its other end is no highlight
_FEW = 0.05  # of the pixels: more are no defects
_LONE = 0.2  # of the neighbours: defects share this much or less
_ROUNDS = 8
_FEWEST_ROUNDS = 3  # the impulses of one end may hide those of the other at first
_CHUNK = 20000  # pixels that are worked on at a time, for the sake of memory
_LARGE = 1 << 20  # pixels; of a larger picture a sample tells first whether there are impulses
_SQUARE, _SQUARES = 256, 3
_REACH = 2
_OFFSETS = [(y, x) for y in range(-_REACH, _REACH + 1) for x in range(-_REACH, _REACH + 1) if (y, x) != (0, 0)]
_NEXT = [(y, x) for y, x in _OFFSETS if max(abs(y), abs(x)) == 1]


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

    However few, lone pixels at one end of the range are impulses where all others fit into 0.3 of it at the other end:
    the hot pixels of a camera, in data of fewer bits than their file.

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
    >>> from nasdip.measurement.add_noise import add_noise
    >>> clean = np.full((64, 64), 0.5)
    >>> noisy = add_noise(clean, "salt-pepper")
    >>> bool((impulse_mask(noisy) == (noisy != clean)).all())
    True
    """
    pixels = np.atleast_3d(check_image(image).astype(np.float32))
    np.clip(pixels, 0, 1, out=pixels)
    nothing = np.zeros(pixels.shape[:2], bool)
    low, high = float(pixels.min()), float(pixels.max())
    if min(nothing.shape) < SMALLEST or high <= low:
        return nothing
    pixels -= low
    pixels /= high - low
    if nothing.size > _LARGE and min(nothing.shape) > _SQUARES * _SQUARE and not _find(_sample(pixels)).any():
        return _lone(pixels)
    return _find(pixels) | _lone(pixels)


def _lone(pixels: np.ndarray) -> np.ndarray:
    """Return the lone pixels (H, W) at one end of the range [0, 1], where the others are far from it, and vary."""
    found = np.zeros(pixels.shape[:2], bool)
    for bright in (False, True):
        extreme = _extreme(pixels, bright)
        width = float(np.max(pixels if bright else 1 - pixels, initial=0, where=~extreme[..., None]))
        if 0 < width <= _FAR and 0 < extreme.mean() <= _FEW and _touching(extreme) <= _LONE:
            found |= extreme
    return found


def _extreme(pixels: np.ndarray, bright: bool) -> np.ndarray:
    """Return which pixels of (H, W, C) are at one end of the range [0, 1] in all channels."""
    return pixels.min(axis=2) >= 1 - _BAND if bright else pixels.max(axis=2) <= _BAND


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
    padded = np.pad(pixels, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="reflect")
    sides = [_Side(padded, bright=False), _Side(padded, bright=True)]
    found = nothing
    for number in range(1, _ROUNDS + 1):
        filled = fill_impulses(pixels, found)
        dark, bright = _levels(filled, float(found.mean()))
        before, found = found, sides[0].impulses(filled, dark) | sides[1].impulses(filled, bright)
        if found.mean() < _LEAST_SHARE:
            return nothing
        if number >= _FEWEST_ROUNDS and np.count_nonzero(found != before) <= 1e-2 * np.count_nonzero(found):
            break
    return found if _touching(found) <= _CLUSTERED * float(found.mean()) + 0.02 else nothing


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
        known, ready = ~left, []
        for places in _places(left):
            total, count = _neighbours(filled, known, places)
            at = tuple(places[count > 0].T)
            filled[at] = total[count > 0] / count[count > 0, None]
            ready.append(at)
        for at in ready:
            left[at] = False
    return filled.reshape(image.shape)


class _Side:
    """The candidates of one end of the range, and their neighbours; values count as distances from that end."""

    def __init__(self, padded: np.ndarray, *, bright: bool) -> None:
        self._padded, self._bright = padded, bright
        self._extreme = _extreme(padded, bright)
        self.extreme = self._extreme[_REACH:-_REACH, _REACH:-_REACH]
        self.share = 0.0

    def impulses(self, filled: np.ndarray, level: float) -> np.ndarray:
        """Return the mask (H, W) of this side's impulses, given a picture without those known and its noise level."""
        mask, noise = np.zeros(self.extreme.shape, bool), self._tail(filled, level)
        excess = float(self.extreme.mean()) - float(noise.mean(dtype=float))
        self.share = self.share or (excess if 0 < excess < _MOST else 0.0)
        for at in _places(self.extreme) if self.share > 0 else ():
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
            other, values = ~self._extreme[at], self._from_end(self._padded[at])
            reached += other * _normal_cdf((_BAND - values) / level).prod(axis=1)
            distance += other * values.max(axis=1)
            extreme += ~other
        neighbours = len(_OFFSETS)
        chance = min(neighbours * self.share + 2 * np.sqrt(neighbours * self.share) + 1, neighbours / 2)
        near = distance < _CONTRAST * (neighbours - extreme)
        return np.where(near, 1, (np.maximum(extreme - chance, 0) + reached) / neighbours)

    def _tail(self, pixels: np.ndarray, level: float) -> np.ndarray:
        """Return the probability (H, W) that noise of `level`, clipped at 0 and 1, makes a pixel extreme at this end.

        Strip by strip.
        """
        wide = np.linspace(-3, 4, 513)
        seen = clipped_moments(wide, level, Limits(0.0, 1.0))[0]
        means = ndimage.uniform_filter(pixels, (2 * _REACH + 1, 2 * _REACH + 1, 1), mode="mirror")
        chances, rows = np.empty(pixels.shape[:2], np.float32), max(1, _CHUNK // pixels.shape[1])
        for top in range(0, len(chances), rows):
            meant = np.interp(self._from_end(means[top : top + rows]), seen, wide)
            chances[top : top + rows] = _normal_cdf((_BAND - meant) / level).prod(axis=2)
        return chances

    def _from_end(self, values: np.ndarray) -> np.ndarray:
        return 1 - values if self._bright else values


def _normal_cdf(z: np.ndarray) -> np.ndarray:
    """Return about P(N(0, 1) <= z): within 0.01, with heavier tails."""
    return np.asarray(expit(1.702 * z))


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


def _touching(mask: np.ndarray) -> float:
    """Return the share of the 8 neighbours of the pixels of a mask (H, W), not empty, that are in it too."""
    touched = sum(_neighbours(mask[..., None], mask, places)[1].sum() for places in _places(mask))
    return float(touched / np.count_nonzero(mask) / 8)


def _places(mask: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the pixels of a mask (H, W), as rows and columns (n, 2), some at a time."""
    places = np.flatnonzero(mask)
    for begin in range(0, len(places), _CHUNK):
        yield np.stack(np.unravel_index(places[begin : begin + _CHUNK], mask.shape), axis=1)


def _neighbours(image: np.ndarray, counted: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sum (n, C) and number (n,) of those of the 8 neighbours of pixels (n, 2) that a mask (H, W) counts.

    At these pixels alone: filters of the whole picture would take its memory several times.
    """
    total, count = np.zeros((len(places), image.shape[2])), np.zeros(len(places))
    for offset in _NEXT:
        beside = places + offset
        inside = np.all((beside >= 0) & (beside < counted.shape), axis=1)
        rows, columns = np.where(inside[:, None], beside, 0).T
        counts = inside & counted[rows, columns]
        total += np.where(counts[:, None], image[rows, columns], 0)
        count += counts
    return total, count
