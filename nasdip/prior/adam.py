"""The optimiser."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """Adam (Kingma and Ba, ICLR 2015), by torch's fused kernel, which passes over the weights once.

    As torch.optim.Adam, whose class imports torch's compiler: a second for every process that evaluates trials.

    Parameters
    ----------
    parameters : iterable of Tensor
        What is changed. Those without a gradient are left as they are.
    learning_rate : float
        May be changed between steps.

    Attributes
    ----------
    state : list of Tensor
        Both moments, and the number of steps, of every parameter.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self._first, self._second = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))
        self._steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]
        self.state = [*self._first, *self._second, *self._steps]

    def forget_gradients(self) -> None:
        """Free the gradients of the last step."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients."""
        used = [
            (p, p.grad, *state)
            for p, *state in zip(self.parameters, self._first, self._second, self._steps, strict=True)
            if p.grad is not None
        ]
        parameters, gradients, first, second, steps = (list(column) for column in zip(*used, strict=True))
        adam(
            parameters, gradients, first, second, [], steps, fused=True, amsgrad=False, beta1=0.9, beta2=0.999,
            lr=self.learning_rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip
