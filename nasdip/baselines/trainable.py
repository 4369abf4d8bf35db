"""What can be trained on pairs: torch's networks, and those of the framework from scratch."""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from nasdip.errors import NasdipError


class Trainable(Protocol):
    """A network with its loss and optimiser.

    Batches are (N, C, H, W) float32, nominally in [0, 1].
    """

    def step(self, source: Tensor, target: Tensor) -> float:
        """Take one optimiser step from noisy images towards what they should become; return the loss before it."""
        ...

    def predict(self, batch: Tensor) -> Tensor:
        """Return the denoised batch, of the shape of `batch`; nothing of the network changes."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """Return all that `predict` depends on, by name."""
        ...

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned."""
        ...

    def optimiser(self) -> dict[str, Tensor]:
        """Return what else the next `step` depends on, by name."""
        ...

    def load_optimiser(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `optimiser` returned."""
        ...


class TorchTrainable:
    """A torch network that is trained by the mean squared error.

    Parameters
    ----------
    network : Module
        From (N, C, H, W) to that shape.
    optimiser : Optimizer
        Of its parameters, in their order.
    """

    def __init__(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        self._network, self._optimiser = network, optimiser

    def step(self, source: Tensor, target: Tensor) -> float:
        """Take one optimiser step; return the loss before it."""
        self._network.train()
        self._optimiser.zero_grad()
        loss = nn.functional.mse_loss(self._network(source), target)
        loss.backward()
        self._optimiser.step()
        return loss.item()

    @torch.no_grad()
    def predict(self, batch: Tensor) -> Tensor:
        """Return the denoised batch, with the batch statistics that training kept."""
        result: Tensor = self._network.eval()(batch)
        return result

    def weights(self) -> dict[str, Tensor]:
        """Return the parameters and kept statistics."""
        return {name: value.detach() for name, value in self._network.state_dict().items()}

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over parameters and statistics; NasdipError for those of another network."""
        try:
            self._network.load_state_dict(dict(weights))
        except RuntimeError:
            raise NasdipError("these weights are of another network: use those of this one") from None

    def optimiser(self) -> dict[str, Tensor]:
        """Return the optimiser's moments, as PARAMETER.NAME."""
        state = self._optimiser.state_dict()["state"]
        return {
            f"{parameter}.{name}": torch.as_tensor(value).detach()
            for parameter, values in state.items()
            for name, value in values.items()
            if value is not None
        }

    def load_optimiser(self, state: Mapping[str, Tensor]) -> None:
        """Take over the moments."""
        values: dict[int, dict[str, Tensor]] = {}
        for key, value in state.items():
            parameter, name = key.split(".", 1)
            values.setdefault(int(parameter), {})[name] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": values, "param_groups": groups})
