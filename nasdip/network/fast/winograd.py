"""3x3 convolution on processors by Winograd's minimal filtering: 36 products instead of 144 for 16 pixels.

Input tiles of 6x6 px overlap by 2; each, and each kernel, is transformed to 36 values whose products, summed over the
input channels (36 matrix products), are transformed to 4x4 px of output (Lavin and Gray, "Fast algorithms for
convolutional neural networks", CVPR 2016, F(4x4, 3x3)). The polynomials are interpolated at 0, +-3/4, +-3/2 and
infinity, where rounding errors are a third of those at the usual 0, +-1, +-2. Strips of tiles are taken through all
stages one after the other, so that what is between them stays in the cache.
"""

from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

_POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
_TAPS, _OUT = 3, 4
_IN = _TAPS + _OUT - 1
# Values of a strip's transformed maps: about 3 MiB in float32.
STRIP = 3 * 2**18
# From so many tiles and channels (fewer of one kind, product of both) on it is faster than the direct convolution.
LEAST_TILES, LEAST_CHANNELS, LEAST_PRODUCT = 64, 32, 2**13


def suits(number: int, height: int, width: int, weight: Tensor) -> bool:
    """Whether `winograd` can be used for an output of that size, and is faster.

    A rule on sizes alone, so that the same fit takes the same way every time. In bfloat16 the transforms would round
    too much.
    """
    outputs, inputs, *taps = weight.shape
    can = taps == [_TAPS, _TAPS] and height % _OUT == 0 and width % _OUT == 0
    enough = number * height * width >= LEAST_TILES * _OUT**2 and outputs * inputs >= LEAST_PRODUCT
    return can and enough and min(outputs, inputs) >= LEAST_CHANNELS


