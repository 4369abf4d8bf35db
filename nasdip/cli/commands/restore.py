"""`nasdip restore`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasdip.cli.commands.fitting import announcement, fit_progress
from nasdip.cli.commands.runs import find_run, search_of
from nasdip.cli.commands.targets import check_targets
from nasdip.console import duration, note
from nasdip.errors import NasdipError
from nasdip.files import make_folder
from nasdip.fit.device import find_device
from nasdip.fit.stopping.automatic import choose_stop
from nasdip.io.image_file import ImageFile, check_output, read_image, write_image
from nasdip.io.inputs import channels_last, describe, read_clean
from nasdip.measurement.diagnosis import Diagnosis
from nasdip.measurement.measure import observe, parse_sigma
from nasdip.measurement.measurement import Observation
from nasdip.options.quality import find_quality
from nasdip.options.recipes import find_recipe
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.results import FitResult, Restoration
from nasdip.report.report import write_report
from nasdip.report.text.cautions import cautions, judge, lossy_words
from nasdip.report.text.expected import told_words
from nasdip.report.text.treatment import FIXED, STEPS_OPTION, ahead_words, chosen_step, overfit_words
from nasdip.restoration.budget import MakeTask, check_budget, parse_budget, pick
from nasdip.restoration.run import Plan, carry_out, count_weights, plan_restoration
from nasdip.restoration.task import Task, make_task
from nasdip.restoration.tile_choice import TileChoice, fitted_size, parse_tile
from nasdip.space.architecture import Architecture
from nasdip.zoo.catalog import find_architecture, zoo_names
from nasdip.zoo.front import zoo_front

# Bytes of observations that are kept from the check of a batch to its fits; others are made anew.
_KEPT = 2**28


class Seen(NamedTuple):
    """What is known of a picture: its observation, its clean image where given, and what noise was found."""

    observation: Observation
    truth: np.ndarray | None
    found: Diagnosis


class Job(NamedTuple):
    """A picture that has been checked, how it will be fitted, and what is said of that; its task, where it is kept."""

    path: Path
    folder: RestorationFolder
    plan: Plan
    words: str
    architecture: Architecture
    steps: int
    kept: tuple[Task, Diagnosis] | None


def restore_files(
    images: list[Path],
    output: Path,
    *,
    architecture: str | None,
    budget: str | None,
    recipe: str,
    quality: str | None,
    steps: int | None,
    repeats: int | None,
    refine: bool | None,
    sigma: str,
    stop: str | None,
    seed: int,
    width: int | None,
    device: str,
    precision: str | None,
    tile: str,
    clean: Path | None,
    report: bool,
) -> None:
    """Restore each image into the folder `output`; everything that can be checked is, before the first fit."""
    most_seconds = parse_budget(budget)
    check_budget(most_seconds, architecture)
    chosen, choice, way = meant_architecture(architecture), parse_tile(tile), find_recipe(recipe)
    effort = find_quality(quality, recipe=recipe, repeats=repeats, refine=refine)
    level = parse_sigma(sigma)
    where, width = find_device(device), width or way.width
    if clean is not None and len(images) > 1:
        raise NasdipError("--clean belongs to one picture: restore them one by one")
    check_targets(images, output, clean=clean, folders=True)

    def see(file: ImageFile) -> Seen:
        (observation, found), truth = observe(channels_last(file), level), read_clean(clean, file)
        return Seen(observation, truth, found)

    def make(seen: Seen, fitted: Architecture, most: int | None) -> Task:
        size = fitted_size(seen.observation.pixels.shape, choice)
        rule = choose_stop(stop or way.config.stop, seen.observation)
        config = way.settings(*size, steps=steps if most is None else most, precision=precision, stop=rule)
        return make_task(
            seen.observation, fitted, config, width=width, seed=seed, clean=seen.truth, device=where,
            refine=effort.refine,
        )  # fmt: skip

    jobs, room = [], _KEPT
    for path in images:
        file = read_image(path)
        check_output(path, file)  # a file of that name, in a folder that exists
        seen, folder = see(file), RestorationFolder(output / path.stem, image=str(path))
        task, plan, words = _planned(partial(make, seen), chosen, most_seconds, effort.repeats, choice, folder)
        room -= _size(task)
        kept = (task, seen.found) if room >= 0 or len(images) == 1 else None
        jobs.append(Job(path, folder, plan, words, task.architecture, task.config.steps, kept))
    make_folder(output)
    while jobs:
        job = jobs.pop(0)
        file = read_image(job.path)
        task, found = job.kept or _again(job, see(file), make)
        note("\n".join(filter(None, (f"{describe(file)}. {found.words}", _lossy(job.path, found), job.words))))
        restoration = _restore(job, task)
        write_image(output / job.path.name, restoration.image, like=file)
        if job.folder.moved_to is not None:
            note(f"the earlier restoration with other settings is now in {job.folder.moved_to}")
        note(summary(restoration, STEPS_OPTION, str(job.path)))
        print(output / job.path.name)
        if report:
            print(write_report(job.folder.path))


def _planned(
    make: MakeTask,
    chosen: Architecture,
    most_seconds: float | None,
    repeats: int,
    tile: TileChoice,
    folder: RestorationFolder,
) -> tuple[Task, Plan, str]:
    """Return how a picture is fitted, and that in words: with the architecture, or with what a budget (s) picks."""
    if most_seconds is not None:
        task, plan, time, why = pick(most_seconds, zoo_front(), make, repeats=repeats, tile=tile, folder=folder)
        return task, plan, f"{why}\n{announcement(task, plan, folder, time)}"
    task = make(chosen, None)
    count_weights(chosen, task.observation.pixels.shape[2], task.config, task.width)
    plan = plan_restoration(task, repeats=repeats, tile=tile, folder=folder)
    return task, plan, announcement(task, plan, folder)


def _again(job: Job, seen: Seen, make: Callable[[Seen, Architecture, int | None], Task]) -> tuple[Task, Diagnosis]:
    return make(seen, job.architecture, job.steps), seen.found


def _size(task: Task) -> int:
    """Return the bytes of a task's images."""
    seen = task.observation
    images = (seen.pixels, seen.variance, seen.known, task.clean)
    return sum(image.nbytes for image in images if image is not None)


