"""The folder of a comparison. No torch here.

::

    record.json                      the picture, the settings, and where the results come from
    observation/                     noisy.tif heldout.tif (the pixels that are held out: 1), float32
    methods/NAME/result.json         seconds and memory of a method, and what it was
                 restored.tif        its image, float32
                 seen.tif            what its image stands for in clipped noise, where that is another
                 predicted.tif       its image where the held-out pixels were hidden from it
    results.csv comparison.md comparison.png NAME.*   made of these

Every method is on disk when it ends; the same command goes on with those that are missing.
"""

import hashlib
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasdip.compare.methods import Method
from nasdip.compare.settings import Settings
from nasdip.errors import NasdipError
from nasdip.files import locked, make_folder, read_json, write_json
from nasdip.provenance import provenance
from nasdip.records.fit_folder import read_array, write_array

TABLES = RESULTS, MARKDOWN, FIGURE = "results.csv", "comparison.md", "comparison.png"


class Result(NamedTuple):
    """What a method came to.

    Attributes
    ----------
    restored : ndarray
        (H, W, C) float32.
    seen : ndarray
        The means that the noise shows of it: another image where the method undid clipping.
    predicted : ndarray
        (H, W, C), the seen image where the held-out pixels were hidden; it counts at these pixels alone.
    seconds : float
        Of `restored` alone.
    memory, whole_memory, device_memory : int or None
        Bytes at the peak of that: those that the method added to its process, those of the whole process, and those of
        its tensors on a GPU.
    """

    restored: np.ndarray
    seen: np.ndarray
    predicted: np.ndarray
    seconds: float
    memory: int | None = None
    whole_memory: int | None = None
    device_memory: int | None = None


class ComparisonFolder:
    """Writes and reads the folder of a comparison at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder's lock, so that two processes cannot write there; NasdipError where it is held."""
        make_folder(self.path)
        return locked(self.path, "comparison")

    def check(self, noisy: np.ndarray, settings: Settings) -> None:
        """Raise NasdipError where the folder holds a comparison of another picture, or with other settings."""
        record = self.path / "record.json"
        if not record.exists():
            return
        known = read_json(record).get("comparison") or {}
        if known.get("noisy") != _digest(noisy):
            raise NasdipError(f"{self.path} holds a comparison of another picture: choose another folder with -o")
        before = known.get("settings") or {}
        for name, value in settings.to_json().items():
            if before.get(name) != value:
                other = f"{name} {_told(before.get(name))}, not {_told(value)}"
                raise NasdipError(f"{self.path} holds a comparison with {other}: choose another folder with -o")

    def check_targets(self, inputs: Sequence[Path], pictures: Sequence[str]) -> None:
        """Raise NasdipError where results would overwrite an input, or files that are of no earlier start.

        `pictures` are the names of the methods' pictures.
        """
        results = [self.path / name for name in ("record.json", *TABLES, *pictures)]
        within = [self.path / name for name in ("observation", "methods")]
        for path in inputs:
            if path.resolve() in {result.resolve() for result in results} or any(
                path.resolve().is_relative_to(folder.resolve()) for folder in within
            ):
                raise NasdipError(f"{path} would be overwritten: choose another folder with -o")
        others = [] if (self.path / "record.json").is_file() else [path for path in results if path.exists()]
        if others:
            raise NasdipError(f"{others[0]} is not of an earlier comparison: choose another folder with -o")

    def start(self, image: Path, noisy: np.ndarray, heldout: np.ndarray, settings: Settings) -> None:
        """Open the folder for a comparison, or an earlier start of the same one for going on."""
        self.check(noisy, settings)
        for name in ("observation", "methods"):
            make_folder(self.path / name)
        if (self.path / "record.json").exists():
            return
        write_array(self.path / "observation/noisy.tif", noisy)
        write_array(self.path / "observation/heldout.tif", heldout[..., None].astype(np.float32))
        facts = {"image": str(image), "comparison": _identity(noisy, settings), "provenance": provenance()}
        write_json(self.path / "record.json", facts)  # last: it vouches for the others

    def settings(self) -> Settings:
        """Return the settings that it was started with."""
        return Settings.from_json(read_json(self.path / "record.json")["comparison"]["settings"])

    def noisy(self) -> np.ndarray:
        """Return the noisy image, (H, W, C)."""
        return read_array(self.path / "observation/noisy.tif")

    def heldout(self) -> np.ndarray:
        """Return the mask (H, W) of the pixels that are held out."""
        return read_array(self.path / "observation/heldout.tif")[..., 0] > 0.5

    def has(self, method: Method) -> bool:
        """Whether the result of a method, of this comparison and the same trained weights, is on disk."""
        file = self._place(method.name) / "result.json"
        if not file.exists():
            return False
        facts = read_json(file)
        return facts.get("comparison") == self._identity() and facts.get("fingerprint") == method.fingerprint

    def discard(self, method: Method) -> None:
        """Remove the result of a method, where there is one."""
        shutil.rmtree(self._place(method.name), ignore_errors=True)

    def write(self, method: Method, result: Result) -> None:
        """Write a result, whole or not at all."""
        final = self._place(method.name)
        folder = final.with_name(f".{method.name}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        images = {"restored": result.restored, "predicted": result.predicted}
        if not np.array_equal(result.seen, result.restored):
            images["seen"] = result.seen
        for name, image in images.items():
            write_array(folder / f"{name}.tif", image)
        numbers = {name: getattr(result, name) for name in Result._fields[3:]}
        facts = {**method._asdict(), **numbers, "comparison": self._identity(), "provenance": provenance()}
        write_json(folder / "result.json", facts)
        shutil.rmtree(final, ignore_errors=True)
        folder.rename(final)

    def read(self, name: str) -> Result:
        """Read the result of a method that `has`."""
        folder = self._place(name)
        numbers: dict[str, Any] = read_json(folder / "result.json")
        restored, seen = read_array(folder / "restored.tif"), folder / "seen.tif"
        return Result(
            restored,
            read_array(seen) if seen.exists() else restored,
            read_array(folder / "predicted.tif"),
            **{field: numbers[field] for field in Result._fields[3:]},
        )

    def _identity(self) -> Any:
        record = self.path / "record.json"
        return read_json(record).get("comparison") if record.exists() else None

    def _place(self, name: str) -> Path:
        return self.path / "methods" / name


def _identity(noisy: np.ndarray, settings: Settings) -> dict[str, Any]:
    """Return all that the results depend on, beside the methods."""
    return {"noisy": _digest(noisy), "settings": settings.to_json()}


def _told(value: Any) -> str:
    return "unset" if value is None else str(value)


def _digest(image: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:16]
