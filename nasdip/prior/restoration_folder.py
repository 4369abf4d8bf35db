"""The folder of a restoration: images, curves and a record, readable by a person and by reports. No torch here.

::

    record.json           what was run, and what came out
    noisy.tif clean.tif   the input (float32), and the clean image where given
    restored.tif          the mean of the repetitions' averaged images
    repetition-01/        averaged.tif last.tif oracle.tif  curves.csv bands.csv fit.json

Every repetition is on disk when it ends; starting again with the same settings goes on with the missing ones.
"""

import csv
import hashlib
import itertools
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nasdip.errors import NasdipError
from nasdip.files import locked, make_folder, read_json, replacing, write_csv, write_json
from nasdip.prior.config import FitConfig
from nasdip.prior.result import BandCurve, Curves, FitEvent, FitResult, Restoration
from nasdip.space.architecture import Architecture

_CURVES = ("step", "loss", "heldout", "oracle_psnr_raw", "oracle_psnr_averaged")


class RestorationFolder:
    """Writes and reads the folder of a restoration at `path`; `image` is the path of the picture, for the record."""

    def __init__(self, path: Path, image: str | None = None) -> None:
        self.path = path
        self.image = image
        self.moved_to: Path | None = None

    def start(
        self, noisy: np.ndarray, clean: np.ndarray | None, settings: dict[str, Any], provenance: dict[str, Any]
    ) -> dict[int, FitResult]:
        """Open the folder for a restoration; return the repetitions (from 1) that it holds already.

        They are taken if `settings` and the images are those of the earlier start. Another restoration that has
        finished repetitions is moved aside, whole, to the first free NAME.1, NAME.2, ... (see `moved_to`).
        """
        make_folder(self.path)
        settings = {**settings, "noisy": _digest(noisy), "clean": None if clean is None else _digest(clean)}
        record = self.path / "record.json"
        known = read_json(record) if record.exists() else {}
        if known.get("settings") == settings:
            return {_number(folder): _read_repetition(folder) for folder in self.repetition_folders()}
        if known and self.repetition_folders():
            self._move_aside()
        # The record comes last: it vouches for all else.
        record.unlink(missing_ok=True)
        write_array(self.path / "noisy.tif", noisy)
        if clean is not None:
            write_array(self.path / "clean.tif", clean)
        write_json(record, {"image": self.image, "settings": settings, "provenance": provenance, "result": None})
        return {}

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
        """Write repetition `number` (from 1), whole or not at all."""
        final = self.path / f"repetition-{number:02d}"
        folder = self.path / f".{final.name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write_array(folder / "averaged.tif", result.averaged)
        write_array(folder / "last.tif", result.last)
        if result.oracle is not None:
            write_array(folder / "oracle.tif", result.oracle)
        _write_curves(folder / "curves.csv", result.curves)
        header = ["step", *(f"band{i}" for i in range(1, result.bands.correspondence.shape[1] + 1))]
        rows = zip(result.bands.step, result.bands.correspondence, strict=True)
        write_csv(folder / "bands.csv", header, ([int(s), *(f"{v:.6g}" for v in values)] for s, values in rows))
        write_json(folder / "fit.json", _summary(result))
        shutil.rmtree(final, ignore_errors=True)
        folder.rename(final)

    def finish(self, restoration: Restoration) -> None:
        """Write the restored image and the record."""
        write_array(self.path / "restored.tif", restoration.image)
        record = read_json(self.path / "record.json")
        record["result"] = {
            "architecture": str(restoration.architecture),
            "architecture_json": restoration.architecture.to_json(),
            "psnr": _finite(restoration.psnr),
            "sigma": restoration.sigma,
            "config": restoration.config.to_json(),
            "width": restoration.width,
            "seed": restoration.seed,
            "device": restoration.device,
            "parameters": restoration.parameters,
            "seconds": restoration.seconds,
            "repetitions": [_summary(repetition) for repetition in restoration.repetitions],
        }
        write_json(self.path / "record.json", record)

    def read(self) -> Restoration:
        """Read a finished restoration; NasdipError where there is none."""
        result = read_json(self.path / "record.json").get("result")
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
                _read_repetition(folder)
                for folder in self.repetition_folders()
                if _number(folder) <= len(result["repetitions"])
            ),
            config=FitConfig(**result["config"]),
            width=result["width"],
            seed=result["seed"],
            device=result["device"],
            parameters=result["parameters"],
        )

    def repetition_folders(self) -> list[Path]:
        """Return the folders of the repetitions that are on disk, in order."""
        return sorted(self.path.glob("repetition-[0-9]*"), key=_number)


