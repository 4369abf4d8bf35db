"""The folder of a restoration: images, curves and a record, readable by a person and by reports. No torch here.

::

    record.json           what was run, and what came out
    noisy.tif clean.tif   the input (float32), and the clean image where given
    mask.tif              where pixels were measured: 1, else 0; none where all were
    reference.tif         an estimate without a network, where the noise allows one
    reference-variance.tif   of its error
    deviation.tif         the expected error of each of the restored values
    restored.tif          what was made of the repetitions' averaged images
    repetition-01/        averaged.tif last.tif oracle.tif  curves.csv bands.csv fit.json
    tiles-01/tile-0001/   the same of a tile, until repetition 1 is put together

Every repetition, and every tile of one, is on disk when it ends; starting again with the same settings goes on with the
missing ones. The tiles of a finished repetition go: its images are made of theirs, and its fit.json lists them.
"""

import itertools
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from nasdip.classical.error_estimate import ErrorEstimate
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.errors import NasdipError
from nasdip.files import locked, make_folder, read_json, write_json
from nasdip.imaging.tiles import Tiling
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.measurement import digest
from nasdip.options.fit import FitConfig
from nasdip.records.fit_folder import finite, read_array, read_fit, summary, write_array, write_fit
from nasdip.records.results import FitResult, Restoration
from nasdip.space.architecture import Architecture

__all__ = ["RestorationFolder", "read_array", "write_array"]


