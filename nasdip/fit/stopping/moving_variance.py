"""Stopping by the variance of the outputs over a window of steps: ES-WMV."""

import math

import torch
from torch import Tensor

from nasdip.fit.stopping.rule import Outputs, StoppingContext
from nasdip.fit.tensors import real

WINDOW, PATIENCE = 100, 1000
_MOST_VALUES = 2**14


class MovingVariance:
    """Score: the variance of the network's outputs over the last 100 steps, averaged over values (ES-WMV).

    The published baseline: outputs agree most while the fit holds the image and not yet the noise. Patience 1000, as
    published. Instead of 100 images, the outputs at up to 16384 values, drawn at random, are kept: 6 MiB, whatever the
    size; the mean of the variances over so many is that over all but for a percent.

    References
    ----------
    H. Wang, T. Li, Z. Zhuang, T. Chen, H. Liang and J. Sun, Early Stopping for Deep Image Prior, TMLR 2023.
    """

    def __init__(self, context: StoppingContext) -> None:
        generator = torch.Generator().manual_seed(context.seed)
        self._chosen = torch.randperm(math.prod(context.shape), generator=generator)[:_MOST_VALUES].to(context.device)
        self._outputs = torch.zeros((WINDOW, len(self._chosen)), device=context.device)
        self._padding = context.padding

    def score(self, outputs: Outputs) -> Tensor:
        """Return the variance; inf in the first 99 steps."""
        values = real(outputs.raw, self._padding).reshape(-1).index_select(0, self._chosen)
        self._outputs.index_copy_(0, outputs.step % WINDOW, values[None])
        variance = self._outputs.var(dim=0, unbiased=False).mean()
        return torch.where(outputs.step[0] < WINDOW, torch.inf, variance)

    def patience(self, best: int) -> int:
        """Return 1000 steps."""
        return PATIENCE
