"""The optimiser."""

import math
from collections.abc import Sequence

import torch

from nasdip.baselines.scratch.module import Parameter
from nasdip.errors import NasdipError


class SGD:
    """Gradient descent; stochastic, since each step sees a batch alone.

    ``v <- momentum v + g`` and ``p <- p - learning_rate v``, with g the gradient of the parameter p and v = 0 at first.

    Parameters
    ----------
    parameters : sequence of (Tensor, Tensor)
        Parameters with the gradients that `backward` writes, as `Module.param` returns them.
    learning_rate : float
        Above 0; larger = larger steps.
    momentum : float
        Weight of the past steps, in [0, 1); 0 is plain gradient descent.

    Raises
    ------
    NasdipError
        For numbers out of range.

    Attributes
    ----------
    velocities : list of Tensor
        v of each parameter; none without momentum.

    Examples
    --------
    >>> parameter, gradient = torch.tensor([1.0]), torch.tensor([2.0])
    >>> SGD([(parameter, gradient)], learning_rate=0.25).step()
    >>> parameter.tolist()
    [0.5]
    """

    def __init__(self, parameters: Sequence[Parameter], learning_rate: float, *, momentum: float = 0.0) -> None:
        if not 0 < learning_rate < math.inf:
            raise NasdipError(f"a learning rate of {learning_rate} teaches nothing: use a number above 0")
        if not 0 <= momentum < 1:
            raise NasdipError(f"a momentum of {momentum} never forgets, or never was: use 0 or more, below 1")
        self._parameters = list(parameters)
        self._rate, self._momentum = learning_rate, momentum
        self.velocities = [torch.zeros_like(p) for p, _ in self._parameters] if momentum else []

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients."""
        for velocity, (_, gradient) in zip(self.velocities, self._parameters, strict=False):
            velocity.mul_(self._momentum).add_(gradient)
        steps = self.velocities or [gradient for _, gradient in self._parameters]
        for step, (parameter, _) in zip(steps, self._parameters, strict=True):
            parameter.sub_(step, alpha=self._rate)
