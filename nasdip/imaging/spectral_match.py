"""How near the spectrum of a network's output is to that of a noisy image, before any training (ISNAS-DIP).

Arican, Kara, Bredell, Konukoglu: ISNAS-DIP: Image-specific neural architecture search for deep image prior, CVPR 2022.
An annulus of low frequencies is compared, where a natural image is well above its noise.
"""

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_same_shape
from nasdip.imaging.spectrum import periodogram, radial_frequency

ANNULUS = (0.05, 0.10)  # cycles/px
_LEAST = 1e-20  # power that counts as none


def annulus_error(output: np.ndarray, target: np.ndarray, *, annulus: tuple[float, float] = ANNULUS) -> float:
    """Return the mean squared difference of two log power spectra inside an annulus, in dB squared.

    ``mean of (10 log10 P(output) - 10 log10 P(target))^2 over f_1 <= |f| <= f_2``, P the `periodogram`.

    Parameters
    ----------
    output, target : ndarray
        (H, W) or (H, W, C) of one shape, float.
    annulus : tuple of float
        f_1 and f_2, cycles per pixel, in (0, 0.5].

    Raises
    ------
    NasdipError
        For different shapes, images that are not floating or not finite, or an annulus without any coefficient.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((64, 64))
    >>> round(annulus_error(0.1 * image, image), 6)
    400.0
    """
    ours, theirs = _decibels_in(output, target, annulus)
    return float(np.mean((ours - theirs) ** 2))


def histogram_distance(output: np.ndarray, target: np.ndarray, *, annulus: tuple[float, float] = ANNULUS) -> float:
    """Return the earth mover's distance of the histograms of two log power spectra inside an annulus, in dB.

    Unlike `annulus_error` it does not ask where in the annulus the power is. With as many coefficients in both, it is
    the mean distance of the sorted values. Arguments and errors are those of `annulus_error`.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((64, 64))
    >>> round(histogram_distance(image[::-1, ::-1], image), 6), round(histogram_distance(0.1 * image, image), 6)
    (0.0, 20.0)
    """
    ours, theirs = _decibels_in(output, target, annulus)
    return float(np.mean(np.abs(np.sort(ours) - np.sort(theirs))))


def bandwidth(image: np.ndarray, *, share: float = 0.99) -> float:
    """Return the smallest |f| (cycles/px) within which a share of an image's power lies, its mean left out.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float.
    share : float
        In (0, 1). Larger = more sensitive to weak high frequencies.

    Raises
    ------
    NasdipError
        For an image that is not floating or not finite, or a share out of range.

    Examples
    --------
    >>> wave = np.cos(2 * np.pi * 0.25 * np.arange(32)) * np.ones((32, 1))
    >>> bandwidth(wave), bandwidth(np.ones((32, 32)))
    (0.25, 0.0)
    """
    if not 0 < share < 1:
        raise NasdipError(f"the share of the power is {share}: use a number between 0 and 1")
    power = periodogram(image)
    power[0, 0] = 0.0
    radius = radial_frequency((power.shape[0], power.shape[1])).ravel()
    order = np.argsort(radius, kind="stable")
    inside = np.cumsum(power.ravel()[order])
    if inside[-1] <= _LEAST * power.size:
        return 0.0
    return float(radius[order[np.searchsorted(inside, share * inside[-1])]])


def _decibels_in(output: np.ndarray, target: np.ndarray, annulus: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    check_same_shape(output, target)
    low, high = annulus
    powers = [periodogram(image) for image in (output, target)]
    radius = radial_frequency((powers[0].shape[0], powers[0].shape[1]))
    inside = (radius >= low) & (radius <= high)
    if not 0 < low < high or not inside.any():
        raise NasdipError(f"no frequency of the image lies between {low} and {high} cycles/px: widen the annulus")
    ours, theirs = (10 * np.log10(np.maximum(power[inside], _LEAST)) for power in powers)
    return ours, theirs
