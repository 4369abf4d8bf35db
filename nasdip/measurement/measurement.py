"""What was measured, y = H x + n, as every part of the house is told of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.intensity import IntensityScaling, working_range
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.operators.identity import Identity
from nasdip.measurement.operators.operator import Operator, Place
from nasdip.measurement.operators.registry import load_operator

SMALLEST = 16  # px


@dataclass(frozen=True, eq=False)
class Measurement:
    """One picture: its pixels y, the operator H in front of the noise, and what is known of the noise n.

    Parameters
    ----------
    pixels : ndarray
        (H, W, C) float32, nominally in [0, 1]; noise may exceed that range. Where nothing was measured they are 0.
    noise : NoiseModel or None
        None where nothing is known of it.
    operator : Operator
        Identity for denoising.
    scaling : IntensityScaling or None
        The range that it is fitted in, None for its own (`working_range`). A tile has that of its whole image: its own
        may be narrow, so that the noise in it would be large, and be fitted sooner than elsewhere. An image with
        impulses far outside of what the others hold has the range of the others.
    variance : ndarray or None
        (H, W, C), the variance of the noise in every value where it is not the same everywhere; [0, 1] units squared.
    impulses : ndarray or None
        (H, W) bool, True for pixels that were measured and tell nothing of the image: impulses, and those that hold no
        intensity. None where there are none.

    Raises
    ------
    NasdipError
        For pixels of another shape, fewer than 16x16 px, or that are not finite.
    """

    pixels: np.ndarray
    noise: NoiseModel | None = None
    operator: Operator = Identity()
    scaling: IntensityScaling | None = None
    variance: np.ndarray | None = None
    impulses: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3:
            raise NasdipError(f"a measurement has the shape (H, W, C), not {self.pixels.shape}")
        if min(self.pixels.shape[:2]) < SMALLEST:
            height, width = self.pixels.shape[:2]
            raise NasdipError(f"a {height}x{width} px image is too small: nasdip needs at least 16x16 px")
        if not np.isfinite(self.pixels).all():
            raise NasdipError(f"{np.sum(~np.isfinite(self.pixels))} values are NaN or infinite: replace them first")

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape (H, W, C) of the image x, which is the operator's business, not that of the pixels."""
        return self.operator.image_shape(self.pixels.shape)

    @cached_property
    def valid(self) -> np.ndarray | None:
        """Where, (H, W) bool, pixels tell something of the image: measured, and no impulses. None: everywhere."""
        measured = self.operator.measured
        if self.impulses is None:
            return measured
        return ~self.impulses if measured is None else measured & ~self.impulses

    @property
    def is_masked(self) -> bool:
        """Whether parts of the image were not measured."""
        return self.operator.measured is not None

    @property
    def sigma(self) -> float | None:
        """Noise level in 8-bit units, root mean square over the image; None where unknown."""
        return None if self.noise is None else self.noise.sigma

    @property
    def kind(self) -> str:
        """Of the noise, see `NoiseModel`."""
        return "gaussian" if self.noise is None else self.noise.kind

    @property
    def contradicted(self) -> bool:
        """Whether a noise level was given and the picture looks otherwise; see `contradicts`."""
        return self.noise is not None and self.noise.contradicted

    @property
    def relative_sigma(self) -> float:
        """The noise level in 8-bit units of the range that is fitted (`working_range`); 0 where it is unknown."""
        return (self.sigma or 0.0) / self.working.scale

    @property
    def level_uncertainty(self) -> float:
        """The relative standard error of the noise level, in [0, 1]; 0 where it was given, or is unknown."""
        return min(self.noise.error / self.noise.sigma, 1.0) if self.noise and self.noise.sigma else 0.0

    @cached_property
    def working(self) -> IntensityScaling:
        """The range that it is fitted in."""
        if self.scaling is not None:
            return self.scaling
        return working_range(self.pixels if self.operator.measured is None else self.pixels[self.operator.measured])

    def noise_variance(self) -> float | np.ndarray | None:
        """Return the variance of the noise, [0, 1] units squared: one number, or one for each value; None: unknown."""
        if self.variance is not None:
            return self.variance
        return None if self.sigma is None else (self.sigma / 255) ** 2

    def residual(self, image: np.ndarray) -> np.ndarray:
        """Return y - H x of an image (H, W, C): what it leaves of the measurement; 0 where that tells nothing.

        Its counterpart for tensors, which losses and stopping rules share, is `nasdip.fit.data_term.DataTerm`.
        """
        left = self.pixels.astype(np.float64) - self.operator.forward(image.astype(np.float64))
        if self.valid is not None:
            left[~self.valid] = 0
        return np.asarray(left)

    def part(self, place: Place) -> "Measurement":
        """Return the measurement of a part of the image, given by its rows and columns (slices, or as of `np.ix_`)."""

        def cut(image: np.ndarray | None) -> np.ndarray | None:
            return None if image is None else np.ascontiguousarray(image[place])

        pixels = cut(self.pixels)
        assert pixels is not None
        operator = self.operator.part(place)
        return replace(
            self, pixels=pixels, operator=operator, variance=cut(self.variance), impulses=cut(self.impulses)
        )  # fmt: skip

    def identity(self) -> dict[str, Any]:
        """Return what a record and a resumption compare, beside the pixels: the operator, and a level that was given.

        A level that was found is no part of that: it follows from the pixels, by methods that get better.
        """
        given = self.noise is not None and self.noise.given
        arrays = {name: digest(array) for name, array in self.operator.arrays().items()}
        operator = {"name": self.operator.name, "settings": self.operator.settings(), "arrays": arrays}
        known = isinstance(self.operator, Identity)
        return {
            "noise": {"sigma": round(self.sigma, 4) if given and self.sigma is not None else None},
            **({} if known else {"operator": operator}),
        }

    def to_tensors(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return all of it as a JSON object and arrays by name, from which `from_tensors` rebuilds it."""
        facts = {
            "noise": None if self.noise is None else self.noise.to_json(),
            "operator": {"name": self.operator.name, "settings": self.operator.settings()},
            "scaling": self.scaling,
        }
        arrays = {"pixels": self.pixels, "variance": self.variance, "impulses": self.impulses}
        arrays |= {f"operator.{name}": array for name, array in self.operator.arrays().items()}
        return facts, {name: array for name, array in arrays.items() if array is not None}

    @staticmethod
    def from_tensors(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> "Measurement":
        """Rebuild what `to_tensors` returned."""
        own = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith("operator.")}
        return Measurement(
            arrays["pixels"],
            None if facts["noise"] is None else NoiseModel.from_json(facts["noise"]),
            load_operator(facts["operator"], own),
            None if facts["scaling"] is None else IntensityScaling(*facts["scaling"]),
            arrays.get("variance"),
            arrays.get("impulses"),
        )


def digest(array: np.ndarray) -> str:
    """Return a short text that tells an array's content apart."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
