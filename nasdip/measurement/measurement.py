"""What is known of a picture before it is restored."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.errors import NasdipError
from nasdip.imaging.intensity import Stretch, working_range
from nasdip.measurement.diagnosis import contradicts
from nasdip.measurement.level import NoiseLevel

A = TypeVar("A")


class ForwardOperator(Protocol):
    """How the instrument turns the true image into the observed one (before noise); for arrays and tensors alike."""

    def __call__(self, image: A) -> A:
        """Apply to an image whose last two axes (tensors) or first two (arrays) are height and width."""
        ...


@dataclass(frozen=True)
class Identity:
    """The operator of denoising: every pixel was observed as it is."""

    def __call__(self, image: A) -> A:
        """Return the image itself."""
        return image


@dataclass(frozen=True)
class Observation:
    """One noisy image, what is known of its noise, and the operator in front of the noise.

    Parameters
    ----------
    pixels : ndarray
        (H, W, C) float32, nominally in [0, 1]; noise may exceed that range.
    sigma : float or None
        Noise level in 8-bit units, root mean square over the image; None where unknown.
    sigma_error : float
        Its standard error, 8-bit units; 0 where it was given.
    operator : ForwardOperator
        Identity for denoising.
    kind : str
        Of the noise: gaussian, poisson, speckle, impulse or correlated.
    working : Stretch or None
        The range that it is fitted in, None for its own (`working_range`). A tile has that of its whole image: its own
        may be narrow, so that the noise in it would be large, and be fitted sooner than elsewhere. An image with
        impulses far outside of what the others hold has the range of the others.
    variance : ndarray or None
        (H, W, C), the variance of the noise in every value where it is not the same everywhere; [0, 1] units squared.
    known : ndarray or None
        (H, W) bool, False for pixels that tell nothing of the image (impulses); None where all do.
    reference : BayesEstimate or None
        An estimate of the clean image without a network, where the noise allows one.
    given : bool
        Whether a person gave `sigma`, rather than that it was found in the picture.
    looks : NoiseLevel or None
        The level found in the picture, 8-bit units, where another was given.
    """

    pixels: np.ndarray
    sigma: float | None = None
    operator: ForwardOperator = Identity()
    kind: str = "gaussian"
    sigma_error: float = 0.0
    working: Stretch | None = None
    variance: np.ndarray | None = None
    known: np.ndarray | None = None
    reference: BayesEstimate | None = None
    given: bool = False
    looks: NoiseLevel | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3:
            raise NasdipError(f"an observation has the shape (H, W, C), not {self.pixels.shape}")
        if min(self.pixels.shape[:2]) < 16:
            height, width = self.pixels.shape[:2]
            raise NasdipError(f"a {height}x{width} px image is too small: nasdip needs at least 16x16 px")
        if not np.isfinite(self.pixels).all():
            raise NasdipError(f"{np.sum(~np.isfinite(self.pixels))} values are NaN or infinite: replace them first")

    def noise_variance(self) -> float | np.ndarray | None:
        """Return the variance of the noise, [0, 1] units squared: one number, or one for each value; None: unknown."""
        if self.variance is not None:
            return self.variance
        return None if self.sigma is None else (self.sigma / 255) ** 2

    @property
    def relative_sigma(self) -> float:
        """The noise level in 8-bit units of the range that is fitted (`working_range`); 0 where it is unknown."""
        return (self.sigma or 0.0) / self._scale

    @property
    def contradicted(self) -> bool:
        """Whether the level was given and the picture looks otherwise; see `contradicts`."""
        if not self.given or self.sigma is None or self.looks is None:
            return False
        return contradicts(self.sigma, self.looks, self._scale)

    @property
    def _scale(self) -> float:
        return (self.working or working_range(self.pixels)).scale

    def noise_facts(self) -> dict[str, Any]:
        """Return the noise level that a person gave, as a JSON object: what identifies a restoration.

        A level that was found is no part of that: it follows from the pixels, by methods that get better.
        """
        return {"sigma": round(self.sigma, 4) if self.given and self.sigma is not None else None}

    def part(self, place: tuple[slice, slice] | tuple[np.ndarray, np.ndarray]) -> "Observation":
        """Return the observation of a part of the image, given by its rows and columns (slices, or as of `np.ix_`)."""

        def cut(image: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(image[place])

        return replace(
            self,
            pixels=cut(self.pixels),
            variance=None if self.variance is None else cut(self.variance),
            known=None if self.known is None else cut(self.known),
            reference=None if self.reference is None else BayesEstimate(*map(cut, self.reference)),
        )
