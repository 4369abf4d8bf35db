"""`nasdip restore`."""

from pathlib import Path

from nasdip.commands.fitting import announcement, fit_progress
from nasdip.commands.runs import find_run, search_of
from nasdip.console import duration, note
from nasdip.errors import NasdipError
from nasdip.files import make_folder
from nasdip.imaging.image_file import check_output, read_image, write_image
from nasdip.imaging.inputs import channels_last, describe, read_clean
from nasdip.imaging.noise_level import estimate_sigma
from nasdip.imaging.observation import Observation
from nasdip.prior.config import FitConfig
from nasdip.prior.device import find_device
from nasdip.prior.discrepancy import overfit_step
from nasdip.prior.restoration import count_weights, restore_observation
from nasdip.prior.restoration_folder import RestorationFolder
from nasdip.prior.result import Restoration
from nasdip.report.report import write_report
from nasdip.space.architecture import Architecture
from nasdip.zoo.catalog import find_architecture, zoo_names


def restore_files(
    images: list[Path],
    output: Path,
    *,
    architecture: str | None,
    steps: int,
    repeats: int,
    seed: int,
    width: int | None,
    device: str,
    precision: str,
    clean: Path | None,
    report: bool,
) -> None:
    """Restore each image into the folder `output`; everything that can be checked is, before the first fit."""
    chosen = _architecture(architecture)
    config = FitConfig(steps=steps, precision=precision)
    where = find_device(device)
    if clean is not None and len(images) > 1:
        raise NasdipError("--clean belongs to one picture: restore them one by one")
    _check_targets(images, output)
    announcements = []
    for path in images:
        file = read_image(path)
        read_clean(clean, file)
        check_output(path, file)  # a file of that name, in a folder that exists
        count_weights(chosen, channels_last(file).shape[2], config, width)
        announcements.append(announcement(chosen, channels_last(file).shape, config, width, repeats, where))
    make_folder(output)
    for path, words in zip(images, announcements, strict=True):
        file = read_image(path)
        sigma = estimate_sigma(file.pixels)
        note(f"{describe(file, sigma)}\n{words}")
        folder = RestorationFolder(output / path.stem, image=str(path))
        with folder.locked(), fit_progress(path.name, repeats, steps) as show:
            try:
                restoration = restore_observation(
                    Observation(channels_last(file), sigma), chosen, config, repeats=repeats, width=width, seed=seed,
                    clean=read_clean(clean, file), device=where, folder=folder, progress=show,
                )  # fmt: skip
            except KeyboardInterrupt:
                done = len(folder.repetition_folders())
                note(f"{done} of {repeats} repetitions of {path.name} are in {folder.path}; the same command goes on")
                raise
        write_image(output / path.name, restoration.image, like=file)
        if folder.moved_to is not None:
            note(f"the earlier restoration with other settings is now in {folder.moved_to}")
        note(summary(restoration, "--steps"))
        print(output / path.name)
        if report:
            print(write_report(folder.path))


def _architecture(given: str | None) -> Architecture:
    """Return the architecture that a person means: as `find_architecture`, or the best one of an NNI experiment."""
    run = None if given is None or given in zoo_names() else search_of(given)
    return find_architecture(given if run is None else str(find_run(str(run))))


def summary(restoration: Restoration, steps_option: str) -> str:
    """Return what a restoration came to, in words; `steps_option` is what sets its number of steps."""
    lines = [f"{len(restoration.repetitions)} fit(s) in {duration(restoration.seconds)}"]
    if restoration.psnr is not None:
        best = ", ".join(f"{r.oracle_psnr:.2f} dB at step {r.oracle_step}" for r in restoration.repetitions)
        lines.append(f"PSNR {restoration.psnr:.2f} dB; oracle-best of each fit, picked with the clean image: {best}")
    for number, repetition in enumerate(restoration.repetitions, start=1):
        lines += [f"repetition {number}, step {event.step}: {event.message}" for event in repetition.events]
    overfit = overfit_step(restoration.repetitions[0].curves.loss, restoration.sigma)
    if overfit is not None and overfit < 0.9 * restoration.config.steps:
        lines.append(f"the fit began to follow the noise near step {overfit}: try {steps_option} {overfit}")
    return "\n".join(lines)


def _check_targets(images: list[Path], output: Path) -> None:
    """Raise NasdipError where results would overwrite an input or each other."""
    taken: dict[Path, Path] = {}
    for path in dict.fromkeys(images):
        for target in (output / path.name, output / path.stem):
            other = taken.setdefault(target, path)
            if other != path:
                raise NasdipError(f"{other} and {path} would be written to one place: use another -o for one of them")
        if (output / path.name).resolve() == path.resolve():
            raise NasdipError(f"{path} would be overwritten: choose another folder with -o")
        if (output / path.name).is_dir() or (output / path.stem).is_file():
            raise NasdipError(
                f"{output} holds something else under the name {path.stem}: choose another folder with -o"
            )
