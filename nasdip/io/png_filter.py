"""The five row filters of PNG, on whole images at once."""

import numpy as np

KINDS = range(5)  # none, sub, up, average, Paeth


def encode(pixels: np.ndarray) -> np.ndarray:
    """Filter rows of pixels, each by the filter whose residual has the least sum of magnitudes.

    Parameters
    ----------
    pixels : ndarray
        (H, W, B) uint8, B the bytes of a pixel.

    Returns
    -------
    ndarray
        (H, 1 + W B) uint8: the filter's number, then the filtered bytes.

    References
    ----------
    PNG specification, third edition (W3C, 2025), section 9, and 12.7 for the choice of filters.
    """
    height = len(pixels)
    padded = np.pad(pixels.astype(np.int16), ((1, 0), (1, 0), (0, 0)))
    left, up, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    best = np.zeros((height, 1 + pixels[0].size), np.uint8)
    least = np.full(height, np.inf)
    for kind in KINDS:
        residual = (pixels - _predict(np.array(kind), left, up, corner)).astype(np.uint8).reshape(height, -1)
        cost = np.abs(residual.view(np.int8).astype(np.int16)).sum(axis=1)
        better = cost < least
        best[better, 0], best[better, 1:], least[better] = kind, residual[better], cost[better]
    return best


def decode(rows: np.ndarray, width: int) -> np.ndarray:
    """Undo the filters: the inverse of `encode`, for rows filtered by any encoder.

    A pixel needs its left, upper and upper left neighbours, so pixels on one anti-diagonal are decoded together.

    Parameters
    ----------
    rows : ndarray
        (H, 1 + W B) uint8.
    width : int
        W, pixels in a row.

    Returns
    -------
    ndarray
        (H, W, B) uint8.

    Raises
    ------
    ValueError
        For a filter number above 4.

    Examples
    --------
    >>> pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) ** 2
    >>> bool((decode(encode(pixels), 4) == pixels).all())
    True
    """
    height = len(rows)
    kinds = rows[:, 0]
    if kinds.max() not in KINDS:
        raise ValueError(f"PNG filter {kinds.max()} does not exist")
    residual = rows[:, 1:].reshape(height, width, -1)
    padded = np.zeros((height + 1, width + 1, residual.shape[2]), np.int16)
    for diagonal in range(height + width - 1):
        y = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        x = diagonal - y
        left, up, corner = padded[y + 1, x], padded[y, x + 1], padded[y, x]
        prediction = _predict(kinds[y, None], left, up, corner)
        padded[y + 1, x + 1] = (residual[y, x] + prediction) & 255
    return padded[1:, 1:].astype(np.uint8)


def _predict(kind: np.ndarray, left: np.ndarray, up: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Predict bytes from their decoded neighbours; `kind` is the filter of each row, or one for all."""
    return np.select(
        [kind == 1, kind == 2, kind == 3, kind == 4],
        [left, up, (left + up) >> 1, _paeth(left, up, corner)],
        np.zeros_like(left),
    )


def _paeth(left: np.ndarray, up: np.ndarray, corner: np.ndarray) -> np.ndarray:
    to_left, to_up, to_corner = np.abs(up - corner), np.abs(left - corner), np.abs(left + up - 2 * corner)
    nearest = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)
