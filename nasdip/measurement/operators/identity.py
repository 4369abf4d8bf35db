"""The operator of denoising."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from nasdip.measurement.operators.operator import A, Operator, Place


@dataclass(frozen=True)
class Identity(Operator):
    """Every pixel was measured as it is."""

    name: ClassVar[str] = "identity"
    task: ClassVar[str] = "denoising"
    summary: ClassVar[str] = "every pixel was measured"
    pixelwise: ClassVar[bool] = True

    def forward(self, image: A) -> A:
        """Return the image itself."""
        return image

    def adjoint(self, measured: A) -> A:
        """Return what was measured."""
        return measured

    def part(self, place: Place) -> "Identity":
        """Return the same."""
        return self

    @classmethod
    def load(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> "Identity":
        """Return it."""
        return cls()
