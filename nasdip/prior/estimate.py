"""What a fit will cost, measured on a step before it starts."""

import math
import time
from typing import NamedTuple

import torch
from torch import nn

from nasdip.network.build import build_network
from nasdip.network.exact import rewrite
from nasdip.prior.config import FitConfig
from nasdip.prior.device import place, suited_threads
from nasdip.prior.loop import network_size
from nasdip.prior.precision import working_type
from nasdip.space.architecture import Architecture

# Side (px) of the image that is measured: large enough to be typical, small enough to cost nothing.
_MOST_SIDE = 128
# Bytes that kernels and their workspaces take, whatever the image.
_LIBRARIES = 2**27


class Estimate(NamedTuple):
    """Seconds of one step, and peak memory (bytes) of the tensors of a fit, without the interpreter's own."""

    seconds_per_step: float
    memory: int

    def seconds(self, steps: int) -> float:
        """Return the estimated seconds of `steps` steps."""
        return steps * self.seconds_per_step


def estimate_fit(
    architecture: Architecture,
    shape: tuple[int, int, int],
    config: FitConfig,
    *,
    width: int | None = None,
    device: str | torch.device = "cpu",
) -> Estimate:
    """Measure a step of a fit to a small image, and scale it to one of `shape` (H, W, C).

    The time of a larger image has a part that grows with its pixels, and one that does not (calls of many small
    operations, the optimiser): two sizes tell them apart.

    The memory is that of the tensors kept for the backward pass (and a quarter more, for gradients on their way), the
    parameters with their gradients, Adam's two moments and the guard's two copies of all of them, and what torch's
    libraries take for themselves; `experiments/benchmarks/step_cost.py` compares it with measured peaks.
    """
    device = torch.device(device)
    most = _MOST_SIDE if device.type == "cpu" else 4 * _MOST_SIDE
    sample = network_size(architecture, min(shape[0], most), min(shape[1], most))
    ratio = math.prod(network_size(architecture, shape[0], shape[1])) / math.prod(sample)
    network = place(
        build_network(architecture, in_channels=config.input_channels, out_channels=shape[2], width=width), device
    ).train()
    dtype = working_type(config.precision, device)

    def measure(size: tuple[int, int]) -> tuple[float, int]:
        z = torch.zeros((1, config.input_channels, *size), device=device, dtype=dtype)
        with suited_threads(network, *size, device):
            return _measure_step(rewrite(network), z.to(memory_format=torch.channels_last))

    seconds, kept = measure(sample)
    if ratio > 1:
        half = network_size(architecture, sample[0] // 2, sample[1] // 2)
        share = math.prod(half) / math.prod(sample)
        growth = (seconds - measure(half)[0]) / (1 - share) if share < 1 else seconds
        seconds += (ratio - 1) * min(max(growth, 0.0), seconds)
    parameters = sum(p.numel() * p.element_size() for p in network.parameters())
    # The factor of the seconds covers the optimiser and what is logged.
    return Estimate(1.1 * seconds, round(1.25 * ratio * kept) + 10 * parameters + _LIBRARIES)


def _measure_step(network: nn.Module, z: torch.Tensor) -> tuple[float, int]:
    """Return seconds and bytes kept of a forward and backward pass; the first ones pay for set-up."""
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    seconds = float("inf")
    for _ in range(4):
        kept.clear()
        start = time.perf_counter()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            output = network(z)
        output.square().mean().backward()
        float(output.detach().sum())  # waits for the device
        seconds = min(seconds, time.perf_counter() - start)
        network.zero_grad(set_to_none=True)
    return seconds, sum(kept.values())
