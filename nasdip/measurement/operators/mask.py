"""The operator of inpainting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.padding import pad_reflect
from nasdip.measurement.operators.identity import Identity
from nasdip.measurement.operators.operator import A, Operator, Place


@dataclass(frozen=True, eq=False)
class Mask(Operator):
    """Some pixels were measured, others were not: H x = m x, with m 1 or 0.

    Parameters
    ----------
    known : ndarray
        (H, W) bool, True where the pixel was measured; some are, and some are not.

    Raises
    ------
    NasdipError
        For another kind of array, and where all or none were measured.

    Examples
    --------
    >>> known = np.ones((16, 16), bool)
    >>> known[4:8] = False
    >>> float(Mask(known).forward(np.ones((16, 16, 1))).sum())
    192.0
    """

    name: ClassVar[str] = "mask"
    task: ClassVar[str] = "inpainting"
    summary: ClassVar[str] = "some pixels are missing"
    pixelwise: ClassVar[bool] = True
    # With half of the pixels missing the best step of dip is near 2100 on 128 px.
    steps_factor: ClassVar[float] = 4.0

    known: np.ndarray
    _tensors: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.known.ndim != 2 or self.known.dtype != bool:
            raise NasdipError(f"a mask is an array (H, W) of bool, not {self.known.shape} of {self.known.dtype}")
        if self.known.all():
            raise NasdipError("the mask names no missing pixel: leave it out to denoise the picture")
        if not self.known.any():
            raise NasdipError("the mask names all pixels as missing: there is nothing to restore the picture from")

    def forward(self, image: A) -> A:
        """Return the image with 0 where nothing was measured."""
        return image * self._like(image)

    def adjoint(self, measured: A) -> A:
        """Return the same of a measurement."""
        return self.forward(measured)

    def _like(self, image: Any) -> Any:
        """Return the mask as an array or tensor that an image can be multiplied with."""
        if isinstance(image, np.ndarray):
            return self.known[..., None] if image.ndim == 3 else self.known
        key = (image.device, image.dtype)
        if key not in self._tensors:  # once: a step must not wait for what comes from the CPU
            import torch

            self._tensors[key] = torch.from_numpy(self.known).to(device=image.device, dtype=image.dtype)
        return self._tensors[key]

    @property
    def measured(self) -> np.ndarray:
        """Where the pixels were measured."""
        return self.known

    def part(self, place: Place) -> Operator:
        """Return the mask of a part; the identity where all of it was measured."""
        known = np.ascontiguousarray(self.known[place])
        if not known.any():
            raise NasdipError("a hole covers a whole tile, or crop: use a larger one, or the whole (--tile off)")
        return Identity() if known.all() else Mask(known)

    def padded(self, padding: Any) -> "Mask":
        """Return the mask of the padded image."""
        return Mask(pad_reflect(self.known[..., None].astype(np.float32), padding)[..., 0] > 0.5)

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Return the mask."""
        return {"known": self.known}

    @classmethod
    def load(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> "Mask":
        """Rebuild it."""
        return cls(arrays["known"].astype(bool))
