"""Fourier diagnostics: how an image's power is spread over spatial frequencies.

Frequencies f are in cycles per pixel along both axes, so rings of constant |f| are circles whatever the shape of the
image; |f| = 0.5 is the Nyquist frequency of either axis. ``F(k) = sum_p x(p) exp(-2 pi i k.p)`` is unnormalised.
"""

from typing import NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image, check_same_shape, luminance

NYQUIST = 0.5
_ROUNDING = 1e-9  # keeps a frequency that lies on a ring's edge on one side of it
_ABSENT = 1e-8  # coefficients below this share of the largest are rounding residue


class RadialPSD(NamedTuple):
    """Power spectral density over |f|: `frequency` (bins,), the rings' mean |f|, and `power` (bins,), their mean P."""

    frequency: np.ndarray
    power: np.ndarray


def radial_frequency(shape: tuple[int, int]) -> np.ndarray:
    """Return |f| in cycles per pixel of every coefficient of `numpy.fft.fft2`, as (H, W).

    Examples
    --------
    >>> radial_frequency((1, 4))
    array([[0.  , 0.25, 0.5 , 0.25]])
    """
    rows, columns = np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1])
    return np.hypot(rows[:, None], columns[None, :])


def periodogram(image: np.ndarray) -> np.ndarray:
    """Return the power spectral density estimate ``P(k) = |F(k)|^2 / (H W)``, averaged over channels, as (H, W).

    By Parseval's theorem the sum of P is the sum of squares of the image (the mean of that over channels). White noise
    of standard deviation s has the expectation s^2 at every frequency. Zero frequency is first, as in `numpy.fft`.

    Examples
    --------
    >>> periodogram(np.ones((2, 2)))
    array([[4., 0.],
           [0., 0.]])
    """
    channels = np.atleast_3d(check_image(image))
    power = np.abs(np.fft.fft2(channels, axes=(0, 1))) ** 2  # (H, W, C)
    return power.mean(axis=2) / (image.shape[0] * image.shape[1])


def log_spectrum(image: np.ndarray) -> np.ndarray:
    """Return the log-magnitude spectrum ``log10(1 + |F|)`` of an image, for display.

    F is that of the mean over channels; the mean intensity is not removed, so the brightest pixel, at [H//2, W//2]
    where zero frequency is shifted to, tells it: ``|F(0)| = H W <x>``.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float.

    Returns
    -------
    ndarray
        (H, W), 0 or more.

    Raises
    ------
    NasdipError
        For an image that is not floating or not finite.

    References
    ----------
    R. C. Gonzalez and R. E. Woods, *Digital Image Processing*, ch. 4.

    Examples
    --------
    >>> spectrum = log_spectrum(np.full((4, 6), 0.375))
    >>> round(float(spectrum[2, 3]), 6), round(float(spectrum.sum()), 6)
    (1.0, 1.0)
    """
    magnitude = np.abs(np.fft.fft2(luminance(check_image(image))))
    return np.fft.fftshift(np.log10(1 + magnitude))


def radial_psd(image: np.ndarray, *, bins: int | None = None) -> RadialPSD:
    """Return the radially averaged power spectral density of an image.

    ``S_b = mean of P(k) over (b - 1) w < |f(k)| <= b w``, ``w = 0.5 / bins``, P the `periodogram`. Zero frequency (the
    mean intensity) and the corners |f| > 0.5 are left out. Natural images fall like |f|^-2 and white noise is flat.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float.
    bins : int, optional
        Number of rings; more = finer and noisier. Default and most: half the shorter side.

    Returns
    -------
    RadialPSD
        Frequency in cycles per pixel, ascending, and power in squared intensities.

    Raises
    ------
    NasdipError
        For an image that is not floating or not finite, or a number of bins out of range.

    References
    ----------
    D. J. Field, Relations between the statistics of natural images and the response properties of cortical cells,
    J. Optical Society of America A 4 (1987) 2379-2394.

    Examples
    --------
    >>> wave = np.cos(2 * np.pi * 0.25 * np.arange(32)) * np.ones((32, 1))
    >>> psd = radial_psd(wave, bins=4)  # up to 1/8, 1/4, 3/8 and 1/2 cycles per pixel
    >>> int(psd.power.argmax())
    1
    """
    power = periodogram(image)
    most = min(power.shape) // 2
    bins = most if bins is None else bins
    if not 1 <= bins <= most:
        raise NasdipError(f"bins must be from 1 to half the shorter side, {most} (got {bins})")
    radius = radial_frequency((power.shape[0], power.shape[1]))
    ring = _rings(radius, bins)
    ring[0, 0] = bins  # zero frequency goes where the corners are
    return RadialPSD(_ring_means(radius, ring, bins), _ring_means(power, ring, bins))


