"""Activations that write where their result is wanted, and whose gradients need nothing but that result."""

from typing import Any

import torch
from torch import Tensor

from nasdip.network.fast.sums import total

_leaky_out = torch.ops.aten.leaky_relu.out
_leaky_backward = torch.ops.aten.leaky_relu_backward
_leaky_backward_out = torch.ops.aten.leaky_relu_backward.grad_input


def leaky_pad(x: Tensor, slope: float) -> Tensor:
    """Return LeakyReLU of x (N, C, H, W), padded by one reflected pixel: (N, C, H + 2, W + 2), channels last."""
    result: Tensor = _LeakyPad.apply(x, slope)
    return result


def leaky_sum(x: Tensor, slope: float, images: int) -> Tensor:
    """Return the sum of LeakyReLU of all maps in x (maps * images, C, H, W): (images, C, H, W). Overwrites x."""
    result: Tensor = _LeakySum.apply(x, slope, images)
    return result


class _LeakyPad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        number, channels, height, width = x.shape
        padded = x.new_empty((number, height + 2, width + 2, channels)).permute(0, 3, 1, 2)
        _leaky_out(x, slope, out=padded[:, :, 1:-1, 1:-1])
        padded[:, :, 0], padded[:, :, -1] = padded[:, :, 2], padded[:, :, -3]
        padded[..., 0], padded[..., -1] = padded[..., 2], padded[..., -3]
        ctx.save_for_backward(padded)
        ctx.slope = slope
        return padded

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (padded,) = ctx.saved_tensors
        inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
        values = padded[inside]
        result = torch.empty_like(values, memory_format=torch.channels_last)
        _leaky_backward_out(gradient[inside], values, ctx.slope, True, grad_input=result)

        def fold(part: Tensor, row: Any, column: Any) -> None:
            result[:, :, row, column] += _leaky_backward(part, values[:, :, row, column], ctx.slope, True)

        everywhere = slice(None)
        for outer, inner in ((0, 1), (-1, -2)):
            fold(gradient[:, :, outer, 1:-1], inner, everywhere)
            fold(gradient[:, :, 1:-1, outer], everywhere, inner)
            for outer_column, inner_column in ((0, 1), (-1, -2)):
                fold(gradient[:, :, outer, outer_column], inner, inner_column)
        return result, None


class _LeakySum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float, images: int) -> Tensor:
        torch.nn.functional.leaky_relu_(x, slope)  # no other operation has kept it
        ctx.save_for_backward(x)
        ctx.slope, ctx.images = slope, images
        return total(x.split(images))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        result = torch.empty_like(x)
        for own, values in zip(result.split(ctx.images), x.split(ctx.images), strict=True):
            _leaky_backward_out(gradient, values, ctx.slope, True, grad_input=own)
        return result, None, None
