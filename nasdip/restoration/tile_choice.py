"""Whether an image is fitted as a whole or in tiles, and in which."""

import math
from typing import NamedTuple

import torch

from nasdip.console import size
from nasdip.errors import NasdipError
from nasdip.fit.cost import Cost, Estimate, measure_cost
from nasdip.fit.device import available_memory
from nasdip.imaging.tiles import Tiling, cover
from nasdip.network.build import size_multiple
from nasdip.options.fit import FitConfig
from nasdip.options.restore import TileChoice
from nasdip.space.architecture import Architecture

# Pixels that neighbours share at least: an eighth of a tile, between these. A fit is worse in its last few pixels only
# (experiments/benchmarks/tile_border.csv), but two fits that differ must pass into each other smoothly.
_LEAST_OVERLAP, _OVERLAP = 16, 32
# Sides (px) that `auto` chooses from. Smaller tiles consist of overlap; larger ones cost more for each pixel on a
# processor, overlap counted (experiments/benchmarks/tile_cost.csv).
SMALLEST, LARGEST = 128, 544
# Smallest side (px) that a person can choose.
LEAST = 32
# What has to be free for each byte that is estimated.
_SAFETY = 1.15
# Copies of the whole image (float32) beside the fit of a tile: noisy, clean, three blended ones, their mean.
_COPIES = 6


class TilesAndCost(NamedTuple):
    """The tiles (None: the image as a whole), and what each of their fits costs."""

    tiling: Tiling | None
    estimate: Estimate

    @property
    def fits(self) -> int:
        """Fits of a repetition."""
        return 1 if self.tiling is None else len(self.tiling)


def fitted_size(shape: tuple[int, ...], tile: TileChoice) -> tuple[int, int]:
    """Return height and width (px) of what a fit sees of an image, as far as a person has chosen it."""
    height, width = ((min(side, tile) if isinstance(tile, int) else side) for side in shape[:2])
    return height, width


def choose_tiles(
    architecture: Architecture,
    shape: tuple[int, ...],
    config: FitConfig,
    *,
    width: int | None = None,
    device: torch.device,
    tile: TileChoice = "auto",
) -> TilesAndCost:
    """Choose the tiles of an image of `shape` (H, W, C).

    Parameters
    ----------
    tile : int, "auto" or "off"
        Largest side of a tile, px. auto: the whole image if it fits into the memory that is free, else the tiles that
        do and are done first. off: the whole image.

    Raises
    ------
    NasdipError
        Where the memory does not suffice, or for a side that is too small.
    """
    height, image_width, channels = shape
    if isinstance(tile, int) and tile < LEAST:
        raise NasdipError(f"tiles of {tile} px are too small: use {LEAST} or more, or auto")
    cost = measure_cost(architecture, (height, image_width, channels), config, width=width, device=device)
    free = available_memory(device)
    if isinstance(tile, int):
        found = tiled(cost, shape, tile, device)
    else:
        found = TilesAndCost(None, cost.of(height, image_width))
        if tile == "auto" and free is not None and _SAFETY * found.estimate.memory > free:
            found = _best(cost, shape, free, device) or found
    what = f"{height}x{image_width} px" if found.tiling is None else str(found.tiling)
    others = {"auto": "a smaller picture", "off": "tiles (tile auto)"}.get(str(tile), "smaller tiles")
    check_memory(what, found.estimate.memory, device, f"a smaller width or {others}")
    return found


def check_memory(what: str, need: int, device: torch.device, advice: str) -> None:
    """Raise NasdipError where fitting `what` needs more bytes than are free; `advice` is what to use instead."""
    free = available_memory(device)
    if free is not None and need > free:
        raise NasdipError(
            f"fitting {what} needs about {size(need)}, and {size(free)} are free on {device}: use {advice}"
        )


def known_tiles(
    architecture: Architecture,
    shape: tuple[int, ...],
    config: FitConfig,
    tiling: Tiling | None,
    *,
    width: int | None = None,
    device: torch.device,
) -> TilesAndCost:
    """Return the cost of tiles that were chosen before, whatever the memory that is free now."""
    cost = measure_cost(architecture, (shape[0], shape[1], shape[2]), config, width=width, device=device)
    return _priced(cost, tiling, shape, device)


def tiled(cost: Cost, shape: tuple[int, ...], largest: int, device: torch.device) -> TilesAndCost:
    """Return tiles of at most `largest` px a side and their cost; the image as a whole where one tile covers it."""
    overlap = min(_OVERLAP, max(_LEAST_OVERLAP, largest // 8))
    tiling = cover((shape[0], shape[1]), largest, overlap=overlap, multiple=size_multiple(cost.architecture))
    return _priced(cost, tiling if len(tiling) > 1 else None, shape, device)


def _priced(cost: Cost, tiling: Tiling | None, shape: tuple[int, ...], device: torch.device) -> TilesAndCost:
    if tiling is None:
        return TilesAndCost(None, cost.of(shape[0], shape[1]))
    estimate = cost.of(*tiling.side)
    images = _COPIES * 4 * math.prod(shape) if device.type == "cpu" else 0
    return TilesAndCost(tiling, estimate._replace(memory=estimate.memory + images))


def _best(cost: Cost, shape: tuple[int, ...], free: int, device: torch.device) -> TilesAndCost | None:
    """Return the tiles that are done first among those that fit into the free memory; None where none do."""
    multiple = size_multiple(cost.architecture)
    sides = range(LARGEST // multiple * multiple, SMALLEST - 1, -multiple)
    choices = [tiled(cost, shape, side, device) for side in sides]
    fitting = [choice for choice in choices if _SAFETY * choice.estimate.memory <= free]
    return min(fitting, key=lambda choice: choice.fits * choice.estimate.seconds_per_step, default=None)