def _number(folder: Path) -> int:
    return int(folder.name.split("-")[1])


def _summary(result: FitResult) -> dict[str, Any]:
    curves = result.curves
    return {
        "seed": result.seed,
        "steps": len(curves.step),
        "seconds": result.seconds,
        "loss_last": float(curves.loss[result.image_step - 1]),
        "image_step": result.image_step,
        "heldout_psnr": _finite(result.heldout_psnr),
        "estimated_psnr": _finite(result.estimated_psnr),
        "psnr_last": _finite(result.psnr_last),
        "psnr_averaged": _finite(result.psnr_averaged),
        "oracle_psnr": _finite(result.oracle_psnr),
        "oracle_step": result.oracle_step,
        "events": [event._asdict() for event in result.events],
    }


def _finite(value: float | None) -> float | None:
    """Return what JSON can hold: a loss that is not a number, or the PSNR of two equal images, becomes None."""
    return value if value is not None and np.isfinite(value) else None


def _read_repetition(folder: Path) -> FitResult:
    fit = read_json(folder / "fit.json")
    oracle = folder / "oracle.tif"
    bands = np.genfromtxt(folder / "bands.csv", delimiter=",", skip_header=1, ndmin=2)
    return FitResult(
        averaged=read_array(folder / "averaged.tif"),
        last=read_array(folder / "last.tif"),
        oracle=read_array(oracle) if oracle.exists() else None,
        oracle_step=fit["oracle_step"],
        curves=_read_curves(folder / "curves.csv"),
        bands=BandCurve(bands[:, 0].astype(int), bands[:, 1:]),
        events=tuple(FitEvent(**event) for event in fit["events"]),
        image_step=fit["image_step"],
        seed=fit["seed"],
        seconds=fit["seconds"],
        psnr_averaged=fit["psnr_averaged"],
        psnr_last=fit["psnr_last"],
        heldout_psnr=fit["heldout_psnr"],
        estimated_psnr=fit["estimated_psnr"],
    )


def _write_curves(path: Path, curves: Curves) -> None:
    present = [name for name in _CURVES if getattr(curves, name) is not None]
    columns = [getattr(curves, name) for name in present]
    rows = ([int(row[0]), *(f"{value:.7g}" for value in row[1:])] for row in zip(*columns, strict=True))
    write_csv(path, present, rows)


def _read_curves(path: Path) -> Curves:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    return Curves(columns["step"].astype(int), columns["loss"], *(columns.get(name) for name in _CURVES[2:]))


def write_array(path: Path, image: np.ndarray) -> None:
    """Write an image (H, W, C) as float32 TIFF, channels last for colour and first for others."""
    colour = image.shape[2] == 3
    with replacing(path) as temporary:
        tifffile.imwrite(
            temporary,
            image if colour else image.transpose(2, 0, 1),
            photometric="rgb" if colour else "minisblack",
            metadata={"axes": "YXS" if colour else "CYX"},
        )


def read_array(path: Path) -> np.ndarray:
    """Read an image that `write_array` wrote: (H, W, C) float32."""
    try:
        with tifffile.TiffFile(path) as file:
            image = file.asarray()
            colour = file.pages[0].photometric.name == "RGB"  # type: ignore[union-attr]
    except (OSError, tifffile.TiffFileError) as error:
        raise NasdipError(f"cannot read {path} ({error}): run the restoration again") from None
    if image.ndim == 2:
        image = image[None]
    return np.ascontiguousarray(image if colour else image.transpose(1, 2, 0), dtype=np.float32)


def _digest(image: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:16]
