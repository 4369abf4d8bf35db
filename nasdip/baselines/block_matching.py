"""BM3D, by its authors' package `bm3d`, where a person has installed it."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image
from nasdip.imaging.intensity import working_range

LICENCE = "bm3d is its authors' package, licensed for non-commercial use only"


def has_bm3d() -> bool:
    """Whether the package bm3d is installed."""
    return find_spec("bm3d") is not None


def check_bm3d() -> None:
    """Raise NasdipError where the package bm3d is not installed."""
    if not has_bm3d():
        raise NasdipError(f"bm3d needs the package of that name: pip install bm3d ({LICENCE}), or leave it out")


def load_bm3d() -> ModuleType:
    """Return the package bm3d; NasdipError where it is not installed."""
    check_bm3d()
    return import_module("bm3d")


def block_matching(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """Denoise by block matching and 3D filtering (BM3D); of colour images, by its version for RGB.

    Parameters
    ----------
    noisy : ndarray
        (H, W, C), float. Other numbers of channels than 1 and 3 are denoised one by one.
    sigma : float
        Noise level in 8-bit units, above 0. Larger = smoother.

    Returns
    -------
    ndarray
        (H, W, C) float32.

    Raises
    ------
    NasdipError
        Where the package bm3d is missing, or the level is not above 0.

    References
    ----------
    K. Dabov, A. Foi, V. Katkovnik and K. Egiazarian, Image denoising by sparse 3-D transform-domain collaborative
    filtering, IEEE Trans. Image Processing 16 (2007) 2080-2095; Y. Makinen, L. Azzari and A. Foi, IEEE Trans. Image
    Processing 29 (2020) 8339-8354 (the package).

    Examples
    --------
    >>> block_matching(np.zeros((16, 16, 1)), sigma=0.0)
    Traceback (most recent call last):
    ...
    nasdip.errors.NasdipError: BM3D needs a noise level above 0 (got 0.0): give one with --sigma
    """
    if not sigma > 0:
        raise NasdipError(f"BM3D needs a noise level above 0 (got {sigma}): give one with --sigma")
    package = load_bm3d()
    scaling = working_range(noisy)
    scaled, level = scaling.apply(check_image(noisy)), sigma / 255 / scaling.scale
    if scaled.shape[2] == 3:
        image = package.bm3d_rgb(scaled, level)
    else:
        planes = [np.atleast_3d(package.bm3d(plane, level)) for plane in np.moveaxis(scaled, 2, 0)]
        image = np.concatenate(planes, axis=2)
    return np.asarray(scaling.invert(image), np.float32)
