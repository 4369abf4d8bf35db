"""What the commands that fit have in common: the announcement and the progress."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nasdip.console import duration, note, progress, size
from nasdip.errors import NasdipError
from nasdip.network.build import DEFAULT_WIDTH, build_network
from nasdip.prior.config import FitConfig
from nasdip.prior.device import describe, is_out_of_memory
from nasdip.prior.estimate import Estimate, estimate_fit
from nasdip.prior.fit import FitProgress
from nasdip.prior.restoration import Progress, count_weights
from nasdip.space.architecture import Architecture


def estimate(
    architecture: Architecture, shape: tuple[int, ...], config: FitConfig, width: int | None, device: torch.device
) -> tuple[Estimate, int]:
    """Measure a step of a fit to an image of `shape` (H, W, C); return the estimate and the number of weights."""
    height, image_width, channels = shape
    parameters = count_weights(architecture, channels, config, width)
    network = build_network(architecture, in_channels=config.input_channels, out_channels=channels, width=width)
    try:
        measured = estimate_fit(network, architecture, (height, image_width, channels), config, device)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise NasdipError(
            f"{height}x{image_width} px do not fit in the memory of {device}: use a smaller --width"
        ) from None
    return measured, parameters


def announce_fit(
    architecture: Architecture,
    shape: tuple[int, ...],
    config: FitConfig,
    width: int | None,
    repeats: int,
    device: torch.device,
) -> None:
    """Say what will be fitted, where, and what it will cost."""
    measured, parameters = estimate(architecture, shape, config, width, device)
    total = duration(measured.seconds(config.steps * repeats))
    note(
        f"{architecture}, width {architecture.width or width or DEFAULT_WIDTH}, {parameters / 1e6:.2f} M weights: "
        f"{repeats} x {config.steps} steps on {describe(device)}, about {total} and {size(measured.memory)}"
    )


@contextmanager
def fit_progress(label: str, repeats: int, steps: int) -> Iterator[Progress]:
    """Show the progress of all repetitions as one."""
    with progress(label, repeats * steps) as show:

        def update(repetition: int, where: FitProgress) -> None:
            oracle = "" if where.oracle_psnr is None else f", PSNR {where.oracle_psnr:.2f} dB"
            show((repetition - 1) * steps + where.step, f"loss {where.loss:.5f}{oracle}")

        yield update
