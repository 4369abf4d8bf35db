"""Restoring one measurement: repetitions of a fit with derived seeds."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from nasdip.classical.error_estimate import ErrorEstimate, ErrorJudge
from nasdip.classical.hole_error import HeldOutErrors, estimate_hole_error
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import make_reference
from nasdip.fit.device import describe
from nasdip.fit.loop import FitProgress
from nasdip.fit.weighting import split_pixels
from nasdip.imaging.metrics import psnr
from nasdip.measurement.level import estimate_sigma
from nasdip.measurement.measurement import Measurement
from nasdip.provenance import provenance
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.results import FitResult, Restoration
from nasdip.restoration.choice import Kept, choose
from nasdip.restoration.combination import Combination, combine, keeps_known
from nasdip.restoration.fit_task import FitTask
from nasdip.restoration.planned import Plan
from nasdip.restoration.repetition import fit_repetition

# Repetition (from 1), progress of its fit; of all of its tiles where there are some.
Progress = Callable[[int, FitProgress], None]


def run_restoration(
    plan: Plan, folder: RestorationFolder | None = None, progress: Progress | None = None
) -> Restoration:
    """Restore as planned: fit freshly initialised networks and make one image of theirs.

    Parameters
    ----------
    plan : Plan
        From `nasdip.restoration.plan.plan`.
    folder : RestorationFolder, optional
        Where every repetition, or tile of one, is written when it ends, and from where finished ones are taken.

    Raises
    ------
    NasdipError
        Where memory runs out, or a fit fails from its first steps on.
    """
    task, done = plan.task, {}
    if folder is not None:
        identity = task.identity(plan.tiles.tiling)
        done = folder.start(task.measurement.pixels, task.clean, identity, provenance(), _mask(task.measurement))
    if task.needs_reference and task.reference is None:
        task = replace(task, reference=_reference(task.measurement, folder))
    repetitions = _repetitions(task, plan, folder, done, progress)
    fits = np.stack([repetition.averaged for repetition in repetitions])
    made = combine(
        task.measurement, np.asarray(fits.mean(axis=0, dtype=np.float64)), task.reference, refine=task.refine,
        heldout=_heldout_error(repetitions),
    )  # fmt: skip
    restoration = _restoration(task, plan, repetitions, _kept(task, plan, repetitions, made))
    if folder is not None:
        folder.finish(restoration)
    return restoration


def _repetitions(
    task: FitTask,
    plan: Plan,
    folder: RestorationFolder | None,
    done: dict[int, FitResult],
    progress: Progress | None,
) -> list[FitResult]:
    repetitions = []
    for number in range(1, plan.repeats + 1):
        result = done.get(number)
        if result is None:
            notify = None if progress is None else _bind(progress, number)
            result = fit_repetition(task, plan.tiles.tiling, number, folder, notify)
            if folder is not None:
                folder.write_repetition(number, result)
        repetitions.append(result)
    return repetitions


class _Image(NamedTuple):
    """The image that is kept, and what is expected of it."""

    image: np.ndarray
    kept: Kept
    expected: ErrorEstimate | None
    gained: float = 0.0


def _restoration(task: FitTask, plan: Plan, repetitions: list[FitResult], made: _Image) -> Restoration:
    measurement, clean = task.measurement, task.clean
    return Restoration(
        architecture=task.architecture,
        image=made.image,
        noisy=measurement.pixels,
        clean=clean,
        psnr=None if clean is None else psnr(clean, made.image, data_range=1.0),
        sigma=_level(measurement),
        repetitions=tuple(repetitions),
        config=task.config,
        width=task.width,
        seed=task.seed,
        device=describe(task.device),
        parameters=plan.parameters,
        tiling=plan.tiles.tiling,
        reference=task.reference,
        refined=task.refine,
        kind=measurement.kind,
        expected=made.expected,
        kept=made.kept,
        gained=made.gained,
        measured_level=measurement.noise.measured_level if measurement.noise and measurement.contradicted else None,
        mask=_mask(measurement),
    )


def _kept(task: FitTask, plan: Plan, repetitions: Sequence[FitResult], made: Combination) -> _Image:
    """Return the image that is kept; nothing is expected where the picture contradicts the level that was given."""
    measurement = task.measurement
    if measurement.contradicted:
        return _Image(made.image, "result", None)
    if measurement.is_masked:
        known = keeps_known(measurement, _heldout_error(repetitions))
        expected = estimate_hole_error(measurement, made.image, _unseen(task, plan, repetitions), kept=known)
        return _Image(made.image, "result", expected)
    judge = ErrorJudge.of(measurement, task.reference, workers=torch.get_num_threads())
    if judge is None or task.reference is None:
        return _Image(made.image, "result", None)
    return _Image(*choose(measurement, made, task.reference, judge, refined=task.refine))


def _heldout_error(repetitions: Sequence[FitResult]) -> float | None:
    """Return the mean squared error against the measurement on held-out pixels; None where none were held out."""
    known = [repetition.heldout_psnr for repetition in repetitions if repetition.heldout_psnr is not None]
    return float(np.mean([10 ** (-value / 10) for value in known])) if len(known) == len(repetitions) else None


def _unseen(task: FitTask, plan: Plan, repetitions: Sequence[FitResult]) -> list[HeldOutErrors]:
    """Return which pixels each repetition did not see, and its image."""
    measurement, tiling, found = task.measurement, plan.tiles.tiling, []
    for repetition in repetitions:
        heldout = np.zeros(measurement.pixels.shape[:2], bool)
        if tiling is None:
            drawn = split_pixels(measurement, task.config.heldout, repetition.seed)
            heldout = heldout if drawn is None else drawn
        for tile, fit in zip(() if tiling is None else tiling.tiles, repetition.tiles, strict=False):
            drawn = split_pixels(measurement.part(tile.place), task.config.heldout, fit.seed)
            if drawn is not None:
                heldout[tile.place] |= drawn  # a neighbour may have seen it, where tiles overlap: few have
        found.append(HeldOutErrors(heldout, repetition.averaged))
    return found


def _mask(measurement: Measurement) -> np.ndarray | None:
    """Return where, (H, W) bool, pixels were measured; None where all were."""
    return measurement.operator.measured


def _level(measurement: Measurement) -> float:
    return estimate_sigma(measurement.pixels) if measurement.sigma is None else measurement.sigma


def _reference(measurement: Measurement, folder: RestorationFolder | None) -> BayesEstimate:
    """Make the reference, or take that which an earlier start left in the folder."""
    if folder is None:
        return make_reference(measurement, workers=torch.get_num_threads())
    if not folder.has_reference():
        folder.write_reference(make_reference(measurement, workers=torch.get_num_threads()))
    return folder.read_reference()


def _bind(progress: Progress, number: int) -> Callable[[FitProgress], None]:
    return lambda fit_progress: progress(number, fit_progress)
