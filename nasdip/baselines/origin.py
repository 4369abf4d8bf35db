"""What a trained model was trained for, by its folder. No torch here."""

from pathlib import Path
from typing import Any, NamedTuple

from nasdip.errors import NasdipError
from nasdip.files import read_json

# Of model.json's settings, what must be known to use a model.
_SETTINGS = {"baseline", "learning_rate", "size"}


class Origin(NamedTuple):
    """What a model was trained with.

    Attributes
    ----------
    baseline : str
        Its name.
    sigma : float or None
        Level of the Gaussian noise of its pairs, 8-bit units; None where unknown.
    noise : str or None
        The kind of noise that was added instead.
    pictures : int
        How many there were, those for validation included; 0 where unknown.
    """

    baseline: str
    sigma: float | None
    noise: str | None
    pictures: int


def read_record(folder: Path) -> dict[str, Any]:
    """Return the model.json of a folder; NasdipError where there is none, or one of something else."""
    path = folder / "model.json"
    if not path.exists():
        raise NasdipError(f"{folder} holds no model: make one with nasdip train")
    record = read_json(path)
    settings = record.get("settings")
    if not isinstance(settings, dict) or not set(settings) >= _SETTINGS:
        raise NasdipError(f"{path} is not of nasdip train: choose another folder")
    return record


def read_origin(folder: Path) -> Origin:
    """Return what a model was trained with; NasdipError as for `read_record`."""
    record = read_record(folder)
    pairs = (record.get("facts") or {}).get("pairs") or {}
    noise, levels = record["settings"].get("noise"), pairs.get("sigma") or [None]
    pictures = len(pairs.get("training", ())) + len(pairs.get("validation", ()))
    return Origin(record["settings"]["baseline"], None if noise else levels[0], noise, pictures)
