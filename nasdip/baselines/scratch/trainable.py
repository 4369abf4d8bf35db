"""The framework's network as something that can be trained on pairs."""

from collections.abc import Iterator, Mapping

from torch import Tensor

from nasdip.baselines.scratch.convolution import Conv2d
from nasdip.baselines.scratch.descent import SGD
from nasdip.baselines.scratch.loss import MeanSquaredError
from nasdip.baselines.scratch.module import Sequential
from nasdip.errors import NasdipError


class ScratchTrainable:
    """A network of the framework that is trained by the mean squared error: a `Trainable`.

    Parameters
    ----------
    network : Sequential
        From (N, C, H, W) to that shape.
    optimiser : SGD
        Of its parameters, in their order.

    Examples
    --------
    >>> import torch
    >>> from nasdip.baselines.scratch import scratch_network
    >>> network = scratch_network(width=8, seed=0)
    >>> trainable = ScratchTrainable(network, SGD(network.param(), learning_rate=1.0, momentum=0.9))
    >>> batch = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> trainable.step(batch, batch) > trainable.step(batch, batch)
    True
    >>> list(trainable.weights())[:2]
    ['0.weight', '0.bias']
    """

    def __init__(self, network: Sequential, optimiser: SGD) -> None:
        self._network, self._optimiser = network, optimiser
        self._loss = MeanSquaredError()

    def step(self, source: Tensor, target: Tensor) -> float:
        """Take one optimiser step; return the loss before it."""
        loss = self._loss.forward(self._network.forward(source), target)
        self._network.backward(self._loss.backward())
        self._optimiser.step()
        return loss

    def predict(self, batch: Tensor) -> Tensor:
        """Return the denoised batch."""
        return self._network.forward(batch)

    def weights(self) -> dict[str, Tensor]:
        """Return kernels and biases, as MODULE.weight and MODULE.bias."""
        return dict(_named(self._network))

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over kernels and biases; NasdipError for those of another network."""
        _load(self.weights(), weights)

    def optimiser(self) -> dict[str, Tensor]:
        """Return the velocities of the parameters, as PARAMETER.velocity; none without momentum."""
        return {f"{number}.velocity": value for number, value in enumerate(self._optimiser.velocities)}

    def load_optimiser(self, state: Mapping[str, Tensor]) -> None:
        """Take over the velocities; NasdipError for those of another network or momentum."""
        _load(self.optimiser(), state)


def _named(network: Sequential, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for number, module in enumerate(network.modules):
        if isinstance(module, Sequential):
            yield from _named(module, f"{prefix}{number}.")
        elif isinstance(module, Conv2d):
            yield from ((f"{prefix}{number}.weight", module.kernels), (f"{prefix}{number}.bias", module.bias))


def _load(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> None:
    """Copy into own tensors, which the layers and the optimiser share."""
    if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in other.items()}:
        raise NasdipError("these weights or velocities are of another network or momentum: use those of this one")
    for name, value in own.items():
        value.copy_(other[name])
