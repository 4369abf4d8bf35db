"""Small patches of a picture in the cosine basis, where high frequencies tell noise and lower ones texture.

White noise has the same variance in every coefficient of an orthonormal basis, and is independent between them. So
patches can be chosen by their low coefficients as flat, without bias to the noise measured in their high ones.
"""

from typing import NamedTuple

import numpy as np
from scipy.fft import dct

SIDE = 8
MOST_PATCHES = 8000
_ORDER = np.add.outer(np.arange(SIDE), np.arange(SIDE))
_FINE = _ORDER >= SIDE - 1  # above the diagonal: 36 of 64 coefficients
_FEWEST_KNOWN = 6  # pixels, of which a plane leaves half
_COARSE = (_ORDER > 0) & ~_FINE  # texture shows here first


class Patches(NamedTuple):
    """n patches of a picture of C channels, evenly spread over it, overlapping in a small one.

    Attributes
    ----------
    mean : ndarray
        (n, C), mean intensity.
    fine : ndarray
        (n, C, 36), the coefficients of high frequency: noise and little else.
    coarse : ndarray
        (n, C, 27), the lower ones without the mean: texture and noise.
    free : float
        Number of patches without overlap, (H W) / 64 at most: what counts in a standard error.
    known : float
        Share of their pixels that were usable.
    """

    mean: np.ndarray
    fine: np.ndarray
    coarse: np.ndarray
    free: float
    known: float = 1.0


def cosine_basis(side: int) -> np.ndarray:
    """Return the orthonormal DCT-II matrix, a basis vector a row.

    Examples
    --------
    >>> bool(np.allclose(cosine_basis(8) @ cosine_basis(8).T, np.eye(8)))
    True
    """
    return np.asarray(dct(np.eye(side), axis=0, norm="ortho"))


def take_patches(image: np.ndarray, usable: np.ndarray | None = None) -> Patches:
    """Return up to about 8000 patches of 8x8 px of an image (H, W) or (H, W, C), 8x8 px or larger.

    Those that are constant in every channel, as in saturated or drawn areas, are left out where others exist. Of
    pixels that are not `usable` (H, W) nothing is taken: that half of the patches which knows the most pixels is kept,
    and where some are missing, the low coefficients are those fitted to the others, and the high ones those of what
    that leaves, scaled to the variance of white noise.

    Examples
    --------
    >>> patches = take_patches(np.random.default_rng(0).normal(size=(96, 96, 3)))
    >>> patches.fine.shape, bool(abs(patches.fine.std() - 1) < 0.02)
    ((7921, 3, 36), True)
    """
    pixels = np.atleast_3d(image)
    height, width = pixels.shape[:2]
    positions = (height - SIDE + 1) * (width - SIDE + 1)
    step = int(np.ceil(np.sqrt(positions / MOST_PATCHES)))
    step += (step + 1) % 2 if step > 1 else 0  # odd: even ones would keep step with the 8x8 blocks of JPEG
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (SIDE, SIDE), axis=(0, 1))[::step, ::step]
    windows = windows.reshape(-1, *windows.shape[2:])  # (n, C, 8, 8)
    basis = cosine_basis(SIDE)  # products of matrices: `scipy.fft.dctn` of so small patches takes 2.7 times as long
    known = None if usable is None else _most_known(usable, step)
    if known is not None:
        windows = windows[known.at]
    if known is None or known.pixels.all():
        coefficients = basis @ windows @ basis.T
        mean, fine, coarse = coefficients[..., 0, 0] / SIDE, coefficients[..., _FINE], coefficients[..., _COARSE]
        largest = np.abs(coefficients).max(axis=(1, 2, 3))
    else:
        mean, fine, coarse = _fitted(windows, known.pixels)
        largest = np.abs(mean).max(axis=1)
    changing = largest * 1e-10 < np.abs(fine).max(axis=(1, 2))
    chosen = changing if changing.any() else np.ones_like(changing)
    free = min(height * width / SIDE**2, len(windows)) * float(chosen.mean())
    share = 1.0 if known is None else float(known.pixels.mean())
    return Patches(mean[chosen], fine[chosen], coarse[chosen], free * share, share)


