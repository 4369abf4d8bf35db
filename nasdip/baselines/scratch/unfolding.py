"""Convolution of batches and its gradients as products of matrices, part by part of a batch.

Whoever unfolds all k x k taps of a large map moves nine times as many values as there are, and waits for memory. Here
a map of many channels is unfolded along its rows alone, into k columns of patches: further rows of taps are the same
columns, shifted by whole rows, which costs nothing. Where images are small, the products are written to the result.
Where there are few outputs nothing is unfolded: the products of each tap are folded, that is shifted and added.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

# Values of unfolded maps and results that are worked on at once, 12 MiB in float32: with fewer, two threads wait for
# each other as long as they work.
PART = 24 * 2**17
# Pixels of a product of matrices; larger ones are slower for each pixel.
BAND_PIXELS = 2**11
# Up to so many channels all taps are unfolded: products of such small matrices cost more than the copies.
FEW_CHANNELS = 8


class Part(NamedTuple):
    """Whole images of a batch, a band each, or several bands of `height` rows of one image."""

    images: slice
    rows: slice
    height: int

    def of(self, maps: Tensor) -> Tensor:
        """Return a view (bands, C, pixels) of this part of contiguous maps (N, C, H, W)."""
        bands = maps[self.images, :, self.rows].unflatten(2, (-1, self.height)).transpose(1, 2)
        return bands.flatten(3).flatten(0, 1)


class Unfolding:
    """The patches of maps that a "same" convolution sees, part by part.

    Parameters
    ----------
    maps : Tensor
        (N, C, H, W); beyond their borders lie zeros.
    taps : int
        Height and width k of the kernels, odd.
    others : int
        Channels of the maps on the other side of the convolution: they share the cache.

    Attributes
    ----------
    together : int
        How many of the k rows of taps are unfolded together: k or 1. The columns of a part hold that many, times the k
        taps of a row, times C values for each pixel; there are k / together such sets of columns.
    """

    def __init__(self, maps: Tensor, taps: int, others: int) -> None:
        self._maps, self._taps = maps, taps
        images, channels, height, width = maps.shape
        self.together = taps if channels <= FEW_CHANNELS else 1
        self._over = taps - self.together
        self._height = _band(height, width)
        values = self.together * taps * channels
        bands = max(1, PART // (self._height * width * (values + others)))
        whole = self._height == height
        self._images, self._rows = (min(images, bands), height) if whole else (1, min(height, bands * self._height))
        self._padded = maps.new_zeros(self._images, channels, self._rows + taps - 1, width + taps - 1)
        # The last row of ones is for the bias.
        bands = self._images * self._rows // self._height
        self._columns = maps.new_ones(bands, values + 1, (self._height + self._over) * width)

    def __iter__(self) -> Iterator[tuple[Part, list[Tensor]]]:
        """Yield each part of the batch with its columns, k / together tensors (bands, together k C + 1, pixels).

        Their last rows are ones.
        """
        images, _, height, width = self._maps.shape
        pixels = self._height * width
        for first in range(0, images, self._images):
            for top in range(0, height, self._rows):
                rows = slice(top, min(height, top + self._rows))
                part = Part(slice(first, min(images, first + self._images)), rows, self._height)
                columns = self._unfold(part)
                yield part, [columns[..., i * width : i * width + pixels] for i in range(self._over + 1)]

    def _unfold(self, part: Part) -> Tensor:
        padded = self._pad(part)
        images, channels, _, width = padded.shape
        bands = (part.rows.stop - part.rows.start) // self._height
        of_image, of_channel, of_row, _ = padded.stride()
        size = self.together, self._taps, channels, self._height + self._over, width - self._taps + 1
        strides = of_image, self._height * of_row, of_row, 1, of_channel, of_row, 1
        columns = self._columns[: images * bands]
        columns[:, :-1].view(images, bands, *size).copy_(padded.as_strided((images, bands, *size), strides))
        return columns

    def _pad(self, part: Part) -> Tensor:
        """Return the part of the maps with what is around it."""
        padded = self._padded[: part.images.stop - part.images.start]
        height, width = self._maps.shape[2:]
        reach = self._taps // 2
        top = part.rows.start - reach
        low, high = max(0, top), min(height, top + padded.shape[2])
        if self._rows < height:  # rows that hold another part's values
            padded[:, :, : low - top] = 0
            padded[:, :, high - top :] = 0
        padded[:, :, low - top : high - top, reach : reach + width] = self._maps[part.images, :, low:high]
        return padded


def _band(height: int, width: int) -> int:
    """Return the height of bands: the largest divisor of the image's for which they have at most `BAND_PIXELS`."""
    return max(
        rows for rows in range(1, height + 1) if height % rows == 0 and (rows == 1 or rows * width <= BAND_PIXELS)
    )


