"""A network on its way to an image: its optimiser, its outputs, and their average."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nasdip.fit.adam import Adam
from nasdip.fit.device import place
from nasdip.network.fast import rewrite
from nasdip.options.fit import FitConfig

# The loss (0-d) of an output (1, C, H, W).
Loss = Callable[[Tensor], Tensor]


class NetworkFit:
    """Fits `network` to images like `image` (1, C, H, W), step by step, on tensors that stay where they are.

    Attributes
    ----------
    average, last : Tensor
        The exponential average of the outputs, and the last one; as `image`.
    """

    def __init__(self, network: nn.Module, image: Tensor, config: FitConfig) -> None:
        self.network = place(network, image.device).train()
        self.optimizer = Adam(self.network.parameters(), config.learning_rate, second_moment=config.second_moment)
        self.average, self.last = torch.zeros_like(image), torch.zeros_like(image)
        self._forward = rewrite(self.network)

    def step(self, z: Tensor, loss: Loss, ema_decay: Tensor) -> Tensor:
        """Take one step for the input z; return the loss. `ema_decay` (0-d) weighs the past in the average."""
        output = self._forward(z).float()
        value = loss(output)
        self.optimizer.forget_gradients()
        value.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.last.copy_(output)
            self.average.lerp_(output, 1 - ema_decay)
        return value.detach()

    @property
    def state(self) -> list[Tensor]:
        """All that changes from step to step."""
        return [*self.optimizer.parameters, *self.optimizer.state, self.average, self.last]
