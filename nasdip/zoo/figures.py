"""What was measured of a ready architecture, against the entry `dip`."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from nasdip.errors import NasdipError

_NUMBERS = ("gain_db", "gain_error_db", "step_ratio")


class Figures(NamedTuple):
    """How good an architecture is and what it costs, relative to the default network of Deep Image Prior.

    Attributes
    ----------
    gain_db : float
        Mean PSNR gain over `dip`, dB, on pictures that no search saw. Larger = better.
    gain_error_db : float
        Standard error of that mean, dB; from 0.
    step_ratio : float
        Seconds of an optimiser step over those of `dip`; above 0. Larger = slower.
    source : str
        The command and the file of the measurement.
    """

    gain_db: float
    gain_error_db: float
    step_ratio: float
    source: str

    @classmethod
    def from_json(cls, data: Any, name: str) -> "Figures":
        """Read the figures of the entry `name`, a JSON object with this class's keys.

        Raises
        ------
        NasdipError
            Where a key is missing or unknown, or a number is none, not finite or out of range.

        Examples
        --------
        >>> Figures.from_json({"gain_db": 1, "gain_error_db": 0.1, "step_ratio": 2, "source": "gain.csv"}, "mine")
        Figures(gain_db=1.0, gain_error_db=0.1, step_ratio=2.0, source='gain.csv')
        """
        if not isinstance(data, Mapping) or set(data) != set(cls._fields):
            raise NasdipError(f"the figures of '{name}' are incomplete: give {', '.join(cls._fields)}, and no others")
        for key in _NUMBERS:
            if not _finite(data[key]):
                raise NasdipError(f"the {key} of '{name}' is {data[key]!r}: use a finite number")
        if data["step_ratio"] <= 0:
            raise NasdipError(f"the step_ratio of '{name}' is {data['step_ratio']}: use a number above 0")
        if data["gain_error_db"] < 0:
            raise NasdipError(f"the gain_error_db of '{name}' is {data['gain_error_db']}: use a number from 0")
        gain, error, ratio = (float(data[key]) for key in _NUMBERS)
        return cls(gain, error, ratio, str(data["source"]))


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
