"""What a fit will cost, measured on a step before it starts."""

import math
import time
from typing import NamedTuple

import torch
from torch import nn

from nasdip.fit.device import place, suited_threads
from nasdip.fit.loop import network_size
from nasdip.fit.precision import working_type
from nasdip.network.build import build_network
from nasdip.network.fast import rewrite
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture

# Side (px) of the image that is measured: large enough to be typical, small enough to cost nothing.
_MOST_SIDE = 128
# Bytes at the peak for each that is kept for the backward pass: gradients on their way come to it.
_ON_THEIR_WAY = 1.5
# Bytes that kernels and their workspaces take, whatever the image.
_LIBRARIES = 2**27


class Estimate(NamedTuple):
    """Seconds of one step, and peak memory (bytes) of the tensors of a fit, without the interpreter's own."""

    seconds_per_step: float
    memory: int

    def seconds(self, steps: int) -> float:
        """Return the estimated seconds of `steps` steps."""
        return steps * self.seconds_per_step


class Cost(NamedTuple):
    """What a step of a network costs, by the size of the image.

    Attributes
    ----------
    architecture : Architecture
        Of the network.
    pixels, seconds, kept : float
        Pixels of the image that was measured, padding included, seconds of a step on it, and bytes kept for the
        backward pass.
    growth : float
        The part of `seconds` that grows with the pixels; the other one is that of many small calls.
    parameters : int
        Bytes of the weights.
    """

    architecture: Architecture
    pixels: float
    seconds: float
    growth: float
    kept: float
    parameters: int

    def of(self, height: int, width: int) -> Estimate:
        """Estimate a fit to an image of height x width px.

        The memory is that of the tensors kept for the backward pass (and half as much, for gradients on their way),
        the parameters with their gradients, Adam's two moments and the rollback's two copies of all of them, and what
        torch's libraries take for themselves; `experiments/benchmarks` compares it with measured peaks.
        """
        ratio = math.prod(network_size(self.architecture, height, width)) / self.pixels
        seconds = self.seconds + (ratio - 1) * self.growth
        # The factor of the seconds covers the optimiser and what is logged.
        return Estimate(1.1 * seconds, round(_ON_THEIR_WAY * ratio * self.kept) + 10 * self.parameters + _LIBRARIES)


def estimate_fit(
    architecture: Architecture,
    shape: tuple[int, int, int],
    config: FitConfig,
    *,
    width: int | None = None,
    device: str | torch.device = "cpu",
) -> Estimate:
    """Measure a step of a fit to a small image, and scale it to one of `shape` (H, W, C)."""
    return measure_cost(architecture, shape, config, width=width, device=device).of(*shape[:2])


def measure_cost(
    architecture: Architecture,
    shape: tuple[int, int, int],
    config: FitConfig,
    *,
    width: int | None = None,
    device: str | torch.device = "cpu",
) -> Cost:
    """Measure steps of fits to small images, from which the cost of any image up to `shape` (H, W, C) follows.

    The time of a larger image has a part that grows with its pixels, and one that does not (calls of many small
    operations, the optimiser): two sizes tell them apart.
    """
    device = torch.device(device)
    most = _MOST_SIDE if device.type == "cpu" else 4 * _MOST_SIDE
    sample = network_size(architecture, min(shape[0], most), min(shape[1], most))
    network = place(
        build_network(architecture, in_channels=config.input_channels, out_channels=shape[2], width=width), device
    ).train()
    dtype = working_type(config.precision, device)

    def measure(size: tuple[int, int]) -> tuple[float, int]:
        z = torch.zeros((1, config.input_channels, *size), device=device, dtype=dtype)
        with suited_threads(network, *size, device):
            return _measure_step(rewrite(network), z.to(memory_format=torch.channels_last))

    seconds, kept = measure(sample)
    growth = seconds
    half = network_size(architecture, sample[0] // 2, sample[1] // 2)
    share = math.prod(half) / math.prod(sample)
    if math.prod(network_size(architecture, shape[0], shape[1])) > math.prod(sample) and share < 1:
        growth = min(max((seconds - measure(half)[0]) / (1 - share), 0.0), seconds)
    parameters = sum(p.numel() * p.element_size() for p in network.parameters())
    return Cost(architecture, math.prod(sample), seconds, growth, kept, parameters)


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
