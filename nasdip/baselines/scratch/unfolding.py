"""Convolution of batches and its gradients as products of matrices, part by part of a batch.

Whoever unfolds all k x k taps of a large map moves nine times as many values as there are, and waits for memory. Maps
of many channels are kept in memory channel by channel of a pixel (torch's channels-last), and unfolded along their rows
alone: k neighbouring pixels lie one after another, so that whole runs of k C values are copied. Further rows of taps
are the same columns, shifted by whole rows, which costs nothing. Maps of few channels are unfolded in all taps; for
few outputs nothing is unfolded: the products of each tap are folded, that is shifted and added.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

# Values of unfolded maps and results that are worked on at once: with fewer, two threads wait for each other.
PART = 2**21
# Up to so many channels all taps are unfolded, or folded: products of such small matrices cost more than the copies.
FEW_CHANNELS = 8


class Part(NamedTuple):
    """Whole images of a batch, or some rows of one, and their pixels (n, rows + k - 1, W + k - 1, C) with borders."""

    images: slice
    rows: slice
    padded: Tensor

    def of(self, maps: Tensor) -> Tensor:
        """Return a view (n, pixels, C) of this part of contiguous maps (N, H, W, C)."""
        return maps[self.images, self.rows].flatten(1, 2)


def convolve(maps: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the "same" convolution (N, K, H, W) of maps (N, C, H, W) with kernels (K, C, k, k) plus bias (K).

    ``y[n, f, p] = bias[f] + sum over c, a of kernels[f, c, a] x[n, c, p + a - (k - 1) / 2]``, as neural networks define
    it; k is odd. Beyond the borders lie zeros.
    """
    outputs, inputs, taps, _ = kernels.shape
    if outputs <= FEW_CHANNELS < inputs:
        return _fold(maps, kernels, bias)
    result = maps.new_empty(len(maps), *maps.shape[2:], outputs)
    matrices = kernels.permute(2, 3, 1, 0).reshape(taps, taps * inputs, outputs)
    if inputs <= FEW_CHANNELS:
        matrices = matrices.flatten(0, 1)[None]
    for part, columns in _unfold(maps, taps, outputs):
        into = part.of(result)
        if bias is not None:
            into.copy_(bias)
        for row, (matrix, column) in enumerate(zip(matrices, columns, strict=True)):
            _add_product(into, column, matrix.expand(len(into), -1, -1), first=row == 0 and bias is None)
    return result.permute(0, 3, 1, 2)


def correlate(maps: Tensor, gradient: Tensor, taps: int) -> Tensor:
    """Return the gradient (K, C, k, k) of the kernels that took maps (N, C, H, W) to what has `gradient` (N, K, H, W).

    ``d[f, c, a] = sum over n, p of gradient[n, f, p] x[n, c, p + a - (k - 1) / 2]``.
    """
    channels, outputs = maps.shape[1], gradient.shape[1]
    if outputs < channels:  # the other way round the smaller maps are unfolded, and taps are mirrored
        return correlate(gradient, maps, taps).flip(2, 3).transpose(0, 1)
    of_outputs, sums = _channels_last(gradient), list[Tensor]()
    for part, columns in _unfold(maps, taps, outputs):
        others = part.of(of_outputs)
        if not sums:
            sums = [maps.new_zeros(len(others), column.shape[2], outputs) for column in columns]
        for total, column in zip(sums, columns, strict=True):
            _add_product(total[: len(others)], column.transpose(1, 2), others)
    result = torch.stack([total.sum(0) for total in sums]).view(taps, taps, channels, outputs)
    return result.permute(3, 2, 0, 1).contiguous()


def _unfold(maps: Tensor, taps: int, others: int) -> Iterator[tuple[Part, list[Tensor]]]:
    """Yield each part of the maps (N, C, H, W) with its columns.

    `others` are the channels on the other side of the convolution. The columns are (n, pixels, k k C) for maps of few
    channels, else k of (n, pixels, k C), one for each row of taps.
    """
    few, channels = maps.shape[1] <= FEW_CHANNELS, maps.shape[1]
    values = taps * channels * (taps if few else 1)
    columns = maps.new_empty(0)
    for part in _parts(maps, taps, values + others, planes=few):
        unfolded = (_in_all_taps if few else _in_rows_of_taps)(part.padded, taps)
        if columns.shape != unfolded.shape:
            columns = maps.new_empty(unfolded.shape)
        columns.copy_(unfolded)
        if few:
            yield part, [columns.view(len(columns), values, -1).transpose(1, 2)]
        else:
            rows, width = columns.flatten(1, 2).flatten(2), columns.shape[2]
            pixels = rows.shape[1] - (taps - 1) * width
            yield part, [rows[:, i * width : i * width + pixels] for i in range(taps)]


