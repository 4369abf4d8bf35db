"""Layers that make maps smaller and larger."""

from collections.abc import Iterator

import torch
from torch import Tensor

from nasdip.baselines.scratch.module import Module, check_batch, check_gradient
from nasdip.errors import NasdipError


class MaxPool2d(Module):
    """The largest value of each square of size x size px: from (N, C, H, W) to (N, C, H / size, W / size).

    Where several values of a square are the largest, the first of them, row by row, gets the gradient.

    Parameters
    ----------
    size : int
        1 or more; NasdipError for others, and in `forward` for sides that are no multiples of it.

    Examples
    --------
    >>> layer = MaxPool2d()
    >>> layer.forward(torch.arange(8.0).reshape(1, 1, 2, 4)).tolist()
    [[[[5.0, 7.0]]]]
    >>> layer.backward(torch.tensor([[[[1.0, 2.0]]]])).tolist()
    [[[[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 2.0]]]]
    """

    def __init__(self, size: int = 2) -> None:
        if size < 1:
            raise NasdipError(f"squares of {size} px cannot be pooled: use 1 or more")
        self.size = size

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return the largest values."""
        check_batch(x, "MaxPool2d")
        if x.shape[2] % self.size or x.shape[3] % self.size:
            sides = f"{x.shape[2]}x{x.shape[3]}"
            raise NasdipError(f"MaxPool2d takes sides that are multiples of {self.size}, not {sides} px")
        self._keep(x)
        return self._largest(x)

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient at the places of the largest values, 0 elsewhere."""
        x = self._recall()
        largest = self._largest(x)
        check_gradient(gradient, largest.shape, "MaxPool2d")
        result = torch.empty_like(x)
        free = torch.ones_like(largest, dtype=torch.bool)
        for values, into in zip(self._places(x), self._places(result), strict=True):
            chosen = (values == largest).logical_and_(free)
            free.logical_xor_(chosen)
            torch.mul(gradient, chosen, out=into)
        return result

    def _largest(self, x: Tensor) -> Tensor:
        first, *others = self._places(x)
        result = first.clone()
        for values in others:
            torch.maximum(result, values, out=result)
        return result

    def _places(self, x: Tensor) -> Iterator[Tensor]:
        """Yield for each place in a square a view of the values there."""
        for row in range(self.size):
            for column in range(self.size):
                yield x[:, :, row :: self.size, column :: self.size]


class Upsample2d(Module):
    """Nearest upsampling, each value becomes a square of 2x2 px: from (N, C, H, W) to (N, C, 2 H, 2 W).

    Examples
    --------
    >>> Upsample2d().forward(torch.tensor([[[[1.0, 2.0]]]])).tolist()
    [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return the larger maps."""
        check_batch(x, "Upsample2d")
        self._keep(x)
        images, channels, height, width = x.shape
        squares = x[:, :, :, None, :, None].expand(images, channels, height, 2, width, 2)
        return squares.reshape(images, channels, 2 * height, 2 * width)

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> Tensor:
        """Return the sums of the squares."""
        images, channels, height, width = self._recall().shape
        check_gradient(gradient, torch.Size((images, channels, 2 * height, 2 * width)), "Upsample2d")
        rows = gradient[:, :, ::2] + gradient[:, :, 1::2]
        return rows[..., ::2] + rows[..., 1::2]
