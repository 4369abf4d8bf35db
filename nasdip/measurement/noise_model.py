"""What the noise of a picture is: how strong, at which intensity, shared by which values; and drawing it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import fft

from nasdip.errors import NasdipError
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.level import NoiseLevel

_FLOOR = (1 / 255) ** 2 / 12  # the variance of rounding to 8 bits
# 8-bit units of the picture's range: less than this is little noise, of which no law can be read.
FAINT = 3.0
# A given level contradicts that found where they differ by more than both: standard errors, and share of the larger.
_FAR, _WRONG = 3.0, 0.15
LARGEST_RATE = 1e18  # numpy's Poisson generator counts in 64-bit integers

Table = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class NoiseModel:
    """The noise n of a measurement y = H x + n.

    Parameters
    ----------
    kind : str
        One of `nasdip.measurement.kinds.NOISE_KINDS`. gaussian: white noise of one level. poisson: variance linear in
        the intensity. speckle: variance linear in its square. impulse: pixels replaced by black or white, other noise
        beside. correlated: neighbouring pixels share noise.
    sigma : float
        Root mean square level over the picture, in 8-bit units, of the noise that is no impulses, before clipping.
    error : float
        Standard error of `sigma`, in 8-bit units; 0 where the level was given.
    offset, gain, square : float
        Noise variance ``offset + gain x + square x^2`` at intensity x, in units of [0, 1]. It is 0 or more between the
        bounds, as are all three where black is 0; elsewhere `offset` and `gain` may be negative.
    impulses : float
        Share of the pixels that are impulses, in [0, 1].
    correlation : float
        Largest autocorrelation of the noise at lags of 1 and 2 px; the texture of flat areas counts too.
    clipped : bool
        Whether values were clipped to a range.
    bounds : (float, float)
        The intensities that black and white have in the picture.
    given : bool
        Whether a person gave `sigma`; kind and law are found in any case.
    measured_level : NoiseLevel or None
        The level found in the picture, in 8-bit units, where another was given.
    covariance : tuple of tuples or None
        (C, C), of the channels' noise in units of its variance: ones on the diagonal. None: channels are independent.
    autocorrelation : tuple of tuples or None
        Of the noise at lags of -L to L px, rows by columns, 1 in the middle; its Fourier transform is the power
        spectrum. None: the noise is white.

    Examples
    --------
    >>> noise = NoiseModel.white(25)
    >>> noise.variance(np.array([0.2])).round(4).tolist(), noise.sample(np.zeros((64, 64, 1)), seed=0).std().round(3)
    ([0.0096], np.float64(0.098))
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
    measured_level: NoiseLevel | None = None
    covariance: Table | None = None
    autocorrelation: Table | None = None

    def __post_init__(self) -> None:
        find_kind(self.kind)

    @staticmethod
    def white(sigma: float, kind: str = "gaussian") -> "NoiseModel":
        """Return noise of one level, in 8-bit units, at all intensities."""
        return NoiseModel(kind, sigma, 0.0, (sigma / 255) ** 2)

    def variance(self, image: np.ndarray) -> np.ndarray:
        """Return the noise variance at each value of a clean (or restored) image of any shape, in units of [0, 1].

        At least that of rounding to 8 bits, and that of black for what is below.

        Examples
        --------
        >>> NoiseModel("poisson", 25.0, 0.5, offset=0.0, gain=0.02).variance(np.array([-1.0, 0.5])).round(4).tolist()
        [0.0, 0.01]
        """
        black, white = self.bounds
        x = np.maximum(image, black)
        floor = (white - black) ** 2 * _FLOOR
        return np.asarray(np.maximum(self.offset + self.gain * x + self.square * x**2, floor))

    def whiten(self, residual: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Return a residual (H, W, C) of a restored image (H, W, C) as it is where all of it is this noise: white.

        Divided by the noise's standard deviation at the image's intensities, with channels that share noise set apart
        and the power spectrum made flat; the variance of each value is then 1.
        """
        white = residual / np.sqrt(self.variance(image))
        if self.covariance is not None:
            white = np.linalg.solve(np.linalg.cholesky(np.array(self.covariance)), white[..., None])[..., 0]
        if self.autocorrelation is not None:
            amplitude = np.sqrt(self.power_spectrum(residual.shape[:2]))[..., None]
            white = fft.ifft2(fft.fft2(white, axes=(0, 1)) / amplitude, axes=(0, 1)).real
        return np.asarray(white)

    def power_spectrum(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the power (H, W) of the noise at the frequencies of `scipy.fft.fft2`, with a mean of 1."""
        if self.autocorrelation is None:
            return np.ones(shape)
        table = np.array(self.autocorrelation)
        reach = [length // 2 for length in table.shape]
        lags = np.zeros(shape)
        rows, columns = (np.arange(-r, r + 1) % side for r, side in zip(reach, shape, strict=True))
        np.add.at(lags, np.ix_(rows, columns), table)
        power = np.maximum(fft.fft2(lags).real, 1e-3)  # a table that was measured may have negative power somewhere
        return np.asarray(power / power.mean())

    def sample(self, image: np.ndarray, seed: int | np.random.Generator = 0) -> np.ndarray:
        """Return a noisy measurement of H x: `image` (H, W) or (H, W, C), float, with noise of this kind added.

        Photons are drawn for what of the variance is linear in the signal above black, normal noise for the rest; then
        pixels are replaced by impulses, black or white, all their channels together; then values are clipped to the
        bounds, where they are in the model. The same seed gives the same noise.
        """
        rng = np.random.default_rng(seed)
        noisy = np.asarray(image, np.float64)
        if self.covariance is not None or self.autocorrelation is not None:
            noisy = noisy + np.sqrt(self.variance(noisy)) * self._shared(noisy.shape, rng)
        else:
            noisy = self._independent(noisy, rng)
        if self.impulses:
            noisy = self._spoilt(noisy, rng)
        return np.asarray(np.clip(noisy, *self.bounds) if self.clipped else noisy)

    def _independent(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        black = self.bounds[0]
        # The same law of the signal above black, in which no term is negative.
        offset, gain = self.offset + self.gain * black + self.square * black**2, self.gain + 2 * self.square * black
        signal, noisy = np.maximum(image - black, 0), image
        if gain > 1e-9 * abs(self.gain):  # less is the rounding of none
            photons = signal / gain
            if photons.max(initial=0) > LARGEST_RATE:
                raise NasdipError("the noise is too faint for photon counts of this image: use gaussian noise")
            noisy = noisy + gain * rng.poisson(photons) - signal
        if self.square > 0:
            noisy = noisy + (image - black) * rng.normal(0, np.sqrt(self.square), image.shape)
        return noisy + rng.normal(0, np.sqrt(offset), image.shape) if offset > 0 else noisy

    def _shared(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Return noise of variance 1 (H, W, C) that channels or neighbours share."""
        draw = rng.standard_normal(shape)
        if self.covariance is not None:
            draw = draw @ np.linalg.cholesky(np.array(self.covariance)).T
        if self.autocorrelation is not None:
            amplitude = np.sqrt(self.power_spectrum(shape[:2])).reshape(*shape[:2], *(1,) * (len(shape) - 2))
            draw = fft.ifft2(fft.fft2(draw, axes=(0, 1)) * amplitude, axes=(0, 1)).real
        return np.asarray(draw)

    def _spoilt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        draw = rng.random(image.shape[:2])  # (H, W): one draw a pixel, all channels together
        noisy = image.copy()
        noisy[draw < self.impulses / 2], noisy[draw >= 1 - self.impulses / 2] = self.bounds
        return noisy

    def level(self, share: float) -> float:
        """Return the noise level in 8-bit units at an intensity between black, 0, and white, 1."""
        black, white = self.bounds
        return 255 * float(np.sqrt(self.variance(np.array(black + share * (white - black)))))

    @cached_property
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
        measured = self.measured_level
        return self.given and measured is not None and contradicts(self.sigma, measured, self.scale)

    def to_json(self) -> dict[str, Any]:
        """Return the model as a JSON object, whose keys are this class's arguments."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "NoiseModel":
        """Rebuild what `to_json` returned."""
        fields = {name: _tuples(value) for name, value in data.items()}
        if fields.get("measured_level") is not None:
            fields["measured_level"] = NoiseLevel(*fields["measured_level"])
        return NoiseModel(**fields)


def contradicts(sigma: float, measured: NoiseLevel, scale: float = 1.0) -> bool:
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
    larger, apart = max(sigma, measured.sigma), abs(sigma - measured.sigma)
    return bool(larger >= FAINT * scale and apart > _FAR * measured.error and apart > _WRONG * larger)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value