class RestorationFolder:
    """Writes and reads the folder of a restoration at `path`; `image` is the path of the picture, for the record."""

    def __init__(self, path: Path, image: str | None = None) -> None:
        self.path = path
        self.image = image
        self.moved_to: Path | None = None
        # What a time budget asked for, where one picked the architecture and the steps; for the record.
        self.budget: dict[str, Any] | None = None

    def start(
        self,
        noisy: np.ndarray,
        clean: np.ndarray | None,
        settings: dict[str, Any],
        provenance: dict[str, Any],
        mask: np.ndarray | None = None,
    ) -> dict[int, FitResult]:
        """Open the folder for a restoration; return the repetitions (from 1) that it holds already.

        They are taken if `settings` and the images are those of the earlier start. Another restoration that has
        finished fits is moved aside, whole, to the first free NAME.1, NAME.2, ... (see `moved_to`).
        """
        make_folder(self.path)
        settings = _identity(noisy, clean, settings)
        if self._settings() == settings:
            for folder in self.repetition_folders():
                shutil.rmtree(self._tiles(_number(folder)), ignore_errors=True)
            return {_number(folder): read_fit(folder) for folder in self.repetition_folders()}
        if self.has_fits():
            self._move_aside()
        # The record comes last: it vouches for all else.
        record = self.path / "record.json"
        record.unlink(missing_ok=True)
        for old in ("reference", "reference-variance", "clean", "mask", "restored", "deviation"):
            (self.path / f"{old}.tif").unlink(missing_ok=True)
        write_array(self.path / "noisy.tif", noisy)
        if clean is not None:
            write_array(self.path / "clean.tif", clean)
        if mask is not None:
            write_array(self.path / "mask.tif", mask[..., None].astype(np.float32))
        facts = {"image": self.image, "settings": settings, "provenance": provenance, "budget": self.budget}
        write_json(record, {**facts, "result": None})
        return {}

    def earlier(
        self, noisy: np.ndarray, clean: np.ndarray | None, settings: dict[str, Any]
    ) -> tuple[bool, Tiling | None]:
        """Return whether the folder has finished fits of these images and settings, and their tiles.

        The tiles in `settings` do not count, so that a restoration can go on with those it was started with.
        """
        known = self._settings()
        if known is None or not self.has_fits() or not self.matches(noisy, clean, settings):
            return False, None
        return True, _tiling(known)

    def matches(self, noisy: np.ndarray, clean: np.ndarray | None, settings: dict[str, Any]) -> bool:
        """Whether an earlier start was of these images and settings, tiles apart, even if it finished no fit."""
        known, wanted = self._settings(), _identity(noisy, clean, settings)
        return known is not None and {**known, "tiles": None} == {**wanted, "tiles": None}

    def picked(self) -> tuple[str, int] | None:
        """Return the architecture (as text) and the steps that an earlier start took for the same `budget`."""
        record = self.path / "record.json"
        known = self._settings()
        if known is None or self.budget is None or read_json(record).get("budget") != self.budget:
            return None
        return known["architecture"], known["config"]["steps"]

    def _settings(self) -> dict[str, Any] | None:
        """Return the settings of the earlier start; None where there was none.

        What an earlier version did not know of has its default, as in `read`.
        """
        record = self.path / "record.json"
        known = read_json(record).get("settings") if record.exists() else None
        if known is None:
            return None
        config = {**FitConfig().to_json(), **known.get("config", {})}
        return {"tiles": None, "noise": {"sigma": None}, **known, "config": config}

    def _move_aside(self) -> None:
        numbers = itertools.count(1)
        self.moved_to = next(p for n in numbers if not (p := self.path.with_name(f"{self.path.name}.{n}")).exists())
        self.path.rename(self.moved_to)
        make_folder(self.path)

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder's lock, so that two processes cannot write there; NasdipError where it is held."""
        make_folder(self.path)
        return locked(self.path, "restoration")

    def write_repetition(self, number: int, result: FitResult) -> None:
        """Write repetition `number` (from 1), whole or not at all; its tiles, which it is made of, go."""
        write_fit(self.path / f"repetition-{number:02d}", result)
        shutil.rmtree(self._tiles(number), ignore_errors=True)

    def write_tile(self, number: int, tile: int, result: FitResult) -> None:
        """Write the fit of a tile (from 1) of repetition `number`, whole or not at all."""
        self._tiles(number).mkdir(exist_ok=True)
        write_fit(self._tiles(number) / f"tile-{tile:04d}", result)

    def read_tile(self, number: int, tile: int) -> FitResult:
        """Read the fit of a tile that `has_tile`."""
        return read_fit(self._tiles(number) / f"tile-{tile:04d}")

    def has_tile(self, number: int, tile: int) -> bool:
        """Whether the fit of a tile (from 1) of repetition `number` is on disk."""
        return (self._tiles(number) / f"tile-{tile:04d}").exists()

    def tiles_done(self) -> int:
        """Return how many tiles of unfinished repetitions are on disk."""
        return len(list(self.path.glob("tiles-[0-9]*/tile-[0-9]*")))

    def fits_done(self, repeats: int, tiles: int) -> int:
        """Return how many fits of `repeats` repetitions of `tiles` fits each are on disk."""
        whole = {_number(folder) for folder in self.repetition_folders()} & set(range(1, repeats + 1))
        parts = [self.has_tile(n, t + 1) for n in range(1, repeats + 1) if n not in whole for t in range(tiles)]
        return len(whole) * tiles + sum(parts)

    def has_fits(self) -> bool:
        """Whether a repetition, or a tile of one, is on disk."""
        return bool(self.repetition_folders()) or self.tiles_done() > 0

    def _tiles(self, number: int) -> Path:
        return self.path / f"tiles-{number:02d}"

    def has_reference(self) -> bool:
        """Whether the reference of this restoration is on disk."""
        return (self.path / "reference.tif").exists()

    def write_reference(self, reference: BayesEstimate) -> None:
        """Write the reference, its image last: it vouches for both."""
        write_array(self.path / "reference-variance.tif", reference.variance)
        write_array(self.path / "reference.tif", reference.image)

    def read_reference(self) -> BayesEstimate:
        """Read what `write_reference` wrote."""
        return BayesEstimate(*(read_array(self.path / f"{name}.tif") for name in ("reference", "reference-variance")))

    def finish(self, restoration: Restoration) -> None:
        """Write the restored image and the record; what an earlier one of other options had, goes."""
        record, expected = read_json(self.path / "record.json"), restoration.expected
        looks = restoration.measured_level
        if record["result"] is not None:  # it must not vouch for images that are being replaced
            write_json(self.path / "record.json", {**record, "result": None})
        write_array(self.path / "restored.tif", restoration.image)
        if expected is not None:
            write_array(self.path / "deviation.tif", expected.deviation)
        else:
            (self.path / "deviation.tif").unlink(missing_ok=True)
        record["result"] = {
            "architecture": str(restoration.architecture),
            "architecture_json": restoration.architecture.to_json(),
            "psnr": finite(restoration.psnr),
            "sigma": restoration.sigma,
            "kind": restoration.kind,
            "expected_psnr": None if expected is None else [expected.low, expected.psnr, expected.high],
            "kept": restoration.kept,
            "gained": restoration.gained,
            "looks": None if looks is None else [looks.sigma, looks.error],
            "reference": restoration.reference is not None,
            "refined": restoration.refined,
            "config": restoration.config.to_json(),
            "width": restoration.width,
            "seed": restoration.seed,
            "device": restoration.device,
            "parameters": restoration.parameters,
            "seconds": restoration.seconds,
            "repetitions": [summary(repetition) for repetition in restoration.repetitions],
        }
        write_json(self.path / "record.json", record)

    def read(self) -> Restoration:
        """Read a finished restoration; NasdipError where there is none."""
        record = read_json(self.path / "record.json")
        result = record.get("result")
        if result is None:
            raise NasdipError(f"the restoration in {self.path} is not finished: run its command again")
        clean = self.path / "clean.tif"
        return Restoration(
            architecture=Architecture.from_json(result["architecture_json"]),
            image=read_array(self.path / "restored.tif"),
            noisy=read_array(self.path / "noisy.tif"),
            clean=read_array(clean) if clean.exists() else None,
            psnr=result["psnr"],
            sigma=result["sigma"],
            repetitions=tuple(
                read_fit(folder)
                for folder in self.repetition_folders()
                if _number(folder) <= len(result["repetitions"])
            ),
            config=FitConfig(**result["config"]),
            width=result["width"],
            seed=result["seed"],
            device=result["device"],
            parameters=result["parameters"],
            tiling=_tiling(record["settings"]),
            reference=self.read_reference() if result.get("reference", False) else None,
            refined=result.get("refined", False),
            kind=result.get("kind", "gaussian"),
            expected=self._expected(result.get("expected_psnr")),
            measured_level=None if result.get("looks") is None else NoiseLevel(*result["looks"]),
            mask=self.mask(),
            kept=result.get("kept", "result"),
            gained=result.get("gained", 0.0),
        )

    def mask(self) -> np.ndarray | None:
        """Return where, (H, W) bool, pixels were measured; None where all were."""
        path = self.path / "mask.tif"
        return read_array(path)[..., 0] > 0.5 if path.exists() else None

    def _expected(self, psnr: list[float] | None) -> ErrorEstimate | None:
        if psnr is None:
            return None
        low, middle, high = psnr
        return ErrorEstimate(middle, low, high, read_array(self.path / "deviation.tif"))

    def repetition_folders(self) -> list[Path]:
        """Return the folders of the repetitions that are on disk, in order."""
        return sorted(self.path.glob("repetition-[0-9]*"), key=_number)


def _number(folder: Path) -> int:
    return int(folder.name.split("-")[1])


def _identity(noisy: np.ndarray, clean: np.ndarray | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Return all that the outcome depends on: settings and images."""
    return {"tiles": None, **settings, "noisy": digest(noisy), "clean": None if clean is None else digest(clean)}


def _tiling(settings: dict[str, Any]) -> Tiling | None:
    tiles = settings.get("tiles")
    return None if tiles is None else Tiling.from_json(tiles)
