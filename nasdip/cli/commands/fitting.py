"""What the commands that fit have in common: the announcement and the progress."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nasdip.classical.reference import reference_memory, reference_seconds
from nasdip.console import duration, progress, size
from nasdip.fit.cost import Estimate, estimate_fit
from nasdip.fit.device import available_memory, describe
from nasdip.fit.loop import FitProgress
from nasdip.fit.stopping.moving_variance import PATIENCE, WINDOW
from nasdip.options.fit import FitConfig
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.report.text.treatment import FIXED
from nasdip.restoration.run import Plan, Progress, count_weights
from nasdip.restoration.task import Task
from nasdip.restoration.tile_choice import check_memory
from nasdip.restoration.working_time import WorkingTime, working_time
from nasdip.space.architecture import Architecture


def estimate(
    architecture: Architecture, shape: tuple[int, ...], config: FitConfig, width: int | None, device: torch.device
) -> Estimate:
    """Estimate a trial's fit to an image of `shape` (H, W, C); NasdipError where it needs more memory than is free."""
    height, image_width, channels = shape
    measured = estimate_fit(architecture, (height, image_width, channels), config, width=width, device=device)
    check_memory(f"{height}x{image_width} px", measured.memory, device, "a smaller --width or --crop")
    return measured


def announcement(
    task: Task, plan: Plan, folder: RestorationFolder | None = None, time: WorkingTime | None = None
) -> str:
    """Return what will be fitted, where, and what it will cost, in words.

    `folder` may hold an earlier start; `time` is measured where it is not known yet.
    """
    tiling, cost, config = plan.tiles.tiling, plan.tiles.estimate, task.config
    time = time or working_time(task, plan, folder, lambda: _reference_seconds(task))
    parameters = count_weights(task.architecture, task.observation.pixels.shape[2], config, task.width)
    fixed = config.stop == FIXED
    limit, about = ("", "about") if fixed else ("up to ", "at most about")
    rule = "" if fixed else f", stopped by the rule {config.stop}"
    fits = f"{plan.repeats} x {limit}{config.steps} steps{rule}" + ("" if tiling is None else f", on each of {tiling}")
    where = f"{describe(task.device)} in {config.precision}"
    return (
        f"{task.architecture}, width {task.width}, {parameters / 1e6:.2f} M weights: "
        f"{fits}, on {where}, {about} {duration(time.fits)} and {size(_memory(task, cost))}"
        f"{_other_work(time)}{_resumption(plan, task.device)}{_endless(config)}"
    )


def _memory(task: Task, cost: Estimate) -> int:
    """Return the most bytes of all that is done: one after the other, so no sum."""
    shape = task.observation.pixels.shape
    return max(cost.memory, reference_memory(shape) if task.needs_reference and task.device.type == "cpu" else 0)


def _reference_seconds(task: Task) -> float:
    return reference_seconds(task.observation, workers=torch.get_num_threads())


def _other_work(time: WorkingTime) -> str:
    """Return how long what is done without a network takes, in words; none where there is nothing."""
    return f"; the estimates without a network take about {duration(time.others)}" if time.others else ""


def _endless(config: FitConfig) -> str:
    """Return what is to be said of a rule that cannot end a fit within its steps."""
    first = WINDOW + PATIENCE
    if config.stop != "es-wmv" or config.steps >= first:
        return ""
    return (
        f"\nthe rule es-wmv cannot end a fit within {config.steps} steps, for it waits {PATIENCE} after a window of "
        f"{WINDOW}: all are taken, and the best one's image is kept; --steps {first} or more would let it"
    )


def _resumption(plan: Plan, device: torch.device) -> str:
    """Return what is to be said of an earlier start which is gone on with."""
    if not plan.resumed:
        return ""
    free = available_memory(device)
    short = free is not None and plan.missing > 0 and plan.tiles.estimate.memory > free
    warning = f", though only {size(free)} are free now" if short and free is not None else ""
    return f"; going on with an earlier start, {plan.done} of {plan.repeats * plan.tiles.fits} fits done{warning}"


@contextmanager
def fit_progress(label: str, repeats: int, steps: int, tiles: int, done: int) -> Iterator[Progress]:
    """Show the progress of all fits as one: `repeats` repetitions of `tiles` fits, of which `done` are on disk."""
    with progress(label, repeats * tiles * steps, done * steps) as show:

        def update(repetition: int, where: FitProgress) -> None:
            tile = f"tile {(where.step - 1) // steps + 1} of {tiles}, " if tiles > 1 else ""
            oracle = "" if where.psnr is None else f", PSNR {where.psnr:.2f} dB"
            show((repetition - 1) * tiles * steps + where.step, f"{tile}loss {where.loss:.3g}{oracle}")

        yield update
