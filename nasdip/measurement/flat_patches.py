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
    """

    mean: np.ndarray
    fine: np.ndarray
    coarse: np.ndarray
    free: float


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

    Those that are constant in every channel, as in saturated or drawn areas, are left out where others exist, and so
    are those with any pixel that is not `usable` (H, W).

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
    if usable is not None:
        whole = np.lib.stride_tricks.sliding_window_view(usable, (SIDE, SIDE))[::step, ::step].all(axis=(2, 3)).ravel()
        windows = windows[whole] if whole.any() else windows
    coefficients = basis @ windows @ basis.T
    fine, coarse = coefficients[..., _FINE], coefficients[..., _COARSE]
    changing = np.abs(coefficients).max(axis=(1, 2, 3)) * 1e-10 < np.abs(fine).max(axis=(1, 2))
    chosen = changing if changing.any() else np.ones_like(changing)
    free = min(height * width / SIDE**2, len(windows)) * float(chosen.mean())
    return Patches(coefficients[chosen, :, 0, 0] / SIDE, fine[chosen], coarse[chosen], free)


def select(patches: Patches, chosen: np.ndarray) -> Patches:
    """Return those patches that the mask (n,) names."""
    free = patches.free * float(chosen.mean())
    return Patches(patches.mean[chosen], patches.fine[chosen], patches.coarse[chosen], free)


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
