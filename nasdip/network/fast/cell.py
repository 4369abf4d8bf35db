"""The upsampling cell, evaluated where it costs least."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasdip.network.fast.activation import leaky_sum
from nasdip.network.fast.convolution import convolution
from nasdip.network.fast.depthwise import depthwise
from nasdip.network.fast.interpolation import upsampled
from nasdip.network.fast.subpixel import interleave, phase_convolution, phases_of
from nasdip.network.fast.sums import sum_of_groups, total
from nasdip.network.plain.blocks import Block
from nasdip.network.plain.operations import SplitSum
from nasdip.space.cell import UpsamplingCell

_INTERPOLATIONS = ("bilinear", "bicubic", "nearest")
# What is known of operations here holds for these alone; a cell with any other is evaluated as it stands.
_KNOWN = {
    *_INTERPOLATIONS, "pixel-shuffle", "pixel-shuffle-last", "transposed", "conv", "transposed-conv", "split-sum",
    "separable", "depthwise", "identity", "none", "relu", "leaky-relu", "selu", "prelu",
}  # fmt: skip


def is_linear(cell: UpsamplingCell) -> bool:
    """Whether the cell of a sum is the sum of cells, but for biases."""
    return cell.activation == "none" and is_known(cell)


def is_known(cell: UpsamplingCell) -> bool:
    """Whether all operations of a cell are known here."""
    return {cell.spatial, cell.channel, cell.activation} <= _KNOWN


class ExactCell:
    """The function of an upsampling `block`, in three parts.

    `reduce` is applied pixel by pixel (the first activation, the sum of channel groups); `inner` holds the weights;
    `assemble` has none, is linear, and brings the map to its full size::

        block(x) = assemble(inner(reduce(x)))

    So sums of cells of one kind are assembled once, and `reduce` comes before an `assemble` that only moves pixels.

    Attributes
    ----------
    moves_pixels : bool
        Whether reduce(assemble(u)) = assemble(reduce(u, copies)).
    copies : int
        How many maps lie one after the other in the channels of what `inner` returns.
    """

    def __init__(self, block: Block, cell: UpsamplingCell) -> None:
        self._cell = cell
        self._block = block
        self.copies = 1
        self.moves_pixels = False
        self._reduce: tuple[bool, bool] = (False, False)  # first activation, sum of groups
        self._last: nn.Module | None = None  # the activation behind the weights
        self._weigh: Callable[[Tensor, Tensor | None], Tensor] = self._whole
        self.assemble: Callable[[Tensor], Tensor] = _same
        if is_known(cell):
            self._take_apart()
            self._plan()

    def _take_apart(self) -> None:
        cell, block = self._cell, self._block
        self._phases = phases_of(cell.kernel, cell.dilation)
        parts: Any = block.op
        first = parts[0].op
        second = parts[1].op if len(parts) > 1 else None
        self._first_act: nn.Module | None = first[1] if len(first) > 1 else None
        self._second_act: nn.Module | None = second[1] if second is not None and len(second) > 1 else None
        spatial, operation = first[0], second[0] if second is not None else None
        if cell.channel_first:
            spatial, operation = operation, spatial
        self._spatial: Any = spatial
        self._groups = operation.groups if isinstance(operation, SplitSum) else 1
        self._operation: Any = operation.op[0] if isinstance(operation, SplitSum) else operation
        self._last = self._second_act

    def __call__(self, x: Tensor) -> Tensor:
        """Map x (N, C, H, W) to (N, C, 2H, 2W)."""
        return self.assemble(self.inner(self.reduce(x)))

    def reduce(self, x: Tensor, copies: int = 1) -> Tensor:
        """Apply the pixelwise part to x, or to `copies` maps in its channels."""
        activate, add = self._reduce
        if activate:
            x = _activation(self._first_act, x)
        if add and self._groups > 1:
            x = sum_of_groups(x, self._groups, copies)
        return x

    def inner(self, x: Tensor, more: Tensor | None = None) -> Tensor:
        """Apply the part with weights; `more` (N, 1, 1, 1) is how many biases are added to each map beside its own."""
        return _activate(self._last, self._weigh(x, more))

    def summed(self, x: Tensor, more: Tensor | None, images: int) -> Tensor:
        """Return the sum over all maps of inner(x, more), for x (maps * images, C, H, W)."""
        y = self._weigh(x, more)
        if isinstance(self._last, nn.LeakyReLU) and len(y) > images:
            return leaky_sum(y, self._last.negative_slope, images)
        return total(_activate(self._last, y).split(images))

    def _plan(self) -> None:
        cell, phases = self._cell, self._phases
        is_interpolation = cell.spatial in _INTERPOLATIONS
        if is_interpolation and (is_linear(cell) or cell.spatial == "nearest"):
            # Interpolation commutes with sums of channels, and with weights of one pixel: its own sum to 1, so that
            # biases pass as well. Doubling pixels commutes with activations and even dilations too.
            self._reduce, self.moves_pixels = (True, True), cell.spatial == "nearest"
            doubles = cell.spatial == "nearest"
            if self._operation is None or cell.kernel == 1 or (doubles and phases.collapses):
                self._weigh, self.assemble = self._small, self._interpolate
            elif doubles and phases.pays and cell.channel in ("conv", "transposed-conv", "split-sum"):
                self._weigh, self.assemble, self.copies = self._phased, partial(interleave, phases=phases), 4
            else:
                self._weigh, self.assemble = self._interpolated, _same
        elif cell.spatial == "pixel-shuffle-last":
            self._reduce, self._weigh, self.assemble = (False, True), self._channel_first, self._spatial
            if isinstance(self._first_act, (nn.ReLU, nn.LeakyReLU)):  # nothing but a move of pixels is between the two
                self._last = _twice(self._first_act)
                self._first_act = None
        else:
            self._weigh, self.assemble = self._plain, _same
            if self._operation is None:
                self._first_act, self._last = None, self._first_act

    def _whole(self, x: Tensor, more: Tensor | None) -> Tensor:
        """Apply the block as it stands, in the precision of its weights."""
        result: Tensor = self._block(x.to(_type_of(self._block, x)))
        return result.to(x.dtype)

    def _small(self, x: Tensor, more: Tensor | None) -> Tensor:
        """Apply the channel operation to the small map, its dilation halved."""
        if self._operation is None:
            return x
        return self._operate(x, max(1, self._cell.dilation // 2), more)

    def _phased(self, x: Tensor, more: Tensor | None) -> Tensor:
        weight, bias = _as_convolution(self._operation, x.dtype)
        y = phase_convolution(x, weight, bias, self._phases)
        return y if bias is None else _with_bias(y, bias.repeat(4), more)

    def _interpolated(self, x: Tensor, more: Tensor | None) -> Tensor:
        """Interpolate, then convolve; the first activation and the sum of groups are done already."""
        return self._operate(self._interpolate(x), self._cell.dilation, more)

    def _channel_first(self, x: Tensor, more: Tensor | None) -> Tensor:
        return _activate(self._first_act, self._operate(x, self._cell.dilation, more))

    def _plain(self, x: Tensor, more: Tensor | None) -> Tensor:
        x = self._interpolate(x)
        if isinstance(self._spatial, nn.ConvTranspose2d):
            x = _with_bias(x, self._spatial.bias, more)
        x = _activate(self._first_act, x)
        if self._operation is None:
            return x
        if self._groups > 1:
            x = sum_of_groups(x, self._groups)
        return self._operate(x, self._cell.dilation, more)

    def _interpolate(self, x: Tensor) -> Tensor:
        if isinstance(self._spatial, nn.ConvTranspose2d):
            part: Any = self._spatial
            weight, bias = part.weight.to(x.dtype), None if part.bias is None else part.bias.to(x.dtype)
            return F.conv_transpose2d(
                x, weight, bias, part.stride, part.padding, part.output_padding, part.groups, part.dilation
            )  # fmt: skip
        return upsampled(x, self._spatial)

    def _operate(self, x: Tensor, dilation: int, more: Tensor | None) -> Tensor:
        """Apply the channel operation, without its sum of groups."""
        if isinstance(self._operation, nn.Sequential):  # separable
            return _convolve(_convolve(x, self._operation[0], dilation, None), self._operation[1], 1, None)
        return _convolve(x, self._operation, dilation, more)


def _type_of(block: Block, x: Tensor) -> torch.dtype:
    return next((parameter.dtype for parameter in block.parameters()), x.dtype)


def _twice(activation: nn.ReLU | nn.LeakyReLU) -> nn.Module:
    return nn.LeakyReLU(activation.negative_slope**2) if isinstance(activation, nn.LeakyReLU) else activation


def _activate(activation: nn.Module | None, x: Tensor) -> Tensor:
    """Apply an activation to a fresh result, in place where that is possible."""
    if isinstance(activation, nn.ReLU):
        return F.relu_(x)
    if isinstance(activation, nn.LeakyReLU):
        return F.leaky_relu_(x, activation.negative_slope)
    return _activation(activation, x)


def _activation(activation: nn.Module | None, x: Tensor) -> Tensor:
    if isinstance(activation, nn.PReLU):
        return F.prelu(x, activation.weight.to(x.dtype))
    result: Tensor = x if activation is None else activation(x)
    return result


def _same(x: Tensor) -> Tensor:
    return x


def _convolve(x: Tensor, module: nn.Module | None, dilation: int, more: Tensor | None) -> Tensor:
    weight, bias = _as_convolution(module, x.dtype)
    if weight.shape[1] == 1 and x.shape[1] == weight.shape[0] > 1:
        return depthwise(x, weight, dilation)  # without bias
    groups, padding = x.shape[1] // weight.shape[1], dilation * (weight.shape[-1] - 1) // 2
    if groups == dilation == 1:
        y = convolution(x, weight, bias, padding)
    else:
        y = F.conv2d(x, weight, bias, padding=padding, dilation=dilation, groups=groups)
    return _with_bias(y, bias, more)


def _with_bias(y: Tensor, bias: Tensor | None, more: Tensor | None) -> Tensor:
    return y if more is None or bias is None else y + more * bias.view(-1, 1, 1)


def _as_convolution(module: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    """Return kernel (C_out, C_in, k, k) and bias of a convolution, or of a transposed one of stride 1."""
    weight, bias = module.weight.to(dtype), None if module.bias is None else module.bias.to(dtype)
    return (weight.transpose(0, 1).flip(2, 3) if isinstance(module, nn.ConvTranspose2d) else weight), bias