def _in_all_taps(padded: Tensor, taps: int) -> Tensor:
    """Return a view (n, k, k, C, H, W) of padded pixels (n, H + k - 1, W + k - 1, C)."""
    images, tall, wide, channels = padded.shape
    of_image, down, right, of_channel = padded.stride()
    size = images, taps, taps, channels, tall - taps + 1, wide - taps + 1
    return padded.as_strided(size, (of_image, down, right, of_channel, down, right))


def _in_rows_of_taps(padded: Tensor, taps: int) -> Tensor:
    """Return a view (n, H + k - 1, W, k, C) of padded pixels (n, H + k - 1, W + k - 1, C)."""
    images, tall, wide, channels = padded.shape
    of_image, down, right, of_channel = padded.stride()
    return padded.as_strided(
        (images, tall, wide - taps + 1, taps, channels), (of_image, down, right, right, of_channel)
    )


def _parts(maps: Tensor, taps: int, values: int, *, planes: bool) -> Iterator[Part]:
    """Yield the parts of maps (N, C, H, W), with `values` for each pixel; with `planes`, channels lie apart in memory.

    The pixels of a part count until the next one.
    """
    pixels = (maps.contiguous().permute(0, 2, 3, 1)) if planes else _channels_last(maps)
    images, height, width, channels = pixels.shape
    reach = taps // 2
    rows = min(height, max(1, PART // (width * values)))
    together = min(images, max(1, PART // (height * width * values))) if rows == height else 1
    size = (channels, rows + 2 * reach, width + 2 * reach)
    buffer = maps.new_zeros(together, *(size if planes else (*size[1:], channels)))
    padded = buffer.permute(0, 2, 3, 1) if planes else buffer
    for first in range(0, images, together):
        some = slice(first, min(images, first + together))
        for top in range(0, height, rows):
            band = slice(top, min(height, top + rows))
            part = padded[: some.stop - first, : band.stop - top + 2 * reach]
            low, high = max(0, top - reach), min(height, band.stop + reach)
            part[:, : low - top + reach] = 0  # which may hold another part's pixels
            part[:, high - top + reach :] = 0
            part[:, low - top + reach : high - top + reach, reach : reach + width] = pixels[some, low:high]
            yield Part(some, band, part)


def _fold(maps: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    """Return what `convolve` does: the products of the maps with each tap first, then their sum, each shifted."""
    outputs, inputs, taps, _ = kernels.shape
    images, (height, width) = len(maps), maps.shape[2:]
    result = maps.new_zeros(images, outputs, height, width)
    if bias is not None:
        result += bias[:, None, None]
    matrix = kernels.permute(2, 3, 0, 1).reshape(-1, inputs)
    pixels = _channels_last(maps).flatten(1, 2).transpose(1, 2)  # (N, C, pixels)
    together = max(1, PART // (height * width * len(matrix)))
    for first in range(0, images, together):
        part = pixels[first : first + together]
        products = part.new_empty(len(part), len(matrix), height * width)
        _add_product(products, matrix.expand(len(part), -1, -1), part, first=True)
        of_taps = products.view(len(part), taps, taps, outputs, height, width)
        for down in range(taps):
            for right in range(taps):
                shift = down - taps // 2, right - taps // 2
                _add_shifted(result[first : first + together], of_taps[:, down, right], *shift)
    return result


def _add_shifted(total: Tensor, maps: Tensor, down: int, right: int) -> None:
    """Add to each pixel of (N, C, H, W) what other maps hold so many px below and to the right, zeros beyond them."""
    (into_rows, of_rows), (into_columns, of_columns) = (
        (slice(max(0, -by), side - max(0, by)), slice(max(0, by), side - max(0, -by)))
        for side, by in zip(total.shape[2:], (down, right), strict=True)
    )
    total[:, :, into_rows, into_columns] += maps[:, :, of_rows, of_columns]


def _channels_last(maps: Tensor) -> Tensor:
    """Return maps (N, C, H, W) as contiguous (N, H, W, C): a view where they are so in memory, else a copy."""
    return maps.permute(0, 2, 3, 1).contiguous()


def _add_product(total: Tensor, left: Tensor, right: Tensor, *, first: bool = False) -> None:
    """Add the products of matrices (n, a, b) and (n, b, c) to total (n, a, c); `first` writes them instead."""
    if len(total) == 1:  # all threads for one product, instead of one for each
        total[0].addmm_(left[0], right[0], beta=0 if first else 1)
    else:
        total.baddbmm_(left, right, beta=0 if first else 1)
