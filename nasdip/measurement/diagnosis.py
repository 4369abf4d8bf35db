"""What kind of noise is in a picture, from the picture alone."""

from dataclasses import dataclass

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_image
from nasdip.measurement.clipping import find_limits
from nasdip.measurement.correlation import noise_correlation
from nasdip.measurement.flat_patches import take_patches
from nasdip.measurement.impulses import fill_impulses, impulse_mask
from nasdip.measurement.level import SMALLEST, NoiseLevel, level_of
from nasdip.measurement.variance import VarianceFit, fit_variance, intensity_bins
from nasdip.report.text.noise import diagnosis_words

NOISE_KINDS: tuple[str, ...] = ("gaussian", "poisson", "speckle", "impulse", "correlated")
_FLOOR = (1 / 255) ** 2 / 12  # the variance of rounding to 8 bits
# 8-bit units of the picture's range: less than this is little noise, of which no law can be read.
FAINT = 3.0
_CORRELATED_ERROR = 0.25
# A given level contradicts that found where they differ by more than both: standard errors, and share of the larger.
_FAR, _WRONG = 3.0, 0.15


@dataclass(frozen=True)
class Diagnosis:
    """What was found of the noise in a picture.

    Parameters
    ----------
    kind : str
        One of `NOISE_KINDS`. gaussian: no evidence against white noise of one level. poisson: variance linear in the
        intensity. speckle: variance linear in its square. impulse: pixels replaced by black or white, other noise
        beside. correlated: neighbouring pixels share noise.
    sigma : float
        Root mean square level over the picture, in 8-bit units, of the noise that is no impulses, before clipping.
    error : float
        Standard error of `sigma`, in 8-bit units; 0 where the level was given.
    offset, gain, square : float
        Noise variance ``offset + gain x + square x^2`` at intensity x, in units of [0, 1]. It is 0 or more between the
        bounds, as are all three where black is 0; elsewhere `offset` and `gain` may be negative.
    impulses : float
        Share of the pixels that are impulses (`impulse_mask` tells which), in [0, 1].
    correlation : float
        Largest autocorrelation of the noise at lags of 1 and 2 px; the texture of flat areas counts too.
    clipped : bool
        Whether values were clipped to a range.
    bounds : (float, float)
        The intensities that black and white have in the picture.
    given : bool
        Whether a person gave `sigma`; kind and law are found in any case.
    looks : NoiseLevel or None
        The level found in the picture, in 8-bit units, where another was given.
    """

    kind: str
    sigma: float
    error: float
    offset: float
    gain: float = 0.0
    square: float = 0.0
    impulses: float = 0.0
    correlation: float = 0.0
    clipped: bool = False
    bounds: tuple[float, float] = (0.0, 1.0)
    given: bool = False
    looks: NoiseLevel | None = None

    def __post_init__(self) -> None:
        if self.kind not in NOISE_KINDS:
            raise NasdipError(f"unknown kind of noise {self.kind!r}: choose one of {', '.join(NOISE_KINDS)}")

    def variance(self, image: np.ndarray) -> np.ndarray:
        """Return the noise variance at each value of a clean (or restored) image of any shape, in units of [0, 1].

        At least that of rounding to 8 bits, and that of black for what is below.

        Examples
        --------
        >>> Diagnosis("poisson", 25.0, 0.5, offset=0.0, gain=0.02).variance(np.array([-1.0, 0.5])).round(4).tolist()
        [0.0, 0.01]
        """
        black, white = self.bounds
        x = np.maximum(image, black)
        floor = (white - black) ** 2 * _FLOOR
        return np.asarray(np.maximum(self.offset + self.gain * x + self.square * x**2, floor))

    def level(self, share: float) -> float:
        """Return the noise level in 8-bit units at an intensity between black, 0, and white, 1."""
        black, white = self.bounds
        return 255 * float(np.sqrt(self.variance(np.array(black + share * (white - black)))))

    @property
    def scale(self) -> float:
        """The width of the picture's range, from black to white."""
        return self.bounds[1] - self.bounds[0]

    @property
    def faint(self) -> bool:
        """Whether there is little noise, measured by the picture's range."""
        return self.sigma < FAINT * self.scale

    @property
    def contradicted(self) -> bool:
        """Whether the level was given and the picture looks otherwise; see `contradicts`."""
        return self.given and self.looks is not None and contradicts(self.sigma, self.looks, self.scale)

    @property
    def words(self) -> str:
        """What was found, in one to three sentences for a person."""
        return diagnosis_words(self)


