"""Convolution whose gradient of the kernels is a product of matrices, for processors without AVX-512.

There the library's own gradient of the kernels takes several times as long as the convolution, where maps are large
and their channels lie together (`experiments/benchmarks/kernel_gradient.py`).
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_input

# Values of a strip's unfolded maps: about 1.5 MiB in float32.
STRIP = 3 * 2**17
# From so many pixels of output on it is faster than the library's.
LEAST_PIXELS = 2**12


@cache
def lacks_wide_vectors() -> bool:
    """Whether this processor is one for which the library's gradient of the kernels is slow."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2"


def direct(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the convolution (N, K, H, W) of the padded x (N, C, H + k - 1, W + k - 1) with weight (K, C, k, k)."""
    result: Tensor = _Direct.apply(x.contiguous(memory_format=torch.channels_last), weight, bias)
    return result


class _Direct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_x = conv2d_input(x.shape, weight, gradient) if for_x else None
        of_weight = kernel_gradient(x, gradient) if for_weight else None
        return of_x, of_weight, gradient.sum((0, 2, 3)) if for_bias else None


def kernel_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient (K, C, k, k) of the kernels of a convolution of x, padded, by that of its output.

    Both are channels-last. The pixels of all rows are one sequence, along which a tap is a shift: with as many zeros at
    the ends of the gradient's rows as x is wider, each row of taps is one product of matrices.
    """
    outputs, channels, width = gradient.shape[1], x.shape[1], x.shape[3]
    taps = width - gradient.shape[3] + 1
    sums = torch.zeros(taps, outputs, taps * channels, dtype=x.dtype)
    rows = max(1, STRIP // (taps * channels * width))
    for image, of_image in zip(x.permute(0, 2, 3, 1), gradient.permute(0, 2, 3, 1), strict=True):
        pixels = image.reshape(-1, channels)
        of_pixels = F.pad(of_image, (0, 0, 0, taps - 1)).view(-1, outputs)
        # Of the last pixels no row of taps is whole; what would be their gradient is 0.
        whole = len(pixels) - (taps - 1)
        unfolded = pixels.as_strided((whole, taps * channels), (channels, 1), pixels.storage_offset())
        for start in range(0, len(of_pixels), rows * width):
            part = of_pixels[start : start + rows * width].T
            across = unfolded[start : start + (rows + taps - 1) * width].contiguous()
            for row in range(taps):
                shifted = across[row * width : row * width + part.shape[1]]
                sums[row].addmm_(part[:, : len(shifted)], shifted)
    return sums.view(taps, outputs, taps, channels).permute(1, 3, 0, 2)
