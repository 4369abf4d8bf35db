"""Blocks that encoder and decoder are made of."""

from torch import Tensor, nn

from nasdip.network.plain.operations import ACTIVATIONS, build_operation
from nasdip.space.cell import UpsamplingCell

LEAK = 0.2


def conv(n_in: int, n_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a reflection-padded convolution with bias: (N, n_in, H, W) -> (N, n_out, H/stride, W/stride)."""
    return nn.Sequential(nn.ReflectionPad2d(kernel // 2), nn.Conv2d(n_in, n_out, kernel, stride))


def norm(channels: int) -> nn.BatchNorm2d:
    """Return batch normalisation by the statistics of the one image in the batch, in training and after it."""
    return nn.BatchNorm2d(channels, track_running_stats=False)


def conv_norm_act(n_in: int, n_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Return convolution, batch normalisation and LeakyReLU as a list, to be chained."""
    return [conv(n_in, n_out, kernel, stride), norm(n_out), nn.LeakyReLU(LEAK)]


class Block(nn.Module):
    """A chain of modules under the name `op`, as the published weights call it."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.op = nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to x (N, C, H, W)."""
        return self.op(x)


def encoder(n_in: int, width: int) -> Block:
    """Return an encoder level: halves height and width, then convolves once more."""
    return Block(*conv_norm_act(n_in, width, 3, 2), *conv_norm_act(width, width, 3))


def decoder(width: int) -> Block:
    """Return a decoder level: normalise the sum of its inputs, then two 3x3 and a 1x1 convolution."""
    return Block(norm(width), *(m for kernel in (3, 3, 1) for m in conv_norm_act(width, width, kernel)))


def upsampling(cell: UpsamplingCell, width: int) -> Block:
    """Return the upsampling cell: (N, width, H, W) -> (N, width, 2H, 2W). Its activation follows both operations.

    Errors
    ------
    NasdipError where the width cannot be shuffled or split.
    """
    size = cell.kernel, cell.dilation
    if cell.channel_first:
        spatial = build_operation(cell.spatial, 4 * width, width, *size)
        channel = build_operation(cell.channel, width, 4 * width, *size)
    else:
        spatial = build_operation(cell.spatial, width, width, *size)
        n_in = width // 4 if cell.spatial == "pixel-shuffle" else width
        channel = build_operation(cell.channel, n_in, width, *size)
    parts = [channel, spatial] if cell.channel_first else [spatial, channel]
    active = [m for m in parts if not isinstance(m, nn.Identity)]
    return Block(*(_with_activation(m, cell.activation) for m in active))


def _with_activation(module: nn.Module, activation: str) -> nn.Module:
    modules = [module] if activation == "none" else [module, ACTIVATIONS[activation]()]
    return Block(*modules)
