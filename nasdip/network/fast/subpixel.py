"""A convolution after nearest x2 upsampling, evaluated before it.

A k x k kernel on a map whose pixels were doubled touches each of them several times. Every one of the four phases of
the output (even and odd rows and columns) is a convolution of the small map with fewer, summed taps: 2 instead of 3 in
each direction, 3 instead of 5, 4 instead of 7 (Shi et al., "Is the deconvolution layer the same as a convolutional
layer?", 2016, read backwards). Zero padding of the large map is zero padding of the small one.
"""

from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nasdip.network.fast.convolution import convolution


class Phases(NamedTuple):
    """How a kernel's taps fall on the small map, in one direction.

    Attributes
    ----------
    taps : tuple
        taps[a][o] lists the kernel's taps that fall on offset starts[a] + o of the small map, for output parity a.
    starts : tuple of int
        The first offset of each parity.
    size : int
        Offsets of a parity: the size of the summed kernel.
    """

    taps: tuple[tuple[tuple[int, ...], ...], ...]
    starts: tuple[int, int]
    size: int

    @property
    def pays(self) -> bool:
        """Whether it takes fewer multiplications."""
        return self.size < sum(map(len, self.taps[0]))

    @property
    def collapses(self) -> bool:
        """Whether both parities are the same: the output is a small map whose pixels are doubled."""
        return self.taps[0] == self.taps[1] and self.starts[0] == self.starts[1]

    @property
    def margin(self) -> int:
        """Zero padding of the small map."""
        return -min(self.starts)


@cache
def phases_of(kernel: int, dilation: int) -> Phases:
    """Return the phases of a centred kernel ("same" padding).

    Examples
    --------
    >>> [phases_of(k, 1).size for k in (1, 3, 5, 7)]
    [1, 2, 3, 4]
    >>> phases_of(3, 2).collapses, phases_of(3, 3).pays
    (True, False)
    """
    padding = dilation * (kernel - 1) // 2
    offsets = [[(parity + dilation * tap - padding) // 2 for tap in range(kernel)] for parity in (0, 1)]
    starts = min(offsets[0]), min(offsets[1])
    size = max(max(row) - min(row) + 1 for row in offsets)
    taps = tuple(
        tuple(tuple(t for t in range(kernel) if offsets[a][t] == starts[a] + o) for o in range(size)) for a in (0, 1)
    )
    return Phases(taps, starts, size)


@cache
def _matrix(phases: Phases, kernel: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the 0/1 matrix (2, size, kernel) that sums taps."""
    matrix = torch.zeros(2, phases.size, kernel, dtype=dtype, device=device)
    for parity, row in enumerate(phases.taps):
        for offset, taps in enumerate(row):
            for tap in taps:
                matrix[parity, offset, tap] = 1
    return matrix


def phase_kernels(weight: Tensor, phases: Phases) -> Tensor:
    """Return the kernels (4 * C_out, C_in, size, size) of all phases of a weight (C_out, C_in, k, k).

    Their order is even and odd rows, in each even and odd columns.
    """
    matrix = _matrix(phases, weight.shape[-1], weight.dtype, weight.device)
    rows = torch.einsum("aot,citu->aciou", matrix, weight)
    kernels = torch.einsum("bpu,aciou->abciop", matrix, rows)
    return kernels.reshape(-1, *kernels.shape[3:])


def phase_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, phases: Phases) -> Tensor:
    """Return the four phases (N, 4 * C_out, H', W') of the convolution of x (N, C_in, H, W), doubled.

    `interleave` puts them together. Where the parities start at different offsets, H' = H + 1 and W' = W + 1.
    """
    repeated = None if bias is None else bias.repeat(4)
    return convolution(x, phase_kernels(weight, phases), repeated, phases.margin)


def interleave(maps: Tensor, phases: Phases) -> Tensor:
    """Return the large map (N, C, 2H, 2W), channels last, of which `maps` (N, 4C, H', W') are the phases."""
    first = min(phases.starts)
    result: Tensor = _Interleave.apply(maps, phases.starts[0] - first, phases.starts[1] - first)
    return result


class _Interleave(torch.autograd.Function):
    """Copies between phases, which lie at offsets `even` and `odd` of their maps, and a large map."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, even: int, odd: int) -> Tensor:
        ctx.offsets, ctx.shape = (even, odd), maps.shape
        number, channels, height, width = maps.shape
        cut = max(even, odd)
        ctx.small = height - cut, width - cut
        large = maps.new_empty((number, 2 * ctx.small[0], 2 * ctx.small[1], channels // 4))
        for part, phase in _Interleave._pairs(large, maps.permute(0, 2, 3, 1), ctx):
            part.copy_(phase)
        return large.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        number, channels, height, width = ctx.shape
        make = gradient.new_zeros if max(ctx.offsets) else gradient.new_empty
        maps = make((number, height, width, channels))
        for part, phase in _Interleave._pairs(gradient.permute(0, 2, 3, 1), maps, ctx):
            phase.copy_(part)
        return maps.permute(0, 3, 1, 2), None, None

    @staticmethod
    def _pairs(large: Tensor, maps: Tensor, ctx: Any) -> list[tuple[Tensor, Tensor]]:
        (height, width), channels = ctx.small, maps.shape[3] // 4
        pairs = []
        for a, top in enumerate(ctx.offsets):
            for b, left in enumerate(ctx.offsets):
                phase = slice((2 * a + b) * channels, (2 * a + b + 1) * channels)
                pairs.append((large[:, a::2, b::2], maps[:, top : top + height, left : left + width, phase]))
        return pairs
