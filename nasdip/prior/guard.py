"""Falling back to the last good state when the loss spikes or stops being a number."""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nasdip.errors import NasdipError

# A fit that cannot leave a state is not sent back to it for ever.
_MOST_RETURNS = 5
# The first steps of a fit may do anything.
_SETTLING_STEPS = 30


class FitDiverged(NasdipError):
    """The loss was never a number."""


class _State(NamedTuple):
    step: int
    tensors: list[Tensor]
    optimizer: dict[str, Any]


class Guard:
    """Keeps a copy of the last good state of a fit, and returns to it.

    A window of losses is bad if one is not finite, or larger than `spike` times the median of the last good window.
    A loss tells of the weights before its step, so the state at a window's end counts as good once the next window
    was. Returning to one state again halves the learning rate; after 5 returns to it in a row the fit is `exhausted`.

    Parameters
    ----------
    network, optimizer
        What is saved: parameters and optimiser moments.
    extras : sequence of Tensor
        Tensors that are restored in place with them (the averaged and the last output).
    """

    def __init__(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, extras: Sequence[Tensor], spike: float
    ) -> None:
        self._tensors = [*network.parameters(), *extras]
        self._optimizer = optimizer
        self._spike = spike
        self._level = float("inf")
        self._returns = 0
        self._good = self._pending = self._copy(0)
        self.exhausted = False

    @property
    def good_step(self) -> int:
        """The step of the state that a return leads to."""
        return self._good.step

    def check(self, step: int, losses: Tensor) -> str | None:
        """Judge the `losses` (CPU) of the window that ended with `step`: keep, or return and say why."""
        finite = bool(torch.isfinite(losses).all())
        if finite and (step <= _SETTLING_STEPS or float(losses.max()) <= self._spike * self._level):
            self._level = float(losses.median())
            self._good, self._pending = self._pending, self._copy(step)
            self._returns = 0
            return None
        what = f"rose from {self._level:.2g} to {float(losses.max()):.2g}" if finite else "was not a number"
        self._restore()
        self._returns += 1
        if self._returns > 1:
            for group in self._optimizer.param_groups:
                group["lr"] *= 0.5
        self.exhausted = self._returns > _MOST_RETURNS
        ending = ", and ended there" if self.exhausted else ""
        return f"the loss {what}; went back to the state of step {self.good_step}{ending}"

    def _copy(self, step: int) -> _State:
        tensors = [tensor.detach().clone() for tensor in self._tensors]
        return _State(step, tensors, copy.deepcopy(self._optimizer.state_dict()))

    @torch.no_grad()
    def _restore(self) -> None:
        for tensor, saved in zip(self._tensors, self._good.tensors, strict=True):
            tensor.copy_(saved)
        rates = [group["lr"] for group in self._optimizer.param_groups]
        self._optimizer.load_state_dict(copy.deepcopy(self._good.optimizer))
        for group, rate in zip(self._optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._pending = self._good
