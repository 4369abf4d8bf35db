"""Depthwise convolution with a fast gradient on processors."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_convolution_backward = torch.ops.aten.convolution_backward
# The kernel whose weight gradient torch's library for processors computes fast; for others it takes many times as
# long.
_FAST = 3


def depthwise(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Return the depthwise convolution ("same" padding) of x (N, C, H, W) with weight (C, 1, k, k)."""
    kernel = weight.shape[-1]
    if x.device.type == "cpu" and kernel > _FAST and dilation == 1:
        result: Tensor = _Depthwise.apply(x, weight)
        return result
    return F.conv2d(x, weight, padding=dilation * (kernel - 1) // 2, dilation=dilation, groups=x.shape[1])


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        data = F.conv2d(gradient, weight.flip(2, 3), padding=weight.shape[-1] // 2, groups=x.shape[1])
        return data, _weight_gradient(x, gradient, weight.shape[-1])


def _weight_gradient(x: Tensor, gradient: Tensor, kernel: int) -> Tensor:
    """Return the gradient (C, 1, k, k) of the weight, put together from 3 x 3 parts, each that of a moved x."""
    channels, width = x.shape[1], x.shape[3]
    tiles = -(-kernel // _FAST)
    before = kernel // 2
    after = _FAST * tiles - 1 - before
    # All images below each other in one: rows of it are then moved without a copy.
    tall = _below_each_other(F.pad(x, (before, after, before, after)))
    gradient = _below_each_other(F.pad(gradient, (0, 0, 0, before + after)))[:, :, : tall.shape[2] - before - after]
    part = x.new_empty((channels, 1, _FAST, _FAST))
    columns = []
    for left in range(0, _FAST * tiles, _FAST):
        moved = tall[..., left : left + width + 2].contiguous(memory_format=torch.channels_last)
        rows = [
            _convolution_backward(
                gradient, moved[:, :, top : top + gradient.shape[2] + 2], part,
                None, [1, 1], [0, 0], [1, 1], False, [0, 0], channels, [False, True, False],
            )[1]
            for top in range(0, _FAST * tiles, _FAST)
        ]  # fmt: skip
        columns.append(torch.cat(rows, dim=2))
    return torch.cat(columns, dim=3)[:, :, :kernel, :kernel]


def _below_each_other(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1).flatten(0, 1).unsqueeze(0).permute(0, 3, 1, 2)