def band_correspondence(output: np.ndarray, target: np.ndarray, *, bands: int = 5, ceiling: float = 1.0) -> np.ndarray:
    """Return the frequency-band correspondence of a network's output with its target.

    ``B_n = mean of min(|F{output}| / |F{target}|, ceiling) over (n - 1) w < |f| <= n w``, ``w = 0.5 / bands``; the
    lowest band includes zero frequency, the corners |f| > 0.5 are left out, and colour images enter as the mean of
    their channels. B_n grows to 1 as a fit reproduces band n: a deep image prior does so from low to high frequencies.

    Where the target has no content (|F{target}| at most 1e-8 of its largest) the ratio means nothing and the
    coefficient is left out of the mean; a band without any coefficient left is NaN. The ratio is limited by `ceiling`,
    for else a few coefficients that are weak in the target dominate the mean.

    Parameters
    ----------
    output, target : ndarray
        (H, W) or (H, W, C) of one shape, float.
    bands : int
        Number of concentric rings, from 1 to half the shorter side.
    ceiling : float
        Largest ratio counted, above 0. 1, the default, is what the measure's authors use; `numpy.inf` lifts the limit,
        and then values above 1 show power which the target lacks.

    Returns
    -------
    ndarray
        (bands,), from the lowest band to the highest, in [0, ceiling].

    Raises
    ------
    NasdipError
        For different shapes, images that are not floating or not finite, or bands or ceiling out of range.

    References
    ----------
    Z. Shi, P. Mettes, S. Maji and C. G. M. Snoek, On measuring and controlling the spectral bias of the deep image
    prior, Int. J. Computer Vision 130 (2022) 885-908, https://doi.org/10.1007/s11263-021-01572-7

    Examples
    --------
    >>> image = np.random.default_rng(0).random((32, 32))
    >>> band_correspondence(0.5 * image, image)
    array([0.5, 0.5, 0.5, 0.5, 0.5])
    """
    check_same_shape(output, target)
    most = min(output.shape[:2]) // 2
    if not 1 <= bands <= most:
        raise NasdipError(f"bands must be from 1 to half the shorter side, {most} (got {bands})")
    if not ceiling > 0:
        raise NasdipError(f"ceiling must be above 0 (got {ceiling})")
    ours = np.abs(np.fft.fft2(luminance(check_image(output, "output"))))
    theirs = np.abs(np.fft.fft2(luminance(check_image(target, "target"))))
    present = theirs > _ABSENT * theirs.max()
    ratio = np.divide(ours, theirs, out=np.zeros_like(ours), where=present)
    ring = _rings(radial_frequency((ours.shape[0], ours.shape[1])), bands)
    ring[~present] = bands
    return _ring_means(np.minimum(ratio, ceiling), ring, bands)


def _rings(radius: np.ndarray, count: int) -> np.ndarray:
    """Number each frequency's ring from 0; `count` stands for the corners beyond the last ring."""
    ring = np.ceil(radius * count / NYQUIST - _ROUNDING).astype(int) - 1
    return np.clip(ring, 0, count)


def _ring_means(values: np.ndarray, ring: np.ndarray, count: int) -> np.ndarray:
    sums = np.bincount(ring.ravel(), weights=values.ravel(), minlength=count + 1)[:count]
    members = np.bincount(ring.ravel(), minlength=count + 1)[:count]
    return np.divide(sums, members, out=np.full(count, np.nan), where=members > 0)
