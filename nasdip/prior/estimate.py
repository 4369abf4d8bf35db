"""What a fit will cost, measured on one step before it starts."""

import time
from typing import NamedTuple

import torch
from torch import nn

from nasdip.prior.config import FitConfig
from nasdip.prior.device import place
from nasdip.prior.fit import network_padding
from nasdip.space.architecture import Architecture


class Estimate(NamedTuple):
    """Seconds of one step, and peak memory (bytes) of the tensors of a fit, without the interpreter's own."""

    seconds_per_step: float
    memory: int

    def seconds(self, steps: int) -> float:
        """Return the estimated seconds of `steps` steps."""
        return steps * self.seconds_per_step


def estimate_fit(
    network: nn.Module,
    architecture: Architecture,
    shape: tuple[int, int, int],
    config: FitConfig,
    device: str | torch.device = "cpu",
) -> Estimate:
    """Measure a step of `network` on an image of `shape` (H, W, C); its weights and gradients stay as they were.

    The memory is that of the tensors kept for the backward pass, the parameters with their gradients, Adam's two
    moments and the guard's copy of all of them.
    """
    device = torch.device(device)
    network = place(network, device).train()
    padding = network_padding(architecture, *shape[:2])
    size = (shape[0] + padding.top + padding.bottom, shape[1] + padding.left + padding.right)
    z = torch.zeros((1, config.input_channels, *size), device=device).to(memory_format=torch.channels_last)
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    seconds = float("inf")
    for _ in range(2):  # the first step pays for set-up
        kept.clear()
        start = time.perf_counter()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            output = network(z)
        output.square().mean().backward()
        float(output.detach().sum())  # waits for the device
        seconds = min(seconds, time.perf_counter() - start)
        network.zero_grad(set_to_none=True)
    parameters = sum(p.numel() * p.element_size() for p in network.parameters())
    # Each step also touches every parameter a few times (Adam), which the factor covers.
    return Estimate(1.1 * seconds, sum(kept.values()) + 7 * parameters)