class _Known(NamedTuple):
    """Which windows are taken, indices (n,), and which of their pixels are known, (n, 8, 8) bool."""

    at: np.ndarray
    pixels: np.ndarray


def _most_known(usable: np.ndarray, step: int) -> _Known | None:
    """Return that half of the windows which knows the most pixels; None where none knows enough of them."""
    pixels = np.lib.stride_tricks.sliding_window_view(usable, (SIDE, SIDE))[::step, ::step].reshape(-1, SIDE, SIDE)
    count = pixels.sum(axis=(1, 2))
    enough = count >= _FEWEST_KNOWN
    if not enough.any():
        return None
    at = np.flatnonzero(count >= np.median(count[enough]))
    return _Known(at, pixels[at])


def _fitted(windows: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean (n, C), fine and coarse coefficients of windows (n, C, 8, 8) that are `known` (n, 8, 8) in part.

    So many low coefficients are fitted, by least squares, as half of the known pixels at most; white noise in them is
    independent of what they leave.
    """
    count, channels = len(windows), windows.shape[1]
    values = windows.reshape(count, channels, -1).astype(np.float64)
    weights = known.reshape(count, -1).astype(np.float64)
    offset = (values * weights[:, None]).sum(axis=2, keepdims=True) / weights.sum(axis=1)[:, None, None]
    values = (values - offset) * weights[:, None]
    mean, fine, coarse = offset[..., 0].copy(), np.empty((count, channels, 36)), np.zeros((count, channels, 27))
    basis = cosine_basis(SIDE)
    rows = np.einsum("ai,bj->abij", basis, basis).reshape(SIDE, SIDE, -1)
    order = np.clip(((np.sqrt(4 * weights.sum(axis=1) + 1) - 1) / 2).astype(int), 1, SIDE - 1)
    for number in np.unique(order):
        at = np.flatnonzero(order == number)
        low = rows[number > _ORDER]  # (p, 64); the first is the constant
        mine = weights[at, None] * low  # (n, p, 64)
        inverse = np.linalg.inv(mine @ low.T + 1e-9 * np.eye(len(low)))
        fitted = inverse @ (mine @ values[at].swapaxes(1, 2))  # (n, p, C)
        left = values[at] - fitted.swapaxes(1, 2) @ mine
        seen = weights[at, None] * rows[_FINE]  # (n, 36, 64)
        across = seen @ low.T  # (n, 36, p)
        power = (seen * rows[_FINE]).sum(axis=(1, 2)) - np.einsum("nfp,npq,nfq->n", across, inverse, across)
        fine[at] = left @ rows[_FINE].T * np.sqrt(36 / np.maximum(power, 1e-9))[:, None, None]
        mean[at] += fitted[:, 0] / SIDE
        scaled = fitted[:, 1:] / np.sqrt(np.einsum("npp->np", inverse)[:, 1:, None])
        coarse[at, :, : len(low) - 1] = scaled.swapaxes(1, 2) * np.sqrt(27 / max(len(low) - 1, 1))
    return mean, fine, coarse


def select(patches: Patches, chosen: np.ndarray) -> Patches:
    """Return those patches that the mask (n,) names."""
    free = patches.free * float(chosen.mean())
    return Patches(patches.mean[chosen], patches.fine[chosen], patches.coarse[chosen], free, patches.known)


def spectrum(patches: Patches) -> np.ndarray:
    """Return the mean square of each coefficient over patches and channels, (8, 8); zero frequency as its neighbours.

    Examples
    --------
    >>> white = spectrum(take_patches(np.random.default_rng(0).normal(size=(96, 96))))
    >>> bool((abs(white - 1) < 0.4).all())
    True
    """
    power = np.zeros((SIDE, SIDE))
    power[_FINE], power[_COARSE] = (patches.fine**2).mean(axis=(0, 1)), (patches.coarse**2).mean(axis=(0, 1))
    power[0, 0] = (power[0, 1] + power[1, 0]) / 2  # the mean holds the picture
    return power
