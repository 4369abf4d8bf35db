"""Classical denoisers of scikit-image, calibrated on the noisy image alone."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pywt  # noqa: F401  # denoise_wavelet imports it when it is called, which its time and memory are not to show
from skimage.restoration import calibrate_denoiser, denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image
from nasdip.imaging.intensity import working_range
from nasdip.measurement.level import estimate_sigma

# Of the range that is denoised: strengths are multiples of the noise level, and need one.
_LEAST_LEVEL = 0.5 / 255


class Classical(NamedTuple):
    """A denoiser of scikit-image, and what is calibrated.

    Attributes
    ----------
    denoise : callable
        (image, **parameters) -> image.
    strength : str
        The parameter that is found: larger = smoother.
    multiples : tuple of float
        Its values that are tried, as multiples of the estimated noise level.
    others : dict
        Values of other parameters that are tried; those of one value are fixed.
    """

    denoise: Callable[..., np.ndarray]
    strength: str
    multiples: tuple[float, ...]
    others: dict[str, list[Any]]


def _nl_means(image: np.ndarray, **parameters: Any) -> np.ndarray:
    result: np.ndarray = denoise_nl_means(image, **parameters)
    return result.reshape(image.shape)  # it drops the axis of a single channel


CLASSICAL = {
    "tv": Classical(denoise_tv_chambolle, "weight", (0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.5, 1.9, 2.5, 3.5), {}),
    "wavelet": Classical(
        denoise_wavelet,
        "sigma",
        (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0),
        {"wavelet": ["db1", "db2", "sym4"], "rescale_sigma": [True]},
    ),
    "nl-means": Classical(
        _nl_means,
        "h",
        (0.25, 0.35, 0.45, 0.55, 0.65, 0.8, 1.0, 1.3),
        {"patch_size": [5], "patch_distance": [6], "fast_mode": [True]},
    ),
}


def classical(name: str, noisy: np.ndarray) -> np.ndarray:
    """Denoise by total variation, wavelet shrinkage or non-local means, as strongly as suits the image.

    The strength is that with which the denoiser best predicts pixels that are hidden from it (`calibrate_denoiser`).
    The denoiser then sees all pixels: its J-invariant version with the same strength, which `calibrate_denoiser`
    returns, leaves each pixel's own value unused, which loses quality.

    Parameters
    ----------
    name : {"tv", "wavelet", "nl-means"}
        `denoise_tv_chambolle`, `denoise_wavelet` or `denoise_nl_means`.
    noisy : ndarray
        (H, W, C), at least 16x16 px, float; stretched to its `working_range`.

    Returns
    -------
    ndarray
        (H, W, C) float32.

    Raises
    ------
    NasdipError
        For an unknown name, a package that is missing, or an image that is too small, not floating or not finite.

    References
    ----------
    J. Batson and L. Royer, Noise2Self: blind denoising by self-supervision, ICML 2019 (the calibration); A. Chambolle,
    J. Mathematical Imaging and Vision 20 (2004) 89-97; S. G. Chang, B. Yu and M. Vetterli, IEEE Trans. Image Processing
    9 (2000) 1532-1546; A. Buades, B. Coll and J.-M. Morel, CVPR 2005, 60-65.

    Examples
    --------
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (32, 32, 1))
    >>> bool(classical("tv", noisy).std() < 0.2 * noisy.std())
    True
    """
    if name not in CLASSICAL:
        raise NasdipError(f"no classical denoiser '{name}': use one of {', '.join(CLASSICAL)}")
    pixels = check_image(noisy)
    scaling = working_range(pixels)
    scaled = scaling.apply(pixels)
    chosen = CLASSICAL[name]
    strength = calibrate(chosen, scaled)
    return np.asarray(scaling.invert(chosen.denoise(scaled, **strength)), np.float32)


def calibrate(chosen: Classical, image: np.ndarray) -> dict[str, Any]:
    """Return the parameters with which a denoiser best predicts hidden pixels of an image (H, W, C)."""
    level = max(estimate_sigma(image) / 255, _LEAST_LEVEL)
    tried: dict[str, list[Any]] = {chosen.strength: [level * factor for factor in chosen.multiples]}
    tried |= {"channel_axis": [-1], **chosen.others}
    if chosen.denoise is denoise_wavelet:
        tried["convert2ycbcr"] = [image.shape[2] == 3]
    if chosen.denoise is _nl_means:
        tried["sigma"] = [level]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)  # flat images
        _, (parameters, losses) = calibrate_denoiser(image, chosen.denoise, tried, extra_output=True)
    best: dict[str, Any] = parameters[int(np.argmin(losses))]
    return best
