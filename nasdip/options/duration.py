"""Times that people type."""

import math
import re
from numbers import Real

from nasdip.errors import NasdipError

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


def parse_budget(text: str | None) -> float | None:
    """Return the seconds that a person typed; None where nothing was.

    Parameters
    ----------
    text : str, optional
        A number above 0 and its unit: s (also without one), m or min, h.

    Raises
    ------
    NasdipError
        Where it is something else.

    Examples
    --------
    >>> parse_budget("60s"), parse_budget("5m"), parse_budget("1.5h"), parse_budget("90")
    (60.0, 300.0, 5400.0, 90.0)
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*)\s*", text, re.ASCII)
    if found is None or found[2] not in _UNITS:
        raise NasdipError(f"budget '{text}' is no time: use one like 60s, 5m, 1.5h or 90 (seconds)")
    return float(found[1]) * _UNITS[found[2]]


def check_seconds(budget: float | None) -> None:
    """Raise NasdipError for a budget that is no time in seconds; None is no budget."""
    if budget is not None and not (isinstance(budget, Real) and 0 < budget < math.inf):
        raise NasdipError(f"budget {budget!r} is no time: use a number of seconds above 0")
