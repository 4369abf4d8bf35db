"""The folder of one fit: its images, curves and numbers. No torch here.

::

    averaged.tif last.tif oracle.tif    images, float32
    curves.csv bands.csv fit.json       numbers by step, and the others
"""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nasdip.errors import NasdipError
from nasdip.files import read_json, replacing, write_csv, write_json
from nasdip.records.results import BandCurve, Choice, Curves, FitEvent, FitResult, TileFit

_CURVES = ("step", "loss", "heldout", "oracle_psnr_raw", "oracle_psnr_averaged", "score")


def write_fit(final: Path, result: FitResult) -> None:
    """Write a fit to the folder `final`, whole or not at all."""
    folder = final.with_name(f".{final.name}")
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
    write_json(folder / "fit.json", summary(result))
    shutil.rmtree(final, ignore_errors=True)
    folder.rename(final)


def summary(result: FitResult) -> dict[str, Any]:
    """Return the numbers of a fit as a JSON object."""
    curves = result.curves
    return {
        "seed": result.seed,
        "steps": len(curves.step),
        "seconds": result.seconds,
        "loss_last": float(curves.loss[result.image_step - 1]),
        "image_step": result.image_step,
        "heldout_psnr": finite(result.heldout_psnr),
        "estimated_psnr": finite(result.estimated_psnr),
        "psnr_last": finite(result.psnr_last),
        "psnr_averaged": finite(result.psnr_averaged),
        "oracle_psnr": finite(result.oracle_psnr),
        "oracle_step": result.oracle_step,
        "ahead": result.hit_step_limit,
        "choices": {name: choice._asdict() for name, choice in result.choices.items()},
        "events": [event._asdict() for event in result.events],
        "tiles": [
            {**tile._asdict(), "loss": finite(tile.loss), "psnr_averaged": finite(tile.psnr_averaged)}
            for tile in result.tiles
        ],
    }


def finite(value: float | None) -> float | None:
    """Return what JSON can hold: a loss that is not a number, or the PSNR of two equal images, becomes None."""
    return value if value is not None and np.isfinite(value) else None


def read_fit(folder: Path) -> FitResult:
    """Read a fit that `write_fit` wrote."""
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
        psnr_oracle=fit["oracle_psnr"] if fit["oracle_step"] is None else None,
        hit_step_limit=fit.get("ahead", False),
        choices={name: Choice(**choice) for name, choice in fit.get("choices", {}).items()},
        tiles=tuple(TileFit(**tile) for tile in fit.get("tiles", [])),
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
    optional = (columns.get(name) for name in _CURVES[2:])
    return Curves(columns["step"].astype(int), columns["loss"], *optional)


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
