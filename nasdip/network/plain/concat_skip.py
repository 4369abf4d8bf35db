"""The network of Deep Image Prior: an hourglass whose levels concatenate a thin 1x1 skip."""

import torch
from torch import Tensor, nn

from nasdip.network.plain.blocks import conv, conv_norm_act, norm
from nasdip.space.architecture import ConcatSkipArchitecture


class Concat(nn.Module):
    """Concatenate the outputs of a skip (child 0) and a deeper branch (child 1) along the channels."""

    def __init__(self, skip: nn.Module, deeper: nn.Module) -> None:
        super().__init__()
        self.add_module("0", skip)
        self.add_module("1", deeper)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to x (N, C, H, W)."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class Chain(nn.Sequential):
    """A Sequential whose children count from 1, as the published network names them."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        for number, module in enumerate(modules, start=1):
            self.add_module(str(number), module)


class ConcatSkipNetwork(Chain):
    """The whole network: its finest level."""


def concat_skip_network(
    architecture: ConcatSkipArchitecture, in_channels: int, out_channels: int, width: int
) -> ConcatSkipNetwork:
    """Return DIP's skip network (Ulyanov et al., CVPR 2018): (N, in, H, W) -> (N, out, H, W) in [0, 1].

    Each level: [1x1 skip | two 3x3 convolutions, the first of stride 2, the deeper level, x2 upsampling],
    concatenated, normalised, then a 3x3 and a 1x1 convolution. Modules are named as in the published code.
    """
    level: nn.Module | None = None
    for number in range(architecture.depth, 0, -1):
        n_in = in_channels if number == 1 else width
        layers = _level(architecture, number, n_in, width, level)
        if number == 1:
            return ConcatSkipNetwork(*layers, conv(width, out_channels, 1), nn.Sigmoid())
        level = Chain(*layers)
    raise ValueError(f"a network of depth {architecture.depth} has no level")


def _level(
    architecture: ConcatSkipArchitecture, number: int, n_in: int, width: int, deeper: nn.Module | None
) -> list[nn.Module]:
    down = [*conv_norm_act(n_in, width, 3, 2), *conv_norm_act(width, width, 3)]
    branch: nn.Module = Chain(*down, *([deeper] if deeper else []), nn.Upsample(scale_factor=2, mode=architecture.mode))
    thin = architecture.skip_channels[number - 1]
    if thin:
        branch = Concat(Chain(*conv_norm_act(n_in, thin, 1)), branch)
    up = [*conv_norm_act(thin + width, width, 3), *conv_norm_act(width, width, 1)]
    return [branch, norm(thin + width), *up]
