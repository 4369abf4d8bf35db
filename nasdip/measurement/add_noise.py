"""Synthetic noise of a known level."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from skimage.filters import gaussian

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image
from nasdip.measurement.noise_model import LARGEST_RATE, NoiseModel

DEFAULT_AMOUNT = 2 / 35  # one pixel in 35 black, one in 35 white


def add_noise(
    image: np.ndarray,
    kind: str = "gaussian",
    *,
    sigma: float | None = None,
    amount: float | None = None,
    blur: float = 1.0,
    seed: int | np.random.Generator = 0,
    clip: bool = False,
) -> np.ndarray:
    """Return a noisy copy of `image`.

    With x the image, s = sigma / 255 and <.> the mean over all pixels and channels, the noisy y is

    - gaussian: ``y = x + n``, n ~ N(0, s^2).
    - poisson: ``y = x + Poisson(peak x) / peak - x``, ``peak = <x> / s^2`` photons at x = 1: variance x / peak. Pixels
      below 0 count no photons and stay as they are.
    - speckle: ``y = x + x n``, n ~ N(0, s^2 / <x^2>).
    - salt-pepper: a pixel, all its channels together, becomes 0 with probability amount / 2, 1 with amount / 2.
    - blur-salt-pepper: a Gaussian blur of `blur` px, not across channels, then salt-pepper on the blurred image.

    So sigma always is the expected root mean square of y - x; for salt-pepper that gives
    ``amount = s^2 / <(x^2 + (1 - x)^2) / 2>`` (x blurred, for blur-salt-pepper).

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float, nominally in [0, 1].
    kind : str
        One of `KINDS`.
    sigma : float, optional
        Noise level in 8-bit units (25 means 25/255), above 0. Required by gaussian, poisson and speckle.
    amount : float, optional
        Share of pixels replaced by the salt-pepper kinds, in (0, 1]; default 2/35. Not together with `sigma`.
    blur : float
        Standard deviation of the blur in pixels, 0 or more; larger = smoother. Used by blur-salt-pepper alone.
    seed : int or Generator
        The same seed gives the same noise.
    clip : bool
        Clip the result to [0, 1], as an 8-bit camera does; this lowers the noise level.

    Returns
    -------
    ndarray
        Noisy image, shape and dtype of `image`.

    Raises
    ------
    NasdipError
        For an unknown kind, a missing, surplus or impossible level, or an image that cannot carry the noise.

    References
    ----------
    J. Nakamura (ed.), *Image Sensors and Signal Processing for Digital Still Cameras*, 2006 (photon counts); J. W.
    Goodman, *Speckle Phenomena in Optics*, 2007; R. C. Gonzalez and R. E. Woods, *Digital Image Processing*, ch. 5.

    Examples
    --------
    >>> noisy = add_noise(np.full((64, 64), 0.5), "gaussian", sigma=25, seed=1)
    >>> bool(abs(255 * noisy.std() - 25) < 1)
    True
    """
    clean = check_image(image)
    if kind not in KINDS:
        raise NasdipError(f"unknown noise {kind!r}: choose one of {', '.join(KINDS)}")
    if kind == "blur-salt-pepper":
        clean = _blurred(clean, blur)
    noise = replace(_MODELS[kind](clean, sigma, amount), clipped=clip)
    return noise.sample(clean, seed).astype(image.dtype)


def _level(kind: str, sigma: float | None, amount: float | None) -> float:
    if amount is not None:
        raise NasdipError(f"{kind} noise takes no amount: give its level as sigma, in 8-bit units")
    if sigma is None or not 0 < sigma < np.inf:
        raise NasdipError(f"{kind} noise needs a sigma above 0 in 8-bit units, such as 25 (got {sigma})")
    return sigma


def _gaussian(image: np.ndarray, sigma: float | None, amount: float | None) -> NoiseModel:
    return NoiseModel.white(_level("gaussian", sigma, amount))


def _poisson(image: np.ndarray, sigma: float | None, amount: float | None) -> NoiseModel:
    sigma = _level("poisson", sigma, amount)
    signal = np.maximum(image, 0)
    if not signal.any():
        raise NasdipError("poisson noise is proportional to the signal and this image is black: use gaussian noise")
    gain = (sigma / 255) ** 2 / float(signal.mean())
    if signal.max() / gain > LARGEST_RATE:
        raise NasdipError("sigma is too small for poisson noise on this image: use gaussian noise or a larger sigma")
    return NoiseModel("poisson", sigma, 0.0, 0.0, gain=gain)


def _speckle(image: np.ndarray, sigma: float | None, amount: float | None) -> NoiseModel:
    sigma, power = _level("speckle", sigma, amount), float(np.mean(image**2))
    if power == 0:
        raise NasdipError("speckle noise is proportional to the signal and this image is black: use gaussian noise")
    return NoiseModel("speckle", sigma, 0.0, 0.0, square=(sigma / 255) ** 2 / power)


def _salt_pepper(image: np.ndarray, sigma: float | None, amount: float | None) -> NoiseModel:
    return NoiseModel("impulse", 0.0, 0.0, 0.0, impulses=_amount(image, sigma, amount))


_MODELS: dict[str, Callable[[np.ndarray, float | None, float | None], NoiseModel]] = {
    "gaussian": _gaussian,
    "poisson": _poisson,
    "speckle": _speckle,
    "salt-pepper": _salt_pepper,
    "blur-salt-pepper": _salt_pepper,
}
KINDS = tuple(_MODELS)


def _blurred(image: np.ndarray, blur: float) -> np.ndarray:
    if not 0 <= blur < np.inf:
        raise NasdipError(f"blur is a standard deviation in pixels, 0 or more (got {blur})")
    channel_axis = -1 if image.ndim == 3 else None
    return np.asarray(gaussian(image, sigma=blur, mode="reflect", channel_axis=channel_axis))


def _amount(image: np.ndarray, sigma: float | None, amount: float | None) -> float:
    if sigma is not None and amount is not None:
        raise NasdipError("salt-pepper noise takes sigma or amount, not both: leave one out")
    if sigma is None:
        amount = DEFAULT_AMOUNT if amount is None else amount
        if not 0 < amount <= 1:
            raise NasdipError(f"amount is the share of pixels replaced, above 0 and at most 1 (got {amount})")
        return amount
    if not 0 < sigma < np.inf:
        raise NasdipError(f"sigma is a noise level above 0 in 8-bit units, such as 25 (got {sigma})")
    mean_square = np.mean((image**2 + (1 - image) ** 2) / 2)
    amount = (sigma / 255) ** 2 / mean_square
    if amount > 1:
        largest = 255 * np.sqrt(mean_square)
        raise NasdipError(f"salt-pepper noise on this image cannot exceed sigma {largest:.1f}: give less than {sigma}")
    return amount
