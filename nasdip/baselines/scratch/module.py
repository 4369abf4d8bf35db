"""What every layer has, and layers in a row."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from nasdip.errors import NasdipError

# A parameter and its gradient, which `backward` writes in place.
Parameter = tuple[Tensor, Tensor]


class Module(ABC):
    """A layer: a function of a batch, and its derivative."""

    _kept: Tensor | None = None

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output for a batch (N, C, H, W), and keep what `backward` needs."""

    @abstractmethod
    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient of the loss by the last input, and write that by the parameters.

        Parameters
        ----------
        gradient : Tensor
            That by the last output, of its shape.

        Raises
        ------
        NasdipError
            For another shape, or before any `forward`.
        """

    def param(self) -> list[Parameter]:
        """Return the parameters with their gradients; none for most layers."""
        return []

    def _keep(self, value: Tensor) -> None:
        self._kept = value

    def _recall(self) -> Tensor:
        if self._kept is None:
            raise NasdipError(f"{type(self).__name__} has no input to go back to: call forward first")
        return self._kept


class Sequential(Module):
    """Modules, each of which gets the output of the one before.

    Parameters
    ----------
    *modules : Module
        The first gets the input.

    Examples
    --------
    >>> from nasdip.baselines.scratch import ReLU, Upsample2d
    >>> network = Sequential(ReLU(), Upsample2d())
    >>> network.forward(torch.tensor([[[[-1.0, 2.0]]]])).tolist()
    [[[[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]]]]
    >>> network.backward(torch.ones(1, 1, 2, 4)).tolist()
    [[[[0.0, 4.0]]]]
    """

    def __init__(self, *modules: Module) -> None:
        self.modules = modules

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last module."""
        for module in self.modules:
            x = module.forward(x)
        return x

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient by the input of the first module."""
        for module in reversed(self.modules):
            gradient = module.backward(gradient)
        return gradient

    def param(self) -> list[Parameter]:
        """Return the parameters of all modules, in their order."""
        return [pair for module in self.modules for pair in module.param()]


def check_batch(x: Tensor, what: str) -> None:
    """Raise NasdipError unless x is a batch (N, C, H, W) of floats that is not empty; `what` gets it."""
    if x.ndim != 4 or 0 in x.shape:
        raise NasdipError(f"{what} takes a batch (N, C, H, W), not an array of shape {tuple(x.shape)}")
    if not x.is_floating_point():
        raise NasdipError(f"{what} takes floats, not {x.dtype}: divide 8-bit values by 255")


def check_gradient(gradient: Tensor, shape: torch.Size, what: str) -> None:
    """Raise NasdipError unless a gradient has the shape of the output of `what`."""
    if gradient.shape != shape:
        raise NasdipError(f"{what} has put out {tuple(shape)}; a gradient of {tuple(gradient.shape)} is none of it")
