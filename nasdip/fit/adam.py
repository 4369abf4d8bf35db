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
        May be changed between steps; `scale` makes it known to the next ones.
    second_moment : float
        Weight of the past in the average of squared gradients (beta2), in [0, 1).

    Attributes
    ----------
    state : list of Tensor
        Both moments, and the number of steps, of every parameter.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, *, second_moment: float = 0.999) -> None:
        self.parameters = list(parameters)
        self._second_moment = second_moment
        self.learning_rate = learning_rate
        self._first, self._second = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))
        self._steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]
        # On a GPU, a step that is recorded and replayed reads the rate from memory.
        self._on_gpu = any(p.device.type == "cuda" for p in self.parameters)
        self._device_rate = torch.tensor(learning_rate, device=self.parameters[0].device)
        self.scale(1.0)
        self.state = [*self._first, *self._second, *self._steps]

    def forget_gradients(self) -> None:
        """Free the gradients of the last step."""
        for parameter in self.parameters:
            parameter.grad = None

    def scale(self, factor: float) -> None:
        """Let the steps to come take `factor` times the learning rate as it is now."""
        self._rate = factor * self.learning_rate
        if self._on_gpu:
            self._device_rate.fill_(self._rate)

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
            parameters, gradients, first, second, [], steps, fused=True, amsgrad=False, beta1=0.9,
            beta2=self._second_moment, lr=self._device_rate if self._on_gpu else self._rate, weight_decay=0.0,
            eps=1e-8, maximize=False,
        )  # fmt: skip
