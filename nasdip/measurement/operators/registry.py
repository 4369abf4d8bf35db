"""The operators by name, and their serial form."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nasdip.errors import NasdipError
from nasdip.measurement.operators.identity import Identity
from nasdip.measurement.operators.mask import Mask
from nasdip.measurement.operators.operator import Operator

OPERATORS: dict[str, type[Operator]] = {operator.name: operator for operator in (Identity, Mask)}


def load_operator(data: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Operator:
    """Return the operator of a record: its name and settings, and its arrays; NasdipError for an unknown name."""
    name = data["name"]
    if name not in OPERATORS:
        raise NasdipError(
            f"unknown operator '{name}': this is of a newer version, which has more than {set(OPERATORS)}"
        )
    return OPERATORS[name].load(data.get("settings", {}), arrays)