def _lossy(path: Path, found: Diagnosis) -> str | None:
    return lossy_words(path, given=found.given)


def _restore(job: Job, task: Task) -> Restoration:
    plan, folder = job.plan, job.folder
    shown = fit_progress(job.path.name, plan.repeats, task.config.steps, plan.tiles.fits, plan.done)
    with folder.locked(), shown as show:
        try:
            return carry_out(task, plan, folder, show)
        except KeyboardInterrupt:
            done = f"{len(folder.repetition_folders())} of {plan.repeats} repetitions"
            tiles = f" and {folder.tiles_done()} of {plan.tiles.fits} tiles of the next" if plan.tiles.tiling else ""
            note(f"{done}{tiles} of {job.path.name} are in {folder.path}; the same command goes on")
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
    lines.append(f"estimated PSNR, without a clean image: {told_words(restoration)}")
    for number, repetition in enumerate(restoration.repetitions, start=1):
        lines += [f"repetition {number}, step {event.step}: {event.message}" for event in repetition.events]
    return "\n".join([*lines, *_stops(restoration, steps_option), *_warnings(restoration, image)])


def _stops(restoration: Restoration, steps_option: str) -> list[str]:
    """Return which steps' images were taken, or which might be better, in words."""
    rule, fits = restoration.config.stop, restoration.repetitions
    chosen = ", ".join(f"{chosen_step(fit)} of {len(fit.curves.step)}" for fit in fits)
    taken = None if rule == FIXED else f"image taken, by the rule {rule}, at step {chosen}"
    return [words for words in (taken, overfit_words(restoration), ahead_words(restoration, steps_option)) if words]


def _warnings(restoration: Restoration, image: str | None) -> list[str]:
    """Return the titles of the cautions, in a line; none where there are none."""
    titles = [caution.title for caution in cautions(restoration, *judge(restoration), image=image)]
    return [f"cautions (the report says why): {'; '.join(titles)}"] if titles else []


def _oracle(repetition: FitResult) -> str:
    if repetition.oracle_psnr is None:
        return "none"
    step = "each tile's best step" if repetition.tiles else f"step {repetition.oracle_step}"
    return f"{repetition.oracle_psnr:.2f} dB at {step}"
