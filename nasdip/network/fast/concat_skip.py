"""DIP's hourglass, with as few passes over memory as possible."""

import torch
from torch import Tensor, nn

from nasdip.network.fast.interpolation import upsampled
from nasdip.network.fast.layers import conv_chain, convolve, norm_conv_chain
from nasdip.network.plain.concat_skip import Concat, ConcatSkipNetwork


class ExactConcatSkip(nn.Module):
    """Computes the same as `plain`, with its parameters."""

    def __init__(self, plain: ConcatSkipNetwork) -> None:
        super().__init__()
        self.plain = plain

    def forward(self, z: Tensor) -> Tensor:
        """Map the input z (N, in, H, W) to an image (N, out, H, W); H and W are multiples of 2**depth."""
        *level, last_conv, _ = self.plain.children()
        return torch.sigmoid(convolve(_level(z, level), last_conv))


def _level(x: Tensor, modules: list[nn.Module]) -> Tensor:
    return norm_conv_chain(_branch(x, modules[0]), modules[1:])


def _branch(x: Tensor, branch: nn.Module) -> Tensor:
    if isinstance(branch, Concat):
        thin, deeper = branch.children()
        return torch.cat([conv_chain(x, list(thin.children())), _branch(x, deeper)], dim=1)
    *modules, upsample = branch.children()
    x = conv_chain(x, modules[:6])
    if len(modules) > 6:
        x = _level(x, list(modules[6].children()))
    return upsampled(x, upsample)
