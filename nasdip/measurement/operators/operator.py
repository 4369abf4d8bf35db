"""What an operator is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from nasdip.errors import NasdipError

A = TypeVar("A")
Place = tuple[slice, slice] | tuple[np.ndarray, np.ndarray]


class Operator(ABC):
    """A linear map H from the true image to what was measured of it.

    Images and measurements are tensors (N, C, H, W) or arrays (H, W, C). An operator whose values each depend on the
    pixel in the same place alone is `pixelwise`: it can be applied to a padded image, and an image behind it fitted in
    tiles.

    Attributes
    ----------
    name : str
        What files and options call it.
    task : str
        What undoing it is called, as in the zoo: denoising, inpainting, ...
    summary : str
        One line for help and reports.
    steps_factor : float
        How many times the steps of denoising a fit may take: without noise nothing is overfitted soon.
    """

    name: ClassVar[str]
    task: ClassVar[str]
    summary: ClassVar[str]
    pixelwise: ClassVar[bool] = False
    steps_factor: ClassVar[float] = 1.0

    @abstractmethod
    def forward(self, image: A) -> A:
        """Return H x."""

    @abstractmethod
    def adjoint(self, measured: A) -> A:
        """Return H^T y."""

    @property
    def measured(self) -> np.ndarray | None:
        """Where, (H, W) bool, a measured value tells of the image at all; None: everywhere."""
        return None

    def image_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape (H, W, C) of the image that measured pixels of a shape (H, W, C) tell of."""
        return shape

    def part(self, place: Place) -> "Operator":
        """Return the operator of a part of the image, given by its rows and columns; NasdipError where there is none.

        Only `pixelwise` ones have one.
        """
        raise NasdipError(f"an image behind the operator {self.name} cannot be cut into parts: use it as a whole")

    def padded(self, padding: Any) -> "Operator":
        """Return the operator of the image padded by reflection (`nasdip.imaging.padding`); for `pixelwise` ones."""
        return self

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Return what it consists of beside its `settings`, by name: what an identity and a file hold of it."""
        return {}

    def settings(self) -> dict[str, Any]:
        """Return its numbers, as a JSON object."""
        return {}

    @classmethod
    @abstractmethod
    def load(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> "Operator":
        """Rebuild what `settings` and `arrays` returned."""
