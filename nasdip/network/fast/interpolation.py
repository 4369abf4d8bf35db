"""Bilinear and bicubic x2 upsampling by depthwise convolutions, where torch's own operations are slow on processors."""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# What a pixel of the small map gives to those of the large one around it, in one direction.
_BILINEAR = (0.25, 0.75, 0.75, 0.25)
# Keys' cubic (A = -3/4) at the distances 7/4, 5/4, 3/4 and 1/4.
_BICUBIC = (-9 / 256, -27 / 256, 67 / 256, 225 / 256, 225 / 256, 67 / 256, -27 / 256, -9 / 256)
# Pixels that a cubic reaches over the border of the small map, where the outermost is repeated.
_REACH = 2

_replicate_backward = torch.ops.aten.replication_pad2d_backward


def upsampled(x: Tensor, module: nn.Module) -> Tensor:
    """Return what a module that doubles height and width makes of x."""
    mode = module.mode if isinstance(module, nn.Upsample) else None
    if mode == "bilinear":
        return bilinear(x)
    if mode == "bicubic" and x.device.type == "cpu":
        return bicubic(x)
    result: Tensor = module(x)
    return result


def bilinear(x: Tensor) -> Tensor:
    """Return x (N, C, H, W) at twice its height and width, as `torch.nn.Upsample` in mode bilinear."""
    result: Tensor = _Bilinear.apply(x)
    return result


def bicubic(x: Tensor) -> Tensor:
    """Return x (N, C, H, W) at twice its height and width, as `torch.nn.Upsample` in mode bicubic."""
    result: Tensor = _Bicubic.apply(x)
    return result


@cache
def _kernel(taps: tuple[float, ...], channels: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    line = torch.tensor(taps, dtype=dtype, device=device)
    return torch.outer(line, line).expand(channels, 1, -1, -1).contiguous()


class _Bilinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # A pixel reaches 4 x 4 of the large map; beyond the border it stands for its neighbour outside.
        kernel = _kernel(_BILINEAR, gradient.shape[1], gradient.dtype, gradient.device)
        return F.conv2d(F.pad(gradient, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=gradient.shape[1])


class _Bicubic(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        dtype = torch.promote_types(x.dtype, torch.float32)  # bfloat16 is slow in what follows
        kernel = _kernel(_BICUBIC, x.shape[1], dtype, x.device)
        padded = F.pad(x.to(dtype), (_REACH,) * 4, mode="replicate")
        large = F.conv_transpose2d(padded, kernel, stride=2, padding=_beyond(kernel), groups=x.shape[1])
        return large.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        kernel = _kernel(_BICUBIC, gradient.shape[1], gradient.dtype, gradient.device)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_padded = F.conv2d(gradient, kernel, stride=2, padding=_beyond(kernel), groups=gradient.shape[1])
        shaped = torch.empty(  # nothing but its shape and format counts
            ctx.shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last
        )
        result: Tensor = _replicate_backward(of_padded, shaped, [_REACH] * 4)
        return result


def _beyond(kernel: Tensor) -> int:
    """Return the pixels of the large map that the padded small one reaches beyond it, on each side."""
    return 2 * _REACH + kernel.shape[-1] // 2 - 1
