"""The loss."""

import torch
from torch import Tensor

from nasdip.errors import NasdipError


class MeanSquaredError:
    """The mean of the squared differences of all values of an output and a target.

    Examples
    --------
    >>> loss = MeanSquaredError()
    >>> loss.forward(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    2.0
    >>> loss.backward().tolist()
    [0.0, -2.0]
    """

    _difference: Tensor | None = None

    @torch.no_grad()
    def forward(self, output: Tensor, target: Tensor) -> float:
        """Return the loss of an output and a target of one shape; NasdipError for different ones."""
        if output.shape != target.shape or output.numel() == 0:
            shapes = f"{tuple(output.shape)} and {tuple(target.shape)}"
            raise NasdipError(f"the output and the target have shapes {shapes}: they must be equal, and not empty")
        self._difference = output - target
        return float(self._difference.square().mean())

    @torch.no_grad()
    def backward(self) -> Tensor:
        """Return the gradient by the last output: twice the difference, over the number of values."""
        if self._difference is None:
            raise NasdipError("MeanSquaredError has no output to go back to: call forward first")
        return self._difference * (2 / self._difference.numel())