def contradicts(sigma: float, looks: NoiseLevel, scale: float = 1.0) -> bool:
    """Whether a given noise level cannot be that of a picture which looks like another.

    They differ by more than 3 standard errors and 15 % of the larger one, which is more than little noise in the
    picture's range of width `scale`; all levels in 8-bit units.

    Examples
    --------
    >>> [contradicts(sigma, NoiseLevel(25.4, 0.5)) for sigma in (5.0, 24.0, 50.0)]
    [True, False, True]
    >>> contradicts(0.0, NoiseLevel(1.6, 0.1)), contradicts(0.0, NoiseLevel(1.6, 0.1), scale=1 / 16)
    (False, True)
    """
    larger, apart = max(sigma, looks.sigma), abs(sigma - looks.sigma)
    return bool(larger >= FAINT * scale and apart > _FAR * looks.error and apart > _WRONG * larger)


def diagnose(image: np.ndarray, impulses: np.ndarray | None = None) -> Diagnosis:
    """Find out what noise is in an image, preferring gaussian unless the evidence against it is significant.

    Correlation is looked for first (`noise_correlation`), then impulses (`impulse_mask`), and with those filled in the
    level (`estimate_level`) and variance against intensity (`fit_variance`), in flat patches of 8x8 px. Where a kind
    cannot be told, as poisson in a picture of one brightness, or any below a level of about 10 on small pictures, the
    answer is gaussian. In almost black pictures the level of photon noise, which is cut off at 0 by nature, is
    overestimated. A lossy file changes noise in ways that this does not see.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), float, nominally in [0, 1], at least 16x16 px.
    impulses : ndarray, optional
        (H, W), bool; the impulses where they are known. With any, correlation is not looked for: impulses are white,
        and hide it. Default: those that `impulse_mask` finds.

    Returns
    -------
    Diagnosis
        Kind, level, variance function, share of impulses, correlation, and words for a person.

    Raises
    ------
    NasdipError
        For an image that is too small, not floating or not finite, or a mask of another size.

    Examples
    --------
    >>> from nasdip.measurement.add_noise import add_noise
    >>> clean = np.tile(np.linspace(0.1, 0.9, 96), (96, 1))
    >>> [diagnose(add_noise(clean, kind, sigma=25, clip=True)).kind for kind in ("gaussian", "poisson", "speckle")]
    ['gaussian', 'poisson', 'speckle']
    >>> diagnose(add_noise(clean, "salt-pepper")).kind
    'impulse'
    """
    return find_noise(image, impulses)[0]


def find_noise(image: np.ndarray, impulses: np.ndarray | None = None) -> tuple[Diagnosis, np.ndarray]:
    """Return what `diagnose` does, and the mask (H, W) of the impulses: none of them in correlated noise."""
    pixels = check_image(image)
    if min(pixels.shape[:2]) < SMALLEST:
        raise NasdipError(f"noise cannot be judged in {pixels.shape[0]}x{pixels.shape[1]} px: use 16x16 up")
    if impulses is not None and impulses.shape != pixels.shape[:2]:
        raise NasdipError(f"a mask of shape {impulses.shape} does not fit an image of shape {pixels.shape}")
    known = impulses is not None and bool(impulses.any())
    seen = pixels if impulses is None else fill_impulses(pixels, impulses)
    patches, limits = take_patches(seen), find_limits(seen)
    correlation = noise_correlation(patches, level_of(patches, limits))
    if correlation.significant and not known:
        sigma, error = correlation.sigma, _CORRELATED_ERROR * correlation.sigma
        law = VarianceFit("correlated", (sigma / 255) ** 2, 0.0, 0.0)
        found = Diagnosis("correlated", sigma, error, *law[1:], 0.0, correlation.largest, limits.clipped)
        return found, np.zeros(pixels.shape[:2], bool)
    mask = impulse_mask(pixels) if impulses is None else impulses
    return _independent(pixels, mask, correlation.largest), mask


def _independent(pixels: np.ndarray, mask: np.ndarray, correlation: float) -> Diagnosis:
    """Return the diagnosis of noise that is independent from pixel to pixel."""
    share = float(mask.mean())
    filled = np.clip(fill_impulses(pixels, mask), 0, 1) if share else pixels
    patches, limits = take_patches(filled), find_limits(filled)
    filling = 1 / max(1 - share, 0.1)  # what was filled in, as means of neighbours, holds little noise
    sigma, error = (float(np.sqrt(filling)) * value for value in level_of(patches, limits))
    law = fit_variance(intensity_bins(patches, limits)) if sigma >= FAINT else None
    if law is None or law.kind == "gaussian":
        law = VarianceFit("gaussian", (sigma / 255) ** 2, 0.0, 0.0)
    else:
        law = VarianceFit(law.kind, *(filling * value for value in law[1:]))
        x = np.maximum(patches.mean, 0)
        sigma = 255 * float(np.sqrt(np.mean(law.offset + law.gain * x + law.square * x**2)))
    kind = "impulse" if share else law.kind
    return Diagnosis(kind, sigma, error, *law[1:], share, correlation, limits.clipped)
