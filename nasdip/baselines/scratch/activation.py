"""Functions of single values between the layers; batches are of any shape."""

import torch
from torch import Tensor

from nasdip.baselines.scratch.module import Module, check_gradient
from nasdip.errors import NasdipError


class ReLU(Module):
    """``max(x, 0)``; its derivative at 0 is taken as 0.

    Examples
    --------
    >>> ReLU().forward(torch.tensor([-2.0, 3.0])).tolist()
    [0.0, 3.0]
    """

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return the values above 0, and 0 for the others."""
        self._keep(x)
        return x.clamp(min=0)

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient where the input was above 0."""
        x = self._recall()
        check_gradient(gradient, x.shape, "ReLU")
        return gradient * (x > 0)


class LeakyReLU(Module):
    """``x`` above 0, ``slope x`` elsewhere; its derivative at 0 is taken as the slope.

    Parameters
    ----------
    slope : float
        In [0, 1); NasdipError for others. 0 makes it ReLU.

    Examples
    --------
    >>> LeakyReLU(0.25).forward(torch.tensor([-2.0, 3.0])).tolist()
    [-0.5, 3.0]
    """

    def __init__(self, slope: float = 0.01) -> None:
        if not 0 <= slope < 1:
            raise NasdipError(f"a slope of {slope} for negative values: use 0 or more, below 1")
        self.slope = slope

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return the values, negative ones times the slope."""
        self._keep(x)
        return torch.maximum(x, self.slope * x)

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient, times the slope where the input was not above 0."""
        x = self._recall()
        check_gradient(gradient, x.shape, "LeakyReLU")
        return torch.where(x > 0, gradient, self.slope * gradient)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``, in (0, 1).

    Examples
    --------
    >>> Sigmoid().forward(torch.tensor([0.0, 1000.0])).tolist()
    [0.5, 1.0]
    """

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return the sigmoid of each value."""
        result = 1 / (1 + torch.exp(-x))
        self._keep(result)
        return result

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient times ``y (1 - y)``, with y the output."""
        y = self._recall()
        check_gradient(gradient, y.shape, "Sigmoid")
        return gradient * y * (1 - y)
