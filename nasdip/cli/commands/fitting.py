"""What the commands that fit have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nasdip.console import progress
from nasdip.fit.cost import Estimate, estimate_fit
from nasdip.fit.loop import FitProgress
from nasdip.options.fit import FitConfig
from nasdip.restoration.run import Progress
from nasdip.restoration.tile_choice import check_memory
from nasdip.space.architecture import Architecture


def estimate(
    architecture: Architecture, shape: tuple[int, ...], config: FitConfig, width: int | None, device: torch.device
) -> Estimate:
    """Estimate a trial's fit to an image of `shape` (H, W, C); NasdipError where it needs more memory than is free."""
    height, image_width, channels = shape
    measured = estimate_fit(architecture, (height, image_width, channels), config, width=width, device=device)
    check_memory(f"{height}x{image_width} px", measured.memory, device, "a smaller --width or --crop")
    return measured


@contextmanager
def fit_progress(label: str, repeats: int, steps: int, tiles: int, done: int) -> Iterator[Progress]:
    """Show the progress of all fits as one: `repeats` repetitions of `tiles` fits, of which `done` are on disk."""
    with progress(label, repeats * tiles * steps, done * steps) as show:

        def update(repetition: int, where: FitProgress) -> None:
            tile = f"tile {(where.step - 1) // steps + 1} of {tiles}, " if tiles > 1 else ""
            oracle = "" if where.psnr is None else f", PSNR {where.psnr:.2f} dB"
            show((repetition - 1) * tiles * steps + where.step, f"{tile}loss {where.loss:.3g}{oracle}")

        yield update
