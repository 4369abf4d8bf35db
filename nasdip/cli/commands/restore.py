"""`nasdip restore`."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasdip.cli.commands.fitting import fit_progress
from nasdip.cli.commands.runs import find_run, search_of
from nasdip.cli.commands.targets import check_targets
from nasdip.console import duration, note
from nasdip.errors import NasdipError
from nasdip.files import make_folder, replacing
from nasdip.fit.device import find_device
from nasdip.io.image_file import ImageFile, check_output, read_image, write_image
from nasdip.io.inputs import channels_last, describe, read_clean
from nasdip.io.mask_file import MaskFile
from nasdip.measurement.measure import check_sigma, measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.options.recipes import find_recipe
from nasdip.options.restore import RestoreOptions
from nasdip.options.stopping_rules import FIXED
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.results import FitResult, Restoration
from nasdip.report.report import write_report
from nasdip.report.text.cautions import cautions, judge, lossy_words
from nasdip.report.text.expected import format_psnr_estimate
from nasdip.report.text.noise import (
    counts_photons,
    counts_words,
    fractions_words,
    holes_words,
    invalid_words,
    noise_words,
    untouched_words,
)
from nasdip.report.text.plan import announcement, choice_words
from nasdip.report.text.treatment import STEPS_OPTION, chosen_step, kept_words, overfit_words, step_limit_words
from nasdip.restoration.plan import plan
from nasdip.restoration.planned import Plan
from nasdip.restoration.run import run_restoration
from nasdip.space.architecture import Architecture
from nasdip.zoo.catalog import find_architecture, zoo_names

# Bytes of pictures that are kept from the check of a batch to its fits; others are read again.
_KEPT = 2**28


class PlannedPicture(NamedTuple):
    """A picture that has been checked, and how it will be restored; the file, and what is fitted, where it is kept.

    `untouched` says why it is given back as it is, where there is nothing to do.
    """

    path: Path
    folder: RestorationFolder
    plan: Plan
    words: str
    file: ImageFile | None
    untouched: str | None = None


class Pictures:
    """Reads the pictures of one command: all with the same options."""

    def __init__(
        self, options: RestoreOptions, clean: Path | None, holes: MaskFile | None, nodata: Sequence[float]
    ) -> None:
        self.options, self._clean, self._holes, self._nodata = options, clean, holes, nodata

    def load(self, path: Path) -> tuple[ImageFile, Measurement, np.ndarray | None]:
        """Return a picture's file, the measurement that it is, and its clean image where there is one."""
        file = read_image(path, nodata=self._nodata)
        known = None if self._holes is None else self._holes.known(file)
        measurement = measurement_of(channels_last(file), self.options.sigma, known, file.invalid)
        return file, measurement, read_clean(self._clean, file)


def restore_files(
    images: list[Path],
    output: Path,
    options: RestoreOptions,
    *,
    clean: Path | None,
    holes: MaskFile | None,
    nodata: Sequence[float] = (),
    report: bool,
) -> None:
    """Restore each image into the folder `output`; everything that can be checked is, before the first fit."""
    options = replace(options, architecture=_architecture(options))
    find_device(options.device)
    find_recipe(options.recipe)
    check_sigma(options.sigma)
    if clean is not None and len(images) > 1:
        raise NasdipError("--clean belongs to one picture: restore them one by one")
    others = [path for path in (clean, holes.path if holes else None) if path is not None]
    check_targets(images, output, others=others, folders=True)
    pictures, room = Pictures(options, clean, holes, nodata), _KEPT
    planned = []
    for path in images:
        picture = _planned(path, pictures, RestorationFolder(output / path.stem, image=str(path)))
        room -= _size(picture.plan)
        if room < 0 and len(images) > 1:
            picture = picture._replace(file=None, plan=_without_images(picture.plan))
        planned.append(picture)
    make_folder(output)
    while planned:
        _restore_one(planned.pop(0), pictures, output, report=report)


def _architecture(options: RestoreOptions) -> Architecture | None:
    """Return the architecture that was asked for; None for the default, or where a budget picks it."""
    given = options.architecture
    if given is None or isinstance(given, Architecture):
        return given
    return meant_architecture(given)


def _planned(path: Path, pictures: Pictures, folder: RestorationFolder) -> PlannedPicture:
    file, measurement, truth = pictures.load(path)
    check_output(path, file)  # a file of that name, in a folder that exists
    made = plan(measurement, pictures.options, clean=truth, folder=folder)
    words = "\n".join(filter(None, (choice_words(made.choice), announcement(made, folder))))
    return PlannedPicture(path, folder, made, words, file, untouched_words(measurement))


