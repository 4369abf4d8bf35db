"""The folder of a trained baseline: its weights, how it was trained, and what is needed to go on.

::

    model.json          baseline, settings, pairs, the best epoch, provenance
    model.safetensors   the weights of the best epoch
    last.safetensors    weights and optimiser of the last epoch, to go on from
    history.csv         a row for each epoch
    curve.png           the same as a picture
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from nasdip.baselines.history import Epoch, best_of, read_history, write_history
from nasdip.baselines.origin import read_record
from nasdip.baselines.trainable import Trainable
from nasdip.errors import NasdipError
from nasdip.files import locked, make_folder, replacing, write_json
from nasdip.provenance import provenance

_WEIGHTS, _OPTIMISER = "weights/", "optimiser/"


class ModelFolder:
    """Writes and reads the folder of a trained baseline at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder's lock, so that two processes cannot train into it; NasdipError where it is held."""
        return locked(self.path, "training")

    def check(self, settings: Mapping[str, Any]) -> int:
        """Return how many epochs of a training with these settings are there.

        NasdipError where the folder holds something else.
        """
        last, model = ((self.path / f"{name}.safetensors").exists() for name in ("last", "model"))
        if not (self.path / "model.json").exists():
            if last or model:
                raise NasdipError(f"{self.path} lacks model.json: choose another folder with -o")
            return 0
        record = self.record()
        if not (last or model):  # no epoch ended, as with a bad learning rate: nothing is lost by other settings
            return 0
        known = record["settings"]
        for key, value in settings.items():
            if known.get(key) != value:
                other = f"a training with {key} {known.get(key)}, not {value}"
                raise NasdipError(f"{self.path} holds {other}: choose another folder with -o")
        # Killed while its first epoch was written, a training begins anew; a model of more is not overwritten.
        if not last and (record.get("best") or {"epoch": 1})["epoch"] > 1:
            raise NasdipError(f"{self.path} holds a model without what to go on from: choose another folder with -o")
        return len(self.history())

    def open(self, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Make the folder for a training with these settings, unless it is there; `facts` are for the record."""
        make_folder(self.path)
        if self.check(settings) == 0:
            record = {"settings": dict(settings), "facts": dict(facts), "provenance": provenance(), "best": None}
            write_json(self.path / "model.json", record)

    def resume(self, network: Trainable) -> list[Epoch]:
        """Give a network the weights and the optimiser of the last epoch, where there is one; return the epochs."""
        epochs = self.history()
        if epochs:
            state = _read(self.path / "last.safetensors")
            network.load_weights(_below(_WEIGHTS, state))
            network.load_optimiser(_below(_OPTIMISER, state))
        return epochs

    def history(self) -> list[Epoch]:
        """Return the epochs that are done: those that `last.safetensors` vouches for."""
        last = self.path / "last.safetensors"
        if not last.exists():
            return []
        try:
            with safe_open(last, "pt") as file:
                done = int(file.metadata()["epoch"])
        except (SafetensorError, TypeError, KeyError, ValueError):
            raise NasdipError(f"{last} is damaged: remove it, and train anew") from None
        return read_history(self.path / "history.csv", done)

    def write_epoch(self, network: Trainable, epochs: Sequence[Epoch]) -> None:
        """Write the state after the last of `epochs`, its weights as the model too where they are the best."""
        write_history(self.path / "history.csv", epochs)
        best = best_of(epochs)
        weights = {name: value.contiguous() for name, value in network.weights().items()}
        if best is epochs[-1]:
            with replacing(self.path / "model.safetensors") as temporary:
                save_file(weights, temporary)
            write_json(self.path / "model.json", {**self.record(), "best": _finite(best._asdict())})
        state = {_WEIGHTS + name: value for name, value in weights.items()}
        state |= {_OPTIMISER + name: value.contiguous() for name, value in network.optimiser().items()}
        with replacing(self.path / "last.safetensors") as temporary:  # the last: it vouches for the others
            save_file(state, temporary, metadata={"epoch": str(len(epochs))})

    def record(self) -> dict[str, Any]:
        """Return model.json; NasdipError where the folder holds no model."""
        return read_record(self.path)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the best epoch; NasdipError where no epoch is done."""
        if not (self.path / "model.safetensors").exists():
            raise NasdipError(f"{self.path} holds no trained weights: train for one epoch at least")
        return _read(self.path / "model.safetensors")


def find_models(folder: Path) -> dict[str, Path]:
    """Return the folders of trained models in a folder, by their names, sorted; none where there is no folder."""
    return {file.parent.name: file.parent for file in sorted(folder.glob("*/model.safetensors"))}


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise NasdipError(f"{path} cannot be read ({error}): train anew") from None


def _below(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
