"""What is known of a picture before it is restored."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.intensity import Stretch

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
        Noise level in 8-bit units, None where unknown.
    operator : ForwardOperator
        Identity for denoising.
    working : Stretch or None
        The range that it is fitted in, None for its own (`working_range`). A tile has that of its whole image: its own
        may be narrow, so that the noise in it would be large, and be fitted sooner than elsewhere.
    """

    pixels: np.ndarray
    sigma: float | None = None
    operator: ForwardOperator = Identity()
    working: Stretch | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3:
            raise NasdipError(f"an observation has the shape (H, W, C), not {self.pixels.shape}")
        if min(self.pixels.shape[:2]) < 16:
            height, width = self.pixels.shape[:2]
            raise NasdipError(f"a {height}x{width} px image is too small: nasdip needs at least 16x16 px")
        if not np.isfinite(self.pixels).all():
            raise NasdipError(f"{np.sum(~np.isfinite(self.pixels))} values are NaN or infinite: replace them first")