def _restore_one(picture: PlannedPicture, pictures: Pictures, output: Path, *, report: bool) -> None:
    path, file, made = picture.path, picture.file, picture.plan
    if picture.untouched is not None:
        note(f"{path}: {picture.untouched}")
        with replacing(output / path.name) as temporary:
            shutil.copyfile(path, temporary)
        print(output / path.name)
        return
    if file is None:
        file, measurement, truth = pictures.load(path)
        made = made._replace(task=replace(made.task, measurement=measurement, clean=truth))
    noise = made.task.measurement.noise
    assert noise is not None  # `measurement_of` finds it
    told = (
        f"{describe(file)}. {noise_words(noise)}{counts_words(noise, file)}{holes_words(made.task.measurement)}"
        f"{invalid_words(file)}{fractions_words(noise, file)}",
        lossy_words(path, given=noise.given),
        picture.words,
    )
    note("\n".join(filter(None, told)))
    restoration = _restore(picture, made)
    fractions = counts_photons(noise, file)
    write_image(output / path.name, restoration.image, like=file, fractions=fractions)
    if picture.folder.moved_to is not None:
        note(f"the earlier restoration with other settings is now in {picture.folder.moved_to}")
    note(summary(restoration, STEPS_OPTION, str(path)))
    print(output / path.name)
    if report:
        print(write_report(picture.folder.path))


def _without_images(made: Plan) -> Plan:
    """Return a plan that keeps no pixels: they are read again."""
    hollow = np.zeros((16, 16, made.task.measurement.pixels.shape[2]), np.float32)
    return made._replace(task=replace(made.task, measurement=Measurement(hollow), clean=None))


def _size(made: Plan) -> int:
    """Return the bytes of a plan's images."""
    measurement = made.task.measurement
    images = (measurement.pixels, measurement.variance, measurement.valid, made.task.clean)
    return sum(image.nbytes for image in images if image is not None)


def _restore(picture: PlannedPicture, made: Plan) -> Restoration:
    folder, fits = picture.folder, made.tiles.fits
    shown = fit_progress(picture.path.name, made.repeats, made.task.config.steps, fits, made.done)
    with folder.locked(), shown as show:
        try:
            return run_restoration(made, folder, show)
        except KeyboardInterrupt:
            done = f"{len(folder.repetition_folders())} of {made.repeats} repetitions"
            tiles = f" and {folder.tiles_done()} of {fits} tiles of the next" if made.tiles.tiling else ""
            note(f"{done}{tiles} of {picture.path.name} are in {folder.path}; the same command goes on")
            raise


def meant_architecture(given: str | None) -> Architecture:
    """Return the architecture that a person means: as `find_architecture`, or the best one of an NNI experiment."""
    run = None if given is None or given in zoo_names() else search_of(given)
    return find_architecture(given if run is None else str(find_run(str(run))))


def summary(restoration: Restoration, steps_option: str, image: str | None = None) -> str:
    """Return what a restoration came to, in words.

    `steps_option` is what sets its number of steps, `image` the path of the picture.
    """
    lines = [f"{len(restoration.repetitions)} fit(s) in {duration(restoration.seconds)}"]
    if restoration.psnr is not None:
        best = ", ".join(_oracle(repetition) for repetition in restoration.repetitions)
        lines.append(f"PSNR {restoration.psnr:.2f} dB; oracle-best of each fit, picked with the clean image: {best}")
    kept = kept_words(restoration)
    if kept is not None:
        lines.append(kept)
    lines.append(f"estimated PSNR, without a clean image: {format_psnr_estimate(restoration)}")
    for number, repetition in enumerate(restoration.repetitions, start=1):
        lines += [f"repetition {number}, step {event.step}: {event.message}" for event in repetition.events]
    return "\n".join([*lines, *_stops(restoration, steps_option), *_warnings(restoration, image)])


def _stops(restoration: Restoration, steps_option: str) -> list[str]:
    """Return which steps' images were taken, or which might be better, in words."""
    rule, fits = restoration.config.stop, restoration.repetitions
    chosen = ", ".join(f"{chosen_step(fit)} of {len(fit.curves.step)}" for fit in fits)
    taken = None if rule == FIXED else f"image taken, by the rule {rule}, at step {chosen}"
    return [
        words for words in (taken, overfit_words(restoration), step_limit_words(restoration, steps_option)) if words
    ]


def _warnings(restoration: Restoration, image: str | None) -> list[str]:
    """Return the titles of the cautions, in a line; none where there are none."""
    titles = [caution.title for caution in cautions(restoration, *judge(restoration), image=image)]
    return [f"cautions (the report says why): {'; '.join(titles)}"] if titles else []


def _oracle(repetition: FitResult) -> str:
    if repetition.oracle_psnr is None:
        return "none"
    step = "each tile's best step" if repetition.tiles else f"step {repetition.oracle_step}"
    return f"{repetition.oracle_psnr:.2f} dB at {step}"
