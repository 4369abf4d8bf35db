"""The saved state of a searcher: JSON and tensors, in one safetensors file."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors

from nasdip.errors import NasdipError

_KEY = "nasdip_searcher"


@dataclass(frozen=True)
class SearcherState:
    """Everything a searcher needs to go on as if it had never been interrupted.

    Parameters
    ----------
    meta : dict
        JSON-able: searcher, space, settings, counters, buffered outcomes, NumPy's random state.
    tensors : dict of str to torch.Tensor
        Copies of weights, optimiser moments and torch's random state.

    Examples
    --------
    >>> import tempfile
    >>> state = SearcherState({"searcher": "random"}, {"weights": torch.ones(2)})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     state.save(Path(folder) / "searcher.safetensors")
    ...     SearcherState.read(Path(folder) / "searcher.safetensors").meta
    {'searcher': 'random'}
    """

    meta: dict[str, Any]
    tensors: dict[str, torch.Tensor]

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, whole or not at all; the folder must exist. NasdipError where it cannot."""
        data = to_safetensors(self.tensors, {_KEY: json.dumps(self.meta, allow_nan=False)})
        try:
            _write_atomically(Path(path), data)
        except OSError as error:
            reason = error.strerror or str(error)
            raise NasdipError(f"cannot write searcher state {path} ({reason}): check folder and space") from None

    @staticmethod
    def read(path: str | Path) -> "SearcherState":
        """Read what `save` wrote; NasdipError for a missing, truncated or foreign file."""
        try:
            with safe_open(str(path), framework="pt") as file:
                meta = dict(json.loads((file.metadata() or {})[_KEY]))
                names = list(file.keys())
                return SearcherState(meta, {name: file.get_tensor(name).clone() for name in names})
        except OSError as error:
            reason = error.strerror or str(error)
            raise NasdipError(f"cannot read searcher state {path} ({reason}): give a file that was saved") from None
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise NasdipError(
                f"{path} is not a whole searcher state ({type(error).__name__}): delete it to start the search afresh"
            ) from None


def _write_atomically(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
