"""Convolution, batch normalisation and activation, with as few passes over memory as possible.

Weights are used in the precision of what they are applied to.
"""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from nasdip.network.fast.activation import leaky_pad
from nasdip.network.fast.convolution import convolution
from nasdip.network.plain.blocks import Block

# Values of a map from which a pass over memory costs more than the calls that save it.
LARGE = 2**18


def conv_block(x: Tensor, block: Block) -> Tensor:
    """Return what a block of one or more (convolution, normalisation, activation) makes of x."""
    return conv_chain(x, list(block.op))


def conv_chain(x: Tensor, modules: list[nn.Module]) -> Tensor:
    """Apply reflection-padded convolutions, normalisations and activations, given one after the other."""
    return _chain(pad(x, modules[0]), modules)


def norm_conv_chain(x: Tensor, modules: list[nn.Module]) -> Tensor:
    """Apply a normalisation, the first of the modules, and to its result what `conv_chain` does."""
    return conv_chain(normalise(x, modules[0]), modules[1:])


def _chain(x: Tensor, modules: list[nn.Module]) -> Tensor:
    """Apply a chain to x, which is padded for its first convolution.

    Normalisation subtracts the bias of the convolution before it, whose gradient is zero: it is left out.
    """
    parts: Any = modules
    convs, norms, activations = parts[::3], parts[1::3], parts[2::3]
    for number, (conv, norm, activation) in enumerate(zip(convs, norms, activations, strict=True), start=1):
        slope = activation.negative_slope
        x = normalise(convolve(x, conv, with_bias=False), norm)
        following = convs[number] if number < len(convs) else None
        if following is not None and margin(following) == 1 and x.numel() >= LARGE:
            x = leaky_pad(x, slope)
        else:
            x = F.leaky_relu_(x, slope)
            x = x if following is None else pad(x, following)
    return x


def margin(conv: Any) -> int:
    """Return the pixels by which a reflection-padded convolution pads."""
    return int(conv[1].kernel_size[0] // 2)


def pad(x: Tensor, conv: nn.Module) -> Tensor:
    """Return x padded for a convolution."""
    return F.pad(x, (margin(conv),) * 4, mode="reflect") if margin(conv) else x


def convolve(x: Tensor, conv: Any, *, with_bias: bool = True) -> Tensor:
    """Return the convolution of x, which is padded already."""
    weight, bias = conv[1].weight.to(x.dtype), conv[1].bias.to(x.dtype) if with_bias else None
    if conv[1].stride == (1, 1):
        return convolution(x, weight, bias)
    return F.conv2d(x, weight, bias, conv[1].stride)


def normalise(x: Tensor, norm: Any) -> Tensor:
    """Return x normalised by its own statistics."""
    return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
