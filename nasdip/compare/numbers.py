"""The numbers of a comparison, made of the images of the methods: for all of them alike. No torch here."""

from typing import NamedTuple

import numpy as np

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import allows_reference, make_reference, reference_memory
from nasdip.compare.folder import Result
from nasdip.errors import NasdipError
from nasdip.fit.discrepancy import estimated_error
from nasdip.imaging.metrics import psnr, ssim
from nasdip.imaging.whiteness import whiteness
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.unclipping import clipping_limits, seen_variance
from nasdip.provenance import cores, memory_available

_ERRORS = 2.0  # standard errors below which a difference is chance


class Scene(NamedTuple):
    """What the methods' images are measured by.

    Attributes
    ----------
    noisy : ndarray
        (H, W, C).
    clean : ndarray or None
        (H, W, C), where there is one.
    heldout : ndarray
        (H, W) bool, the pixels that were hidden.
    valid : ndarray or None
        (H, W) bool, False where the picture tells nothing: impulses.
    variance : float, ndarray or None
        Of the noise as the pixels show it, of each value (H, W, C) or of all; None where unknown.
    """

    noisy: np.ndarray
    clean: np.ndarray | None
    heldout: np.ndarray
    valid: np.ndarray | None
    variance: float | np.ndarray | None


class Row(NamedTuple):
    """A method in the table; what is not known is None. A method that failed has nothing but `failure`.

    Attributes
    ----------
    method : str
        Its name.
    psnr, ssim : float or None
        Against the clean image, dB and at most 1.
    heldout : float or None
        PSNR (dB) against the noisy picture at pixels that were hidden from the method.
    estimated : float or None
        PSNR (dB) against the unknown clean image at these pixels, as that tells; None where the noise hides it.
    whiteness : float or None
        Statistic of the residual, see `nasdip.imaging.whiteness`; smaller = whiter.
    white : bool or None
        Whether that is below the 5 % threshold.
    seconds : float or None
        Of restoring the picture once.
    memory, whole_memory, device_memory : int or None
        See `Result`; bytes.
    failure : str
        Why there is no result.
    """

    method: str
    psnr: float | None = None
    ssim: float | None = None
    heldout: float | None = None
    estimated: float | None = None
    whiteness: float | None = None
    white: bool | None = None
    seconds: float | None = None
    memory: int | None = None
    whole_memory: int | None = None
    device_memory: int | None = None
    failure: str = ""


def make_scene(
    measurement: Measurement, clean: np.ndarray | None, heldout: np.ndarray, estimate: np.ndarray | None = None
) -> Scene:
    """Return what images are measured by.

    Where noise was clipped, the variance that is left of it follows from an estimate of the image by non-local Bayes:
    `estimate` (H, W, C), or one that is made here, where the memory suffices.
    """
    reference = None
    if clipping_limits(measurement).clipped and allows_reference(measurement):
        reference = _reference(measurement, estimate)
    variance = seen_variance(measurement, None if reference is None else reference.image)
    if not find_kind(measurement.kind).is_white or measurement.contradicted or not (measurement.sigma or 0) > 0:
        variance = None  # a level that is not to be believed
    return Scene(measurement.pixels, clean, heldout, measurement.valid, variance)


def _reference(measurement: Measurement, image: np.ndarray | None) -> BayesEstimate | None:
    if image is not None:
        return BayesEstimate(image, np.zeros_like(image))  # the variance of its error is not asked for
    if memory_available() < reference_memory(measurement.pixels.shape):
        return None
    return make_reference(measurement, workers=cores())


def measure_row(name: str, result: Result, scene: Scene) -> Row:
    """Return the numbers of a method."""
    heldout, estimated = heldout_quality(result.predicted, scene)
    statistic, white = _whiteness(result.seen, scene)
    return Row(
        name, *_quality(result.restored, scene), heldout, estimated, statistic, white,
        result.seconds, result.memory, result.whole_memory, result.device_memory,
    )  # fmt: skip


def noisy_row(scene: Scene) -> Row:
    """Return the row of the noisy picture itself, which nothing predicts."""
    return Row("noisy", *_quality(scene.noisy, scene))


def heldout_quality(predicted: np.ndarray, scene: Scene) -> tuple[float, float | None]:
    """Return the PSNR (dB) of predicted pixels against the noisy ones, and that against the clean ones it tells of.

    The mean squared error of predictions that do not know the noise is that against the clean pixels plus the noise's
    variance, on average. There is none of the second PSNR where that error is less than a twentieth of the variance, or
    than two standard errors of the mean.
    """
    at = scene.heldout
    target, made = scene.noisy[at].astype(np.float64), predicted[at].astype(np.float64)
    against_noisy = psnr(target, made, data_range=1.0)
    if scene.variance is None:
        return against_noisy, None
    noise = float(np.mean(np.broadcast_to(scene.variance, scene.noisy.shape)[at]))
    squares = np.mean((made - target) ** 2, axis=1)  # (n,), whatever channels share
    error = estimated_error(float(squares.mean()), None, noise)
    if error is None or error <= _ERRORS * squares.std() / np.sqrt(len(squares)):
        return against_noisy, None
    return against_noisy, float(-10 * np.log10(error))


def _quality(image: np.ndarray, scene: Scene) -> tuple[float | None, float | None]:
    if scene.clean is None:
        return None, None
    return psnr(scene.clean, image, data_range=1.0), ssim(scene.clean, image, data_range=1.0, channel_axis=-1)


def _whiteness(seen: np.ndarray, scene: Scene) -> tuple[float | None, bool | None]:
    """Test the residual, in units of the noise where that differs from value to value."""
    residual = scene.noisy.astype(np.float64) - seen
    if isinstance(scene.variance, np.ndarray):
        least = scene.variance.max() / 400  # where all is saturated no residual is left
        residual = residual / np.sqrt(np.maximum(scene.variance, least))
    if scene.valid is not None:
        residual[~scene.valid] = 0
    try:
        test = whiteness(residual)
    except NasdipError:  # constant: nothing was removed
        return None, None
    return test.statistic, test.is_white
