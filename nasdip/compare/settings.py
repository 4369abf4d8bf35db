"""What all methods are told, and the picture: how a process learns what to do. No torch here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """What a person can set; each method takes what it knows of.

    Parameters
    ----------
    steps : int or None
        Most optimiser steps of untrained networks, and of zs-n2n; None for their own.
    width : int or None
        Channels of untrained networks; None for the recipe's.
    seed : int
        Of weights, and of the pixels that are held out.
    sigma : float or None
        Noise level in 8-bit units; None: estimated.
    device : str
        cpu, cuda or cuda:N.
    """

    steps: int | None = None
    width: int | None = None
    seed: int = 0
    sigma: float | None = None
    device: str = "cpu"

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Settings":
        """Read what `to_json` wrote."""
        return cls(**data)
