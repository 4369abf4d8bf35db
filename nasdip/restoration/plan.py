"""From a request to what will be done: the only place where recipe, rule, sizes and task are put together."""

from dataclasses import replace

import numpy as np
import torch

from nasdip.classical.reference import reference_memory
from nasdip.console import size
from nasdip.errors import NasdipError
from nasdip.fit.device import available_memory, find_device
from nasdip.fit.stopping.automatic import choose_stop
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.mosaic import check_no_mosaic
from nasdip.options.fit import FitConfig
from nasdip.options.quality import find_quality
from nasdip.options.recipes import find_recipe
from nasdip.options.restore import RestoreOptions, TileChoice
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.budget import Budget
from nasdip.restoration.fit_task import FitTask, make_fit_task
from nasdip.restoration.planned import Plan
from nasdip.restoration.tile_choice import choose_tiles, fitted_size, known_tiles
from nasdip.restoration.working_time import WorkingTime, seconds_of_reference
from nasdip.space.architecture import Architecture
from nasdip.zoo.catalog import find_architecture
from nasdip.zoo.front import zoo_front


def plan(
    measurement: Measurement,
    options: RestoreOptions = RestoreOptions(),  # noqa: B008 (frozen)
    *,
    clean: np.ndarray | None = None,
    folder: RestorationFolder | None = None,
    watched: tuple[str, ...] = (),
    config: FitConfig | None = None,
) -> Plan:
    """Return what will be done where a measurement is restored as the options ask for.

    With the tiles of an earlier start in the folder, which is gone on with whatever memory is free now; else with new
    ones. A tile option other than auto must agree with its tiles.

    Parameters
    ----------
    measurement : Measurement
        What is restored.
    options : RestoreOptions
        The request.
    clean : ndarray, optional
        (H, W, C); measures, and picks the images called oracle.
    folder : RestorationFolder, optional
        Where the restoration goes. With a budget, what an earlier start there picked for the same budget is gone on
        with, since measured times vary.
    watched : tuple of str
        Stopping rules that are followed beside the one that ends fits.
    config : FitConfig, optional
        Settings of the fits in place of the recipe's; for experiments.

    Raises
    ------
    NasdipError
        For what cannot be done here: unknown names, a network that cannot be built, memory that does not suffice, a
        rule that the noise does not allow, the mosaic of a colour sensor.
    """
    if options.mosaic == "refuse":
        check_no_mosaic(measurement)
    maker = _Maker(measurement, options, clean, folder, watched, config)
    if options.budget is not None:
        return Budget(options.budget, maker, folder).pick(zoo_front())
    given = options.architecture
    task = measurement.operator.task
    made = maker.plan(given if isinstance(given, Architecture) else find_architecture(given, task))
    _ = made.parameters  # a network that cannot be built is refused now
    return made


class _Maker:
    """Makes the plan of one architecture after the other, with all else as the options have it."""

    def __init__(
        self,
        measurement: Measurement,
        options: RestoreOptions,
        clean: np.ndarray | None,
        folder: RestorationFolder | None,
        watched: tuple[str, ...],
        config: FitConfig | None,
    ) -> None:
        self._measurement, self._options, self._clean, self._folder = measurement, options, clean, folder
        self._watched, self._config = watched, config
        self._recipe = find_recipe(options.recipe)
        self.quality = find_quality(
            options.quality, recipe=options.recipe, repeats=options.repeats, refine=options.refine
        )
        self._device = find_device(options.device)
        self._seconds: float | None = None

    def task(self, architecture: Architecture, steps: int | None = None) -> FitTask:
        """Return the task of an architecture, with fewer steps than asked for where they are given."""
        options = self._options
        return make_fit_task(
            self._measurement, architecture, self._settings(steps), width=self._width,
            seed=options.seed, clean=self._clean, device=self._device, refine=self.quality.refine,
            watched=self._watched,
        )  # fmt: skip

    def plan(self, architecture: Architecture, steps: int | None = None) -> Plan:
        """Return the plan of an architecture."""
        return self.plan_of(self.task(architecture, steps))

    def plan_of(self, task: FitTask) -> Plan:
        """Return the plan of a task."""
        _check_reference_memory(task)
        folder, tile, repeats = self._folder, self._options.tile, self.quality.repeats
        earlier, tiling = False, None
        if folder is not None:
            earlier, tiling = folder.earlier(task.measurement.pixels, task.clean, task.identity(None))
        where = (task.architecture, task.measurement.image_shape, task.config)
        if earlier and tile == "auto":
            tiles = known_tiles(*where, tiling, width=task.width, device=task.device)
        else:
            tiles = choose_tiles(*where, width=task.width, device=task.device, tile=self._allowed(tile))
        resumed = earlier and tiles.tiling == tiling
        done = folder.fits_done(repeats, tiles.fits) if folder is not None and resumed else 0
        return Plan(task, repeats, tiles, resumed, done)

    def time(self, made: Plan, folder: RestorationFolder | None) -> WorkingTime:
        """Return the time of a plan; that of the estimates without a network, which all share, is measured once."""

        def seconds() -> float:
            if self._seconds is None:
                self._seconds = seconds_of_reference(made.task)
            return self._seconds

        return made.time_with(folder, seconds)

    @property
    def _width(self) -> int | None:
        return self._options.width or (None if self._config is not None else self._recipe.width)

    def _settings(self, steps: int | None) -> FitConfig:
        if self._config is not None:
            return self._config if steps is None else replace(self._config, steps=steps)
        options, recipe = self._options, self._recipe
        height, width = fitted_size(self._measurement.image_shape, options.tile)
        rule = choose_stop(options.stop or recipe.config.stop, self._measurement)
        asked = options.steps if steps is None else steps
        factor = self._measurement.operator.steps_factor
        return recipe.settings(height, width, steps=asked, precision=options.precision, stop=rule, steps_factor=factor)

    def _allowed(self, tile: TileChoice) -> TileChoice:
        """Return the choice of tiles, none for an operator that an image cannot be cut behind."""
        if self._measurement.operator.pixelwise:
            return tile
        if isinstance(tile, int):
            name = self._measurement.operator.name
            raise NasdipError(f"an image behind the operator {name} cannot be fitted in tiles: use --tile off")
        return "off"


def _check_reference_memory(task: FitTask) -> None:
    free, shape = available_memory(torch.device("cpu")), task.measurement.pixels.shape
    need = reference_memory(shape) if task.needs_reference else 0
    if free is not None and need > free:
        raise NasdipError(
            f"the estimates without a network of {shape[0]}x{shape[1]} px need about {size(need)}, and {size(free)} "
            "are free: use a smaller picture, or --no-refine with another --stop"
        )
