"""Convolution, batch normalisation and activation, with as few passes over memory as possible."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from nasdip.network.blocks import Block


def conv_norm_act(x: Tensor, conv: nn.Sequential, norm: nn.BatchNorm2d, activation: nn.LeakyReLU) -> Tensor:
    """Return activation(norm(conv(x))) of a reflection-padded convolution.

    The normalisation subtracts the convolution's bias again, whose gradient is zero: it is left out.
    """
    y = reflected_conv(x, conv)
    return norm_act(y, norm, activation)


def reflected_conv(x: Tensor, conv: nn.Sequential) -> Tensor:
    """Return the reflection-padded convolution of x, without its bias."""
    module: Any = conv[1]
    margin = module.kernel_size[0] // 2
    if margin:
        x = F.pad(x, (margin,) * 4, mode="reflect")
    return F.conv2d(x, module.weight, None, module.stride)


def norm_act(y: Tensor, norm: nn.BatchNorm2d, activation: nn.LeakyReLU) -> Tensor:
    """Return activation(norm(y))."""
    y = F.batch_norm(y, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
    return F.leaky_relu_(y, activation.negative_slope)


def conv_block(x: Tensor, block: Block) -> Tensor:
    """Return what a block of one or more (convolution, normalisation, activation) makes of x."""
    return conv_chain(x, list(block.op))


def conv_chain(x: Tensor, modules: list[nn.Module]) -> Tensor:
    """Apply convolutions, normalisations and activations, given one after the other."""
    parts: Any = modules
    for conv, norm, activation in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        x = conv_norm_act(x, conv, norm, activation)
    return x


def norm_conv_chain(x: Tensor, modules: list[nn.Module]) -> Tensor:
    """Apply a normalisation, the first of the modules, and to its result what `conv_chain` does."""
    norm: Any = modules[0]
    x = F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
    return conv_chain(x, modules[1:])
