"""The search on this machine: suggest, fit, reward, update; every step of it on disk."""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nasdip.errors import NasdipError
from nasdip.fit.device import describe
from nasdip.fit.fit import check_clean
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.mosaic import check_no_mosaic
from nasdip.nas.backends.backend import TrialBackend
from nasdip.nas.backends.in_process import Evaluation, InProcessBackend
from nasdip.nas.backends.subprocesses import OtherOperations, SubprocessBackend
from nasdip.nas.final_fit import plan_best
from nasdip.nas.ledger import Ledger
from nasdip.nas.planning import resolved
from nasdip.nas.schedule import Schedule
from nasdip.nas.time_limit import TimeLimit
from nasdip.nas.trial_task import choose_reward
from nasdip.nas.worker_devices import find_worker_devices, gpus
from nasdip.network.build import check_width
from nasdip.options.search import SearchSettings
from nasdip.provenance import provenance
from nasdip.records.results import Restoration
from nasdip.records.run_folder import RunFolder, RunRecord
from nasdip.records.trial_result import TrialResult
from nasdip.restoration.run import Progress, run_restoration
from nasdip.searchers.registry import make_searcher
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

_log = logging.getLogger("nasdip")


def start_run(
    folder: RunFolder,
    settings: SearchSettings,
    space: SearchSpace,
    measurement: Measurement,
    clean: np.ndarray | None,
    device: torch.device,
    *,
    image: str = "",
    clean_image: str | None = None,
    input_file: Path | None = None,
    started: dict[str, Any] | None = None,
) -> None:
    """Lay out the folder of a new search on a measurement, and check everything that can be checked before.

    `image` and `clean_image` name the pictures for people; a copy of `input_file` is kept; `started` is the provenance,
    where it is not that of this process's command.

    Raises
    ------
    NasdipError
        Where a search was started there before, for images of two sizes, unknown searchers and settings, or a reward
        that the noise does not allow.
    """
    if folder.exists():
        raise NasdipError(f"{folder.path} holds a search already: resume it (--resume), or choose another folder")
    check_clean(clean, measurement)
    check_no_mosaic(measurement)
    if settings.reward == "clean" and clean is None:
        raise NasdipError("reward 'clean' needs a clean image: give --clean, or use the reward auto")
    derive_seed(settings.seed)
    candidates = tuple(str(Architecture.from_text(text)) for text in settings.candidates)
    check_width(space, settings.proxy.width)
    final = settings.final.filled_in(measurement.image_shape, measurement.operator.steps_factor)
    if final.steps and final.width:
        check_width(space, final.width)
    make_searcher(settings.searcher, space, seed=settings.seed, **settings.searcher_settings)
    if clean is not None and clean_image is None:
        clean_image = "an array"
    settings = dataclasses.replace(settings, final=final, candidates=candidates[: settings.trials])
    settings = choose_reward(settings, measurement, has_clean=clean is not None)
    settings = resolved(settings, measurement.image_shape, torch.get_num_threads(), len(gpus(device)))
    assert measurement.sigma is not None  # `measurement_of` finds one
    record = RunRecord(
        settings, image, clean_image, measurement.sigma, describe(device), [started or provenance()], measurement.kind
    )
    folder.create(record, space, measurement.pixels, clean, input_file, measurement.operator.measured)


def resume_run(folder: RunFolder, *, trials: int | None = None, started: dict[str, Any] | None = None) -> None:
    """Note in run.json that the search goes on, with another number of trials, and no budget, where that is given.

    Raises
    ------
    NasdipError
        For fewer trials than the number of the last that has a result.
    """
    record = folder.record()
    last = max((trial.trial for trial in folder.trials()), default=0)
    if trials is not None and trials < last:
        raise NasdipError(f"the run in {folder.path} has {last} trials already: ask for {last} or more")
    settings = record.settings
    if trials is not None:
        settings = dataclasses.replace(settings, trials=trials, budget=None)
    record = record._replace(settings=settings, provenance=[*record.provenance, started or provenance()])
    folder.write_record(record, folder.space().name)


def run_trials(
    folder: RunFolder,
    device: torch.device,
    notify: Callable[[TrialResult], None] | None = None,
    *,
    worker_devices: Sequence[str] | None = None,
    limit: TimeLimit | None = None,
) -> list[TrialResult]:
    """Run the trials that are missing, and return all.

    Each trial is on disk when it ends, and then the searcher's state; killed at any moment, the next call goes on
    with the trials that were under way. `notify` is called after each trial, in the order in which they end. Several
    `worker_devices` (by default those of `find_worker_devices`) are processes of their own; results do not
    depend on their number. With a `limit`, no more trials are begun when their time is over, and run.json notes how
    many there are.
    """
    settings = folder.record().settings
    ledger = Ledger(folder, settings.lag)
    chosen = find_worker_devices(folder, device) if worker_devices is None else list(worker_devices)
    if limit is not None and folder.missing():
        limit.measure(folder, device)

    def enough() -> bool:
        return limit is not None and limit.forbids(ledger.results.values())

    def run(backend: TrialBackend) -> None:
        trials = Schedule(ledger, backend, settings.trials, notify or (lambda result: None), enough).run()
        if trials < settings.trials:
            _note_trials(folder, trials)

    if len(chosen) > 1:
        try:
            with SubprocessBackend(folder, chosen) as workers:
                run(workers)
            return ledger.trials
        except OtherOperations as error:
            _log.warning("%s: this process evaluates all trials, one after the other", error)
    run(InProcessBackend(Evaluation(folder, device)))
    return ledger.trials


def _note_trials(folder: RunFolder, trials: int) -> None:
    record = folder.record()
    record = record._replace(settings=dataclasses.replace(record.settings, trials=trials))
    folder.write_record(record, folder.space().name)


def fit_best(
    folder: RunFolder, device: torch.device, progress: Progress | None = None, *, limit: TimeLimit | None = None
) -> Restoration | None:
    """Initialise the best architecture anew and fit it to the whole image; None where the run asks for no final fit.

    Repetitions which are on disk already are not repeated. With a `limit`, the fit may take fewer steps.
    """
    final = plan_best(folder, device, limit)
    return None if final is None else run_restoration(final.plan, final.folder, progress)