def winograd(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the convolution (N, K, H, W) of the padded x (N, C, H + 2, W + 2) with weight (K, C, 3, 3).

    H and W are multiples of 4.
    """
    result: Tensor = _Winograd.apply(x, weight, bias)
    return result


class _Transforms(NamedTuple):
    """Matrices of the transforms of tiles in two dimensions, flattened."""

    output: Tensor  # (16, 36)
    kernel: Tensor  # (36, 9)
    input: Tensor  # (36, 36)


@cache
def _transforms(dtype: torch.dtype) -> _Transforms:
    """Return the transposed Toom-Cook algorithm: products of polynomials, evaluated at the points."""

    def evaluation(coefficients: int) -> Tensor:
        matrix = torch.zeros(_IN, coefficients, dtype=torch.float64)
        for row, point in enumerate(_POINTS):
            matrix[row] = torch.tensor([point**power for power in range(coefficients)])
        matrix[-1, -1] = 1  # at infinity
        return matrix

    one_way = evaluation(_OUT).T, evaluation(_TAPS), torch.linalg.inv(evaluation(_IN)).T
    return _Transforms(*(torch.kron(matrix, matrix).to(dtype) for matrix in one_way))


class _Strip(NamedTuple):
    """Rows of tiles of one image."""

    image: int
    top: int
    rows: int


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        x = x.permute(0, 2, 3, 1).contiguous()
        transforms = _transforms(x.dtype)
        kernels = _kernels(weight, transforms).transpose(1, 2)
        shape = len(x), len(weight), x.shape[1] - 2, x.shape[2] - 2
        result = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        result_last = result.permute(0, 2, 3, 1)
        for strip in _strips(x, len(weight)):
            products = torch.bmm(_inputs(x, strip, transforms).transpose(0, 1), kernels)
            outputs = _apply(transforms.output, products.transpose(0, 1))
            if bias is not None:
                outputs += bias
            _outputs(result_last, strip).copy_(outputs.view(strip.rows, -1, _OUT, _OUT, len(weight)))
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        x, gradient = x.permute(0, 2, 3, 1).contiguous(), gradient.permute(0, 2, 3, 1).contiguous()
        transforms = _transforms(x.dtype)
        kernels = _kernels(weight, transforms)
        of_kernels, of_x = torch.zeros_like(kernels), torch.empty_like(x)
        of_x[:, -2:] = 0
        of_x[:, :, -2:] = 0
        # From the bottom up: a strip writes its own rows, and adds to the first two of the strip below.
        for strip in reversed(_strips(x, len(weight))):
            of_outputs = _outputs(gradient, strip).reshape(-1, _OUT**2, len(weight))
            of_products = _apply(transforms.output.T, of_outputs).transpose(0, 1)
            of_kernels.baddbmm_(of_products.transpose(1, 2), _inputs(x, strip, transforms).transpose(0, 1))
            of_inputs = _apply(transforms.input.T, torch.bmm(of_products, kernels).transpose(0, 1))
            _put_together(of_x, strip, of_inputs)
        of_weight = _apply(transforms.kernel.T, of_kernels.transpose(0, 1))
        return (
            of_x.permute(0, 3, 1, 2),
            of_weight.unflatten(1, (_TAPS, _TAPS)).permute(0, 3, 1, 2),
            gradient.sum((0, 1, 2)) if ctx.has_bias else None,
        )


def _strips(x: Tensor, outputs: int) -> list[_Strip]:
    number, height, width, channels = x.shape
    down, across = (height - 2) // _OUT, (width - 2) // _OUT
    rows = max(1, STRIP // (_IN**2 * across * max(channels, outputs)))
    return [_Strip(image, top, min(rows, down - top)) for image in range(number) for top in range(0, down, rows)]


def _apply(transform: Tensor, tiles: Tensor) -> Tensor:
    """Return transform (a, b) times each of tiles (T, b, C)."""
    return torch.bmm(transform.expand(len(tiles), -1, -1), tiles)


def _kernels(weight: Tensor, transforms: _Transforms) -> Tensor:
    """Return the transformed kernels (36, K, C)."""
    taps = weight.permute(0, 2, 3, 1).reshape(len(weight), _TAPS**2, -1)
    return _apply(transforms.kernel, taps).transpose(0, 1).contiguous()


def _inputs(x: Tensor, strip: _Strip, transforms: _Transforms) -> Tensor:
    """Return the transformed input tiles (T, 36, C) of a strip."""
    tiles = _tiles(x, strip, 0, _IN, 0, _IN).permute(0, 2, 1, 3, 4)
    return _apply(transforms.input, tiles.reshape(-1, _IN**2, x.shape[3]))


def _tiles(x: Tensor, strip: _Strip, top: int, rows: int, left: int, columns: int) -> Tensor:
    """Return a view (tile rows, rows, tile columns, columns, C) of the same part of each input tile of a strip."""
    _, height, width, channels = x.shape
    row = width * channels
    start = (strip.image * height + _OUT * strip.top + top) * row + left * channels
    return x.as_strided(
        (strip.rows, rows, (width - 2) // _OUT, columns, channels),
        (_OUT * row, row, _OUT * channels, channels, 1),
        x.storage_offset() + start,
    )


def _outputs(y: Tensor, strip: _Strip) -> Tensor:
    """Return a view (tile rows, tile columns, 4, 4, K) of the output pixels of a strip in y (N, H, W, K)."""
    rows = y[strip.image, _OUT * strip.top : _OUT * (strip.top + strip.rows)]
    return rows.unflatten(0, (strip.rows, _OUT)).unflatten(2, (-1, _OUT)).permute(0, 2, 1, 3, 4)


def _put_together(x: Tensor, strip: _Strip, tiles: Tensor) -> None:
    """Write the sum of the overlapping tiles (T, 36, C) of a strip to x, adding where lower strips have written."""
    parts = tiles.view(strip.rows, -1, _IN, _IN, x.shape[3]).permute(0, 2, 1, 3, 4)
    _tiles(x, strip, 0, _OUT, 0, _OUT).copy_(parts[:, :_OUT, :, :_OUT])
    over = _IN - _OUT
    for top, rows, left, columns in ((0, _OUT, _OUT, over), (_OUT, over, 0, _OUT), (_OUT, over, _OUT, over)):
        _tiles(x, strip, top, rows, left, columns).add_(parts[:, top : top + rows, :, left : left + columns])
