"""What the commands that fit have in common: the announcement and the progress."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nasdip.console import duration, progress, size
from nasdip.errors import NasdipError
from nasdip.network.build import DEFAULT_WIDTH
from nasdip.prior.config import FitConfig
from nasdip.prior.device import available_memory, describe
from nasdip.prior.estimate import Estimate, estimate_fit
from nasdip.prior.loop import FitProgress
from nasdip.prior.precision import choose_precision
from nasdip.prior.restoration import Progress, count_weights
from nasdip.space.architecture import Architecture


def estimate(
    architecture: Architecture, shape: tuple[int, ...], config: FitConfig, width: int | None, device: torch.device
) -> Estimate:
    """Estimate a fit to an image of `shape` (H, W, C); NasdipError where it needs more memory than is free."""
    height, image_width, channels = shape
    measured = estimate_fit(architecture, (height, image_width, channels), config, width=width, device=device)
    free = available_memory(device)
    if free is not None and measured.memory > free:
        raise NasdipError(
            f"fitting {height}x{image_width} px needs about {size(measured.memory)}, and {size(free)} are free on "
            f"{device}: use a smaller --width, or crop the picture"
        )
    return measured


def announcement(
    architecture: Architecture,
    shape: tuple[int, ...],
    config: FitConfig,
    width: int | None,
    repeats: int,
    device: torch.device,
) -> str:
    """Return what will be fitted, where, and what it will cost, in words."""
    measured = estimate(architecture, shape, config, width, device)
    parameters = count_weights(architecture, shape[2], config, width)
    total = duration(measured.seconds(config.steps * repeats))
    precision = choose_precision(config.precision, device)
    where = f"{describe(device)} in {precision}"
    return (
        f"{architecture}, width {architecture.width or width or DEFAULT_WIDTH}, {parameters / 1e6:.2f} M weights: "
        f"{repeats} x {config.steps} steps on {where}, about {total} and {size(measured.memory)}"
    )


@contextmanager
def fit_progress(label: str, repeats: int, steps: int) -> Iterator[Progress]:
    """Show the progress of all repetitions as one."""
    with progress(label, repeats * steps) as show:

        def update(repetition: int, where: FitProgress) -> None:
            oracle = "" if where.oracle_psnr is None else f", PSNR {where.oracle_psnr:.2f} dB"
            show((repetition - 1) * steps + where.step, f"loss {where.loss:.3g}{oracle}")

        yield update
