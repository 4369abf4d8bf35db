"""`nasdip demo-report`: the experiment of the NAS-DIP report, with any picture."""

from pathlib import Path

import numpy as np

from nasdip.cli.commands.fitting import fit_progress
from nasdip.cli.commands.restore import meant_architecture
from nasdip.console import note
from nasdip.errors import NasdipError
from nasdip.files import make_folder, read_json, write_csv, write_text
from nasdip.fit.device import find_device
from nasdip.io.image_file import read_image, write_image
from nasdip.io.inputs import channels_last, describe
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.options.recipes import PUBLISHED
from nasdip.options.restore import RestoreOptions
from nasdip.provenance import provenance
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.results import Restoration
from nasdip.report.charts import spectrum_range
from nasdip.report.figures.first_and_last import first_and_last_figure
from nasdip.report.figures.theme import save_png
from nasdip.report.numbers.nas_dip_report import CSV_HEADER, RULE, csv_rows, experiment, panels, summary, table
from nasdip.report.pictures import Display
from nasdip.report.report import write_report
from nasdip.report.text.plan import announcement
from nasdip.report.text.words import plain
from nasdip.restoration.plan import plan
from nasdip.restoration.planned import Plan
from nasdip.restoration.run import run_restoration

_RESULTS = _FIGURE, _TABLE, _SUMMARY = "first_last.png", "repetitions.csv", "summary.md"
_LARGEST_SHARE = 0.5  # of the picture's range, for the level of the noise
_LEAST_SIGMA = 1.0  # 8-bit units; fainter noise gets lost in the rounding


def demo_report(
    image: Path,
    output: Path,
    *,
    sigma: float,
    repeats: int,
    steps: int,
    architecture: str,
    width: int | None,
    seed: int,
    device: str,
) -> list[Path]:
    """Repeat the experiment with a clean picture in the folder `output`; return the files that show what came of it.

    Everything that can be checked is, before anything is written. `output` has, beside those files, the noisy picture,
    and under the picture's name the folder of the restoration, from which a run that was stopped goes on.

    Raises
    ------
    NasdipError
        For bad settings, a picture that cannot be read or does not fit into the memory as a whole, or a folder that
        holds something else.
    """
    chosen = meant_architecture(architecture)
    find_device(device)
    file = read_image(image)
    pixels = channels_last(file)
    clean = np.clip(pixels, 0, 1)
    _check_range(image, clean, sigma)
    noisy, folder = noisy_version(clean, sigma, seed), RestorationFolder(output / image.stem)
    noisy_file = output / ("noisy.png" if clean.shape[2] in (1, 3) else "noisy.tif")
    folder.image = str(noisy_file)
    _check_targets(image, noisy_file, folder)
    options = RestoreOptions(
        architecture=chosen, recipe=PUBLISHED.name, steps=steps, repeats=repeats, width=width, seed=seed, device=device
    )  # fmt: skip
    measurement = Measurement(noisy, NoiseModel.white(sigma))
    made = plan(measurement, options, clean=clean, folder=folder, watched=(RULE,))
    if made.tiles.tiling is not None:
        raise NasdipError(f"{image} does not fit into the memory as a whole: use a smaller --width or picture")
    make_folder(output)
    clipped = " Values below 0 and above 1 were clipped." if pixels.min() < 0 or pixels.max() > 1 else ""
    note(f"{describe(file)}.{clipped} Noise of sigma {sigma:g} is added.\n{announcement(made, folder)}")
    _fit(made, folder, noisy_file)
    return _write(folder, image.name)


def noisy_version(clean: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Return an image (H, W, C) in [0, 1] with Gaussian noise, as its 8-bit file has it: clipped and rounded.

    The published code of Deep Image Prior clips as well; dark and bright areas keep less noise. `sigma` is in 8-bit
    units; NasdipError below 1.
    """
    if sigma < _LEAST_SIGMA:
        raise NasdipError(f"sigma {sigma:g} is lost in 8-bit pixels: use {_LEAST_SIGMA:g} or more, such as 25")
    noisy = add_noise(clean, sigma=sigma, seed=seed, clip=True)
    return (np.rint(255 * noisy.astype(np.float64)) / 255).astype(np.float32)


def _check_range(image: Path, clean: np.ndarray, sigma: float) -> None:
    """Raise NasdipError for a picture that noise of this level would hide, as that of few bits in a 16-bit file."""
    low, high = float(clean.min()), float(clean.max())
    if sigma / 255 > _LARGEST_SHARE * (high - low):
        held = f"{image} holds values from {low:.3g} to {high:.3g} (black to white: 0 to 1)"
        raise NasdipError(f"{held}, which noise of sigma {sigma:g} would hide: scaling it, or use a smaller --sigma")


def _check_targets(image: Path, noisy_file: Path, folder: RestorationFolder) -> None:
    """Raise NasdipError where results would overwrite the picture, or what is not of an earlier start with it."""
    results = [noisy_file, *(noisy_file.with_name(name) for name in _RESULTS)]
    if image.resolve() in [path.resolve() for path in results]:
        raise NasdipError(f"{image} would be overwritten: choose another folder with -o")
    if folder.path in results:
        raise NasdipError(f"{image} and a result would be written to one place: rename it")
    others = [] if _is_earlier(folder) else [path for path in results if path.exists()]
    if folder.path.is_file():
        others.append(folder.path)
    if others:
        raise NasdipError(f"{others[0]} is not of this picture's report: choose another folder with -o")


def _is_earlier(folder: RestorationFolder) -> bool:
    """Whether the folder is of an earlier start of this command."""
    record = folder.path / "record.json"
    return record.is_file() and "watched" in (read_json(record).get("settings") or {})


def _fit(made: Plan, folder: RestorationFolder, noisy_file: Path) -> None:
    """Write the noisy picture and fit to it; stopped with Ctrl-C, say what is there."""
    shown = fit_progress(folder.path.name, made.repeats, made.task.config.steps, made.tiles.fits, made.done)
    with folder.locked(), shown as show:
        # Before the files beside it are written, so that it is known whose they are.
        task = made.task
        folder.start(task.measurement.pixels, task.clean, task.identity(None), provenance())
        if folder.moved_to is not None:
            note(f"the earlier repetitions with other settings are now in {folder.moved_to}")
        if not made.resumed:
            for name in _RESULTS:
                noisy_file.with_name(name).unlink(missing_ok=True)
        write_image(noisy_file, task.measurement.pixels)
        try:
            run_restoration(made, folder, show)
        except KeyboardInterrupt:
            done = f"{len(folder.repetition_folders())} of {made.repeats} repetitions"
            note(f"{done} are in {folder.path}; the same command goes on")
            raise


def _write(folder: RestorationFolder, picture: str) -> list[Path]:
    """Write figure, tables and page of the finished repetitions; return the files."""
    output = folder.path.parent
    restoration = folder.read()
    found = experiment(restoration)
    page = write_report(folder.path)
    _draw(restoration, output / _FIGURE)
    write_csv(output / _TABLE, CSV_HEADER, csv_rows(found))
    write_text(output / _SUMMARY, summary(found, restoration, plain(picture)))
    note(table(found))
    return [*(output / name for name in _RESULTS), page]


def _draw(restoration: Restoration, path: Path) -> None:
    rows = panels(restoration)
    scale = spectrum_range([(panel.title, panel.spectrum) for row in rows for panel in row])
    save_png(first_and_last_figure(rows, Display.of(restoration.noisy), *scale), path)
