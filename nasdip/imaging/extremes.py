"""Values that are no part of a picture's intensities: marks of missing data, lamps in HDR pictures, broken pixels."""

import numpy as np

_BINS = 1024
_FAR, _FAR_CONSTANT = 5.0, 1.0  # widths of the others' range: the gap to values that vary, and to a single one
_FEW, _MANY = 0.02, 0.95  # largest share of such values, and of a single one
_LEAST, _DISTINCT = 64, 16  # what must be left: values, and different ones among them
_ROUNDS = 6


def extreme_values(values: np.ndarray) -> np.ndarray:
    """Return which values lie so far from all others that they belong to another scale.

    A group of values at an end of the range is extreme where the gap between it and the others is wide beside the range
    of these: 5 times as wide where it varies and holds no more than 2 % of the values; as wide where it is a single
    value, which marks missing data, however many hold it. Stars and highlights, which have values of all sizes between
    them and the rest, are none. Both ends are looked at in turn, as long as something is found.

    Parameters
    ----------
    values : ndarray
        Of any shape and real type; NaN and infinity are extreme.

    Returns
    -------
    ndarray
        Bool, of that shape. All False where too few different values would be left to tell (64, and 16 different ones).
        Cost: a histogram for each group.

    Examples
    --------
    >>> height = np.random.default_rng(0).uniform(100, 500, (32, 32))
    >>> height[:4, :4] = -9999
    >>> int(extreme_values(height).sum())
    16
    """
    if values.dtype.kind == "b" or values.dtype.itemsize == 1:
        return np.zeros(values.shape, bool)
    flat = values.ravel()
    inside = np.isfinite(flat)
    for _ in range(_ROUNDS):
        bounds = _without_group(flat[inside])
        if bounds is None:
            break
        low, high = bounds
        inside &= (flat >= low) & (flat <= high)
    return ~inside.reshape(values.shape)


def _without_group(values: np.ndarray) -> tuple[float, float] | None:
    """Return the range of the values without a group at one end that is extreme; None where there is none."""
    if values.size < _LEAST:
        return None
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return None
    # In parts of the range, as its width may exceed what a float can hold.
    place = np.clip((values / 2 - low / 2) / (high / 2 - low / 2) * _BINS, 0, _BINS - 1).astype(np.int32)
    occupied = np.flatnonzero(np.bincount(place, minlength=_BINS))
    gaps = np.diff(occupied)
    widest = int(np.argmax(gaps))
    if gaps[widest] < 2:
        return None
    upper = place > occupied[widest]
    below, above = values[~upper], values[upper]
    for group, rest, ends in (
        (above, below, (low, float(below.max()))),
        (below, above, (float(above.min()), high)),
    ):
        if _is_extreme(group, rest):
            return ends
    return None


def _is_extreme(group: np.ndarray, rest: np.ndarray) -> bool:
    if rest.size < _LEAST or np.unique(rest[: 64 * _LEAST]).size < _DISTINCT:
        return False
    gap = max(float(group.min()) - float(rest.max()), float(rest.min()) - float(group.max()))
    width = float(rest.max()) - float(rest.min())
    constant = bool((group == group[0]).all())
    share = group.size / (group.size + rest.size)
    if constant and group.size > 1 and share <= _MANY and gap >= _FAR_CONSTANT * width:
        return True
    return share <= _FEW and gap >= _FAR * width
