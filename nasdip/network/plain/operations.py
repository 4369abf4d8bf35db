"""The torch modules of the operations that `nasdip.space.operations` names."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nasdip.errors import NasdipError

# (in_channels, out_channels, kernel, dilation) -> module
Builder = Callable[[int, int, int, int], nn.Module]


class SplitSum(nn.Module):
    """Sum 4 groups of channels, then convolve: (N, C, H, W) -> (N, C_out, H, W).

    "Add every N consecutive channels" in the paper's words; the published code, followed here, sums channel c of
    each of the 4 quarters.
    """

    groups = 4

    def __init__(self, in_channels: int, out_channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        if in_channels % self.groups:
            raise NasdipError(
                f"split-sum needs a number of channels divisible by {self.groups}, not {in_channels}: "
                f"use a width divisible by {self.groups} (by {4 * self.groups} behind a pixel shuffle)"
            )
        self.op = nn.Sequential(_conv(in_channels // self.groups, out_channels, kernel, dilation))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to x (N, C, H, W)."""
        return self.op(x.unflatten(1, (self.groups, -1)).sum(dim=1))


def _conv(n_in: int, n_out: int, kernel: int, dilation: int, groups: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(n_in, n_out, kernel, padding=padding, dilation=dilation, groups=groups, bias=False)


def _transposed(stride: int) -> Builder:
    def build(n_in: int, n_out: int, kernel: int, dilation: int) -> nn.Module:
        padding = dilation * (kernel - 1) // 2
        return nn.ConvTranspose2d(n_in, n_out, kernel, stride, padding, output_padding=stride - 1, dilation=dilation)

    return build


def _separable(n_in: int, n_out: int, kernel: int, dilation: int) -> nn.Module:
    return nn.Sequential(_conv(n_in, n_in, kernel, dilation, groups=n_in), _conv(n_in, n_out, 1, 1))


def _depthwise(n_in: int, n_out: int, kernel: int, dilation: int) -> nn.Module:
    return _conv(n_in, n_out, kernel, dilation, groups=n_out)


def _interpolation(mode: str) -> Builder:
    return lambda *_: nn.Upsample(scale_factor=2, mode=mode)


def _pixel_shuffle(n_in: int, *_: int) -> nn.Module:
    if n_in % 4:
        raise NasdipError(f"pixel-shuffle needs a number of channels divisible by 4, not {n_in}: change the width")
    return nn.PixelShuffle(2)


BUILDERS: dict[str, Builder] = {
    "bilinear": _interpolation("bilinear"),
    "bicubic": _interpolation("bicubic"),
    "nearest": _interpolation("nearest"),
    "pixel-shuffle": _pixel_shuffle,
    "pixel-shuffle-last": _pixel_shuffle,
    "transposed": _transposed(2),
    "conv": _conv,
    "transposed-conv": _transposed(1),
    "split-sum": SplitSum,
    "separable": _separable,
    "depthwise": _depthwise,
    "identity": lambda *_: nn.Identity(),
}

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.2),
    "selu": nn.SELU,
    "prelu": nn.PReLU,
}


def build_operation(name: str, in_channels: int, out_channels: int, kernel: int = 1, dilation: int = 1) -> nn.Module:
    """Return the module of the spatial or channel operation `name`.

    NasdipError where no module is registered for it, or the channels do not divide.
    """
    builder = BUILDERS.get(name)
    if builder is None:
        raise NasdipError(f"operation '{name}' has no module: register one in nasdip.network.plain.operations.BUILDERS")
    return builder(in_channels, out_channels, kernel, dilation)


@torch.no_grad()
def count_parameters(module: nn.Module) -> int:
    """Return the number of scalar parameters of `module`."""
    return sum(parameter.numel() for parameter in module.parameters())
