"""The optimiser of small policies."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """As torch.optim.Adam, to the bit, whose class imports torch's compiler: seconds for every process that searches.

    Parameters
    ----------
    parameters : iterable of Tensor
        What is changed. Those without a gradient are left as they are.
    learning_rate : float
        Of every step.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self._parameters, self._learning_rate = list(parameters), learning_rate
        self.state: dict[int, dict[str, Tensor]] = {}

    def load(self, state: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Go on from the `state` of another."""
        self.state = {index: {name: value.clone() for name, value in own.items()} for index, own in state.items()}

    def zero_grad(self) -> None:
        """Free the gradients of the last step."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients."""
        used = [(index, p, p.grad) for index, p in enumerate(self._parameters) if p.grad is not None]
        for index, parameter, _ in used:
            if index not in self.state:
                first, second = torch.zeros_like(parameter), torch.zeros_like(parameter)
                self.state[index] = {"step": torch.zeros(()), "exp_avg": first, "exp_avg_sq": second}
        moments = {name: [self.state[i][name] for i, *_ in used] for name in ("step", "exp_avg", "exp_avg_sq")}
        adam(
            [p for _, p, _ in used], [gradient for *_, gradient in used], moments["exp_avg"], moments["exp_avg_sq"], [],
            moments["step"], foreach=False, amsgrad=False, beta1=0.9, beta2=0.999, lr=self._learning_rate,
            weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip
