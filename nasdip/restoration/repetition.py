"""One repetition of a restoration: a fit to the whole image, or one to each of its tiles."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nasdip.fit.device import memory_told
from nasdip.fit.fit import fit
from nasdip.fit.loop import FitProgress
from nasdip.fit.rollback import FitDiverged
from nasdip.imaging.tiles import Tile, Tiling
from nasdip.network.build import build_network
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.results import FitResult
from nasdip.restoration.fit_task import FitTask
from nasdip.restoration.tiled import TiledResult, tile_name
from nasdip.seeds import derive_seed

Notify = Callable[[FitProgress], None]

# Key of the seeds of tiles; the loop has 1 to 3 for its own.
_TILES = 4


def fit_repetition(
    task: FitTask,
    tiling: Tiling | None,
    number: int,
    folder: RestorationFolder | None = None,
    notify: Notify | None = None,
) -> FitResult:
    """Fit repetition `number` (from 1).

    Every tile is fitted by a network of its own, one after the other, in the working range of the whole image. In a
    folder each is written when it ends, and those that are there are taken; so a repetition that was interrupted comes
    out the same. For tiles, `notify` is told the steps of all of them.

    Raises
    ------
    NasdipError
        Where memory runs out, or a fit fails from its first steps on (FitDiverged).
    """
    seed = derive_seed(task.seed, number)
    if tiling is None:
        return _fit(task, seed, notify)
    task = replace(task, measurement=replace(task.measurement, scaling=task.measurement.working))
    blend = TiledResult(tiling, task.clean)
    for index in range(len(tiling)):
        if folder is None:
            blend.add(_fit_tile(task, tiling, index, seed, notify))
            continue
        if not folder.has_tile(number, index + 1):
            folder.write_tile(number, index + 1, _fit_tile(task, tiling, index, seed, notify))
        # Read in any case: curves are rounded in files, and come out the same whether it was interrupted or not.
        blend.add(folder.read_tile(number, index + 1))
    return blend.result(seed)


def tile_seed(seed: int, index: int) -> int:
    """Return the seed of a tile (from 0) of the repetition with `seed`; the first one's is the repetition's own."""
    return derive_seed(seed, _TILES, index) if index else seed


def _fit_tile(task: FitTask, tiling: Tiling, index: int, seed: int, notify: Notify | None) -> FitResult:
    steps = task.config.steps

    def count(where: FitProgress) -> None:
        if notify is not None:
            notify(where._replace(step=index * steps + where.step, steps=len(tiling) * steps))

    try:
        return _fit(task, tile_seed(seed, index), count, tiling.tiles[index])
    except FitDiverged as error:
        raise FitDiverged(f"{tile_name(index, tiling.tiles)}: {error}") from None


def _fit(task: FitTask, seed: int, notify: Notify | None, tile: Tile | None = None) -> FitResult:
    """Fit a new network to the measurement, or to a tile of it."""
    measurement, clean, reference = task.measurement, task.clean, task.reference
    network = build_network(
        task.architecture,
        in_channels=task.config.input_channels,
        out_channels=measurement.image_shape[2],
        width=task.width,
        seed=seed,
    )
    if tile is not None:
        measurement = measurement.part(tile.place)
        clean = None if clean is None else np.ascontiguousarray(clean[tile.place])
        reference = None if reference is None else reference.part(tile.place)
    height, width = measurement.image_shape[:2]
    with memory_told(
        f"fitting {height}x{width} px at width {task.width} on {task.device}: use smaller tiles, a smaller width, a "
        "smaller picture or another device"
    ):
        return fit(
            network, task.architecture, measurement, task.config, seed=seed, clean=clean, device=task.device,
            progress=notify, watched=task.watched, reference=reference,
        )  # fmt: skip