def convolve(maps: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the "same" convolution (N, K, H, W) of maps (N, C, H, W) with kernels (K, C, k, k) plus bias (K).

    ``y[n, f, p] = bias[f] + sum over c, a of kernels[f, c, a] x[n, c, p + a - (k - 1) / 2]``, as neural networks define
    it; k is odd.
    """
    outputs, inputs, taps, _ = kernels.shape
    if outputs <= FEW_CHANNELS < inputs:
        return _fold(maps, kernels, bias)
    unfolding = Unfolding(maps, taps, outputs)
    result = maps.new_empty(len(maps), outputs, *maps.shape[2:])
    matrices = kernels.permute(2, 0, 3, 1).unflatten(0, (-1, unfolding.together)).transpose(1, 2).flatten(2)
    matrices = torch.cat((matrices, matrices.new_zeros(len(matrices), outputs, 1)), dim=2)
    if bias is not None:
        matrices[0, :, -1] = bias
    for part, columns in unfolding:
        into = part.of(result)
        products = into if into.is_contiguous() else torch.empty_like(into, memory_format=torch.contiguous_format)
        for row, (matrix, column) in enumerate(zip(matrices, columns, strict=True)):
            _add_product(products, matrix.expand(len(into), -1, -1), column, first=row == 0)
        if products is not into:
            into.copy_(products)
    return result


def _fold(maps: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    """Return what `convolve` does: the products of the maps with each tap first, then their sum, each shifted."""
    outputs, inputs, taps, _ = kernels.shape
    images, (height, width) = len(maps), maps.shape[2:]
    result = maps.new_zeros(images, outputs, height, width)
    if bias is not None:
        result += bias[:, None, None]
    matrix, pixels = kernels.permute(2, 3, 0, 1).reshape(-1, inputs), maps.flatten(2)
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


def correlate(maps: Tensor, gradient: Tensor, taps: int) -> Tensor:
    """Return the gradient (K, C, k, k) of the kernels that took maps (N, C, H, W) to what has `gradient` (N, K, H, W).

    ``d[f, c, a] = sum over n, p of gradient[n, f, p] x[n, c, p + a - (k - 1) / 2]``.
    """
    if gradient.shape[1] < maps.shape[1]:  # the other way round the smaller maps are unfolded, and taps are mirrored
        return correlate(gradient, maps, taps).flip(2, 3).transpose(0, 1)
    channels, outputs = maps.shape[1], gradient.shape[1]
    unfolding, gradient = Unfolding(maps, taps, outputs), gradient.contiguous()
    sums: list[Tensor] = []
    for part, columns in unfolding:
        others = part.of(gradient)
        if not sums:
            shape = len(others), outputs, unfolding.together * taps * channels
            sums = [maps.new_zeros(shape) for _ in columns]
        for total, column in zip(sums, columns, strict=True):
            _add_product(total[: len(others)], others, column[:, :-1].transpose(1, 2))
    result = torch.stack(sums, 2).sum(0).view(outputs, taps, taps, channels)
    return result.permute(0, 3, 1, 2).contiguous()


def _add_product(total: Tensor, left: Tensor, right: Tensor, *, first: bool = False) -> None:
    """Add the products of matrices (n, a, b) and (n, b, c) to total (n, a, c); `first` writes them instead."""
    if len(total) == 1:  # all threads for one product, instead of one for each
        total[0].addmm_(left[0], right[0], beta=0 if first else 1)
    else:
        total.baddbmm_(left, right, beta=0 if first else 1)
