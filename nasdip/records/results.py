"""What a fit yields. No torch here: reports read these too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nasdip.classical.error_estimate import ErrorEstimate
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.imaging.tiles import Tiling
from nasdip.measurement.level import NoiseLevel
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture

BANDS = 5


class FitEvent(NamedTuple):
    """Something that a person should know of a fit: at which step, and what, in words."""

    step: int
    message: str


class Curves(NamedTuple):
    """Numbers logged at every step; arrays of one length. NaN where a step was not completed.

    Those called oracle need the clean image; they measure and pick nothing but the oracle image.
    """

    step: np.ndarray  # 1, 2, ...
    loss: np.ndarray  # mean squared error on the pixels in the loss, [0, 1] units squared
    heldout: np.ndarray | None  # mean squared error of the averaged output on the held-out pixels
    oracle_psnr_raw: np.ndarray | None  # dB, output of the step against the clean image
    oracle_psnr_averaged: np.ndarray | None  # dB, averaged output against the clean image
    score: np.ndarray | None = None  # of the stopping rule: smaller is better; units by rule


class Choice(NamedTuple):
    """What a stopping rule came to in a fit.

    Attributes
    ----------
    step : int
        The step whose image it chose.
    steps : int
        Those it took to find out: all of them where it did not end.
    psnr : float or None
        PSNR (dB) of that image against the clean one, where given.
    """

    step: int
    steps: int
    psnr: float | None


class BandCurve(NamedTuple):
    """Frequency-band correspondence of the output with the noisy image, by step."""

    step: np.ndarray  # (n,)
    correspondence: np.ndarray  # (n, BANDS), lowest frequencies first


class TileFit(NamedTuple):
    """One tile of a repetition: where it lies (px), and what its own fit came to before it was blended.

    Fields are called as those of `FitResult`; `loss` is that of `image_step`, `steps` are those it took.
    """

    top: int
    left: int
    height: int
    width: int
    seed: int
    seconds: float
    steps: int
    image_step: int
    loss: float
    psnr_averaged: float | None
    oracle_step: int | None


@dataclass(frozen=True)
class FitResult:
    """One repetition: images (H, W, C) float32 in [0, 1] units, curves and what happened.

    A repetition that was fitted in tiles is put together by `restoration.tiled`, which says what its numbers mean.

    Parameters
    ----------
    averaged, last : ndarray
        Exponential average of the outputs at `image_step`, and the output of the last step, not averaged.
    oracle : ndarray or None
        The averaged output at the step where it was nearest to the clean image; chosen with the clean image.
    oracle_step : int or None
        That step, from 1; None where tiles have a step each.
    seed : int
        Of the weights, z, its perturbations and the held-out pixels.
    psnr_averaged, psnr_last : float or None
        PSNR (dB) of those two images against the clean one, where given.
    image_step : int
        The step that the stopping rule chose; without one the last, or the last good one before a failure.
    heldout_psnr : float or None
        PSNR (dB) of the averaged image against the noisy image on the held-out pixels. Its error is that against the
        clean image plus the noise's variance, on average: it ranks fits without a clean image.
    estimated_psnr : float or None
        PSNR (dB) against the unknown clean image by `nasdip.fit.discrepancy.estimated_error`; None without held-out
        pixels, or where the noise hides it. Rough: `nasdip.classical.error_estimate` has a better one of a restoration.
    psnr_oracle : float or None
        PSNR (dB) of the oracle image where it is not that of `oracle_step` on the curve: for tiles.
    hit_step_limit : bool
        Whether the steps ended while the rule still found better ones.
    choices : dict
        What stopping rules came to, by name: the fit's own, and those that were watched.
    tiles : tuple of TileFit
        The tiles, row by row; none where the image was fitted as a whole.
    """

    averaged: np.ndarray
    last: np.ndarray
    oracle: np.ndarray | None
    oracle_step: int | None
    curves: Curves
    bands: BandCurve
    events: tuple[FitEvent, ...]
    image_step: int
    seed: int
    seconds: float
    psnr_averaged: float | None = None
    psnr_last: float | None = None
    heldout_psnr: float | None = None
    estimated_psnr: float | None = None
    psnr_oracle: float | None = None
    hit_step_limit: bool = False
    choices: Mapping[str, Choice] = field(default_factory=dict)
    tiles: tuple[TileFit, ...] = ()

    @property
    def oracle_psnr(self) -> float | None:
        """PSNR (dB) of the oracle image."""
        if self.psnr_oracle is not None:
            return self.psnr_oracle
        if self.oracle_step is None or self.curves.oracle_psnr_averaged is None:
            return None
        return float(self.curves.oracle_psnr_averaged[self.oracle_step - 1])


@dataclass(frozen=True)
class Restoration:
    """A measurement restored: the image made of its repetitions' averaged ones, and all that led to it.

    Parameters
    ----------
    image : ndarray
        (H, W, C) float32.
    noisy : ndarray
        (H, W, C) float32, what was fitted.
    clean : ndarray or None
        (H, W, C), where given; it measured, and picked nothing but the oracle images.
    psnr : float or None
        PSNR (dB) of `image` against `clean`.
    sigma : float
        Estimated noise level of the measurement, 8-bit units.
    tiling : Tiling or None
        The tiles that were fitted; None for the image as a whole.
    reference : BayesEstimate or None
        The estimate without a network, where one was made.
    refined : bool
        Whether the image was made of fits and reference (`nasdip.restoration.combination`), rather than of fits alone.
    kind : str
        Of the noise, see `nasdip.measurement.kinds`.
    expected : ErrorEstimate or None
        What is expected of the image without the clean one; None where the noise allows no estimate.
    measured_level : NoiseLevel or None
        The level that the picture looks like, where it contradicts the one that was given.
    mask : ndarray or None
        (H, W) bool, True where pixels were measured; None where all were.
    kept : str
        What `image` is: result, what was made of the fits; estimate, that without a network; input, the measurement
        itself. The last two where less error was expected of them.
    gained : float
        By how many dB it is expected to be better than the result, where it is not that.
    """

    architecture: Architecture
    image: np.ndarray
    noisy: np.ndarray
    clean: np.ndarray | None
    psnr: float | None
    sigma: float
    repetitions: tuple[FitResult, ...]
    config: FitConfig
    width: int
    seed: int
    device: str
    parameters: int
    tiling: Tiling | None = None
    reference: BayesEstimate | None = None
    refined: bool = False
    kind: str = "gaussian"
    expected: ErrorEstimate | None = None
    measured_level: NoiseLevel | None = None
    mask: np.ndarray | None = None
    kept: str = "result"
    gained: float = 0.0

    @property
    def contradicted(self) -> bool:
        """Whether the picture contradicts the noise level that was given."""
        return self.measured_level is not None

    @property
    def keeps_known(self) -> bool:
        """Whether holes were filled, and the other pixels are as they were measured."""
        return self.mask is not None and np.array_equal(self.image[self.mask], self.noisy[self.mask])

    @property
    def missing(self) -> float:
        """Share of the pixels that were not measured, in [0, 1)."""
        return 0.0 if self.mask is None else 1 - float(self.mask.mean())

    @property
    def fitted(self) -> np.ndarray:
        """The mean of the repetitions' averaged images."""
        return np.mean(np.stack([repetition.averaged for repetition in self.repetitions]), axis=0)

    @property
    def seconds(self) -> float:
        """Seconds that all repetitions took."""
        return sum(repetition.seconds for repetition in self.repetitions)
