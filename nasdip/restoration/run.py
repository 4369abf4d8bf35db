"""Restoring one observation: repetitions of a fit with derived seeds."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from nasdip.classical.error_estimate import expectation
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import make_reference, reference_memory
from nasdip.console import size
from nasdip.errors import NasdipError
from nasdip.fit.device import available_memory, describe
from nasdip.fit.loop import FitProgress
from nasdip.imaging.metrics import psnr
from nasdip.measurement.level import estimate_sigma
from nasdip.measurement.measurement import Observation
from nasdip.network.build import build_network
from nasdip.network.plain.operations import count_parameters
from nasdip.options.fit import FitConfig
from nasdip.provenance import provenance
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.results import FitResult, Restoration
from nasdip.restoration.combination import combine
from nasdip.restoration.repetition import fit_repetition
from nasdip.restoration.task import Task, make_task
from nasdip.restoration.tile_choice import TileChoice, TilesAndCost, choose_tiles, known_tiles
from nasdip.space.architecture import Architecture

# Repetition (from 1), progress of its fit; of all of its tiles where there are some.
Progress = Callable[[int, FitProgress], None]


class Plan(NamedTuple):
    """How a restoration will be fitted.

    Attributes
    ----------
    tiles : TilesAndCost
        The tiles, if any, and what a fit costs.
    resumed : bool
        Whether the tiles are those of an earlier start, which is gone on with.
    done : int
        Fits of that start which are on disk, among the repetitions that are asked for.
    repeats : int
        Those repetitions.
    """

    tiles: TilesAndCost
    resumed: bool
    done: int
    repeats: int

    @property
    def missing(self) -> int:
        """Fits to be done."""
        return self.repeats * self.tiles.fits - self.done


def plan_restoration(
    task: Task, *, repeats: int = 1, tile: TileChoice = "auto", folder: RestorationFolder | None = None
) -> Plan:
    """Choose how to fit: with the tiles of an earlier start in the folder, else with new ones.

    An earlier start is gone on with whatever memory is free now. `tile` other than auto must agree with its tiles.

    Raises
    ------
    NasdipError
        Where the memory does not suffice; see `choose_tiles`.
    """
    if repeats < 1:
        raise NasdipError(f"{repeats} repetitions are too few: use 1 or more")
    pixels, earlier, tiling = task.observation.pixels, False, None
    _check_reference_memory(task)
    if folder is not None:
        earlier, tiling = folder.earlier(pixels, task.clean, task.settings(None))
    if earlier and tile == "auto":
        tiles = known_tiles(task.architecture, pixels.shape, task.config, tiling, width=task.width, device=task.device)
    else:
        tiles = choose_tiles(
            task.architecture, pixels.shape, task.config, width=task.width, device=task.device, tile=tile
        )
    resumed = earlier and tiles.tiling == tiling
    done = folder.fits_done(repeats, tiles.fits) if folder is not None and resumed else 0
    return Plan(tiles, resumed, done, repeats)


def _check_reference_memory(task: Task) -> None:
    free, shape = available_memory(torch.device("cpu")), task.observation.pixels.shape
    need = reference_memory(shape) if task.needs_reference else 0
    if free is not None and need > free:
        raise NasdipError(
            f"the estimates without a network of {shape[0]}x{shape[1]} px need about {size(need)}, and {size(free)} "
            "are free: use a smaller picture, or --no-refine with another --stop"
        )


def restore_observation(
    observation: Observation,
    architecture: Architecture,
    config: FitConfig = FitConfig(),  # noqa: B008 (frozen)
    *,
    repeats: int = 1,
    width: int | None = None,
    seed: int = 0,
    clean: np.ndarray | None = None,
    device: str | torch.device = "cpu",
    folder: RestorationFolder | None = None,
    tile: TileChoice = "auto",
    refine: bool = False,
    progress: Progress | None = None,
) -> Restoration:
    """Fit freshly initialised networks to an observation and make one image of theirs.

    Parameters
    ----------
    observation : Observation
        (H, W, C).
    repeats : int
        Number of fits, each with weights, z and perturbations from a seed of its own; more = less noise, at the
        price of as many fits.
    width : int, optional
        Channels of every level where the architecture leaves them open; default 128.
    clean : ndarray, optional
        (H, W, C); measures, and picks the images called oracle.
    folder : RestorationFolder, optional
        Where every repetition, or tile of one, is written when it ends, and from where finished ones are taken.
    tile : int, "auto" or "off"
        As for `nasdip.restoration.tile_choice.choose_tiles`.
    refine : bool
        Whether their mean is improved without a network, see `nasdip.restoration.combination`.

    Raises
    ------
    NasdipError
        For bad settings, or where memory runs out or does not suffice.
    """
    task = make_task(
        observation, architecture, config, width=width, seed=seed, clean=clean, device=device, refine=refine
    )
    return carry_out(task, plan_restoration(task, repeats=repeats, tile=tile, folder=folder), folder, progress)


def carry_out(
    task: Task, plan: Plan, folder: RestorationFolder | None = None, progress: Progress | None = None
) -> Restoration:
    """Restore as planned; see `restore_observation`."""
    observation, clean, tiling = task.observation, task.clean, plan.tiles.tiling
    done: dict[int, FitResult] = {}
    if folder is not None:
        done = folder.start(observation.pixels, clean, task.settings(tiling), provenance())
    if task.needs_reference and observation.reference is None:
        observation = replace(observation, reference=_reference(observation, folder))
        task = replace(task, observation=observation)
    repetitions = []
    for number in range(1, plan.repeats + 1):
        result = done.get(number)
        if result is None:
            notify = None if progress is None else _bind(progress, number)
            result = fit_repetition(task, tiling, number, folder, notify)
            if folder is not None:
                folder.write_repetition(number, result)
        repetitions.append(result)
    fits = np.stack([repetition.averaged for repetition in repetitions])
    made = combine(observation, np.asarray(fits.mean(axis=0, dtype=np.float64)), refine=task.refine)
    expected = None
    if not observation.contradicted:
        expected = expectation(observation, made.seen, refined=task.refine, workers=torch.get_num_threads())
    restoration = Restoration(
        architecture=task.architecture,
        image=made.image,
        noisy=observation.pixels,
        clean=clean,
        psnr=None if clean is None else psnr(clean, made.image, data_range=1.0),
        sigma=_level(observation),
        repetitions=tuple(repetitions),
        config=task.config,
        width=task.width,
        seed=task.seed,
        device=describe(task.device),
        parameters=count_weights(task.architecture, observation.pixels.shape[2], task.config, task.width),
        tiling=tiling,
        reference=observation.reference,
        refined=task.refine,
        kind=observation.kind,
        looks=observation.looks if observation.contradicted else None,
        expected=expected,
    )
    if folder is not None:
        folder.finish(restoration)
    return restoration


def _level(observation: Observation) -> float:
    return estimate_sigma(observation.pixels) if observation.sigma is None else observation.sigma


def _reference(observation: Observation, folder: RestorationFolder | None) -> BayesEstimate:
    """Make the reference, or take that which an earlier start left in the folder."""
    if folder is None:
        return make_reference(observation, workers=torch.get_num_threads())
    if not folder.has_reference():
        folder.write_reference(make_reference(observation, workers=torch.get_num_threads()))
    return folder.read_reference()


def _bind(progress: Progress, number: int) -> Callable[[FitProgress], None]:
    return lambda fit_progress: progress(number, fit_progress)


def count_weights(architecture: Architecture, channels: int, config: FitConfig, width: int | None) -> int:
    """Return the number of weights of a network for images of `channels`; NasdipError where it cannot be built."""
    with torch.device("meta"):
        network = build_network(architecture, in_channels=config.input_channels, out_channels=channels, width=width)
    return count_parameters(network)
