"""Falling back to the last good state when the loss spikes or stops being a number."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nasdip.errors import NasdipError

# A fit that cannot leave a state is not sent back to it for ever.
_MOST_RETURNS = 20
# The first steps of a fit may do anything.
_SETTLING_STEPS = 30


class FitDiverged(NasdipError):
    """The loss is not a number, or spikes, whatever the restart."""


class Guard:
    """Keeps a copy of the last good state of a fit, and returns to it.

    A window of losses is bad if one is not finite, or larger than `spike` times the median of the last good window.
    Returning a second time to one state halves the learning rate.

    Parameters
    ----------
    network, optimizer
        What is saved: parameters and optimiser moments.
    extras : sequence of Tensor
        Tensors that are restored in place with them (the averaged output).
    """

    def __init__(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, extras: Sequence[Tensor], spike: float
    ) -> None:
        self._parameters = list(network.parameters())
        self._optimizer = optimizer
        self._extras = list(extras)
        self._spike = spike
        self._level = float("inf")
        self._returns = 0
        self._total_returns = 0
        self._saved: list[Tensor] = []
        self._saved_optimizer: dict[str, Any] = {}
        self.good_step = 0
        self._save(0)

    def check(self, step: int, losses: Tensor) -> str | None:
        """Judge the `losses` (CPU) of the window that ended with `step`: save, or return and say why.

        Raises
        ------
        FitDiverged
            After 20 returns.
        """
        finite = torch.isfinite(losses)
        if bool(finite.all()) and (step <= _SETTLING_STEPS or float(losses.max()) <= self._spike * self._level):
            self._level = float(losses.median())
            self._save(step)
            self._returns = 0
            return None
        what = "was not a number" if not finite.all() else f"rose from {self._level:.2g} to {float(losses.max()):.2g}"
        self._total_returns += 1
        if self._total_returns > _MOST_RETURNS:
            raise FitDiverged(f"the loss {what} at step {step}, after {_MOST_RETURNS} returns: lower the learning rate")
        self._restore()
        self._returns += 1
        if self._returns > 1:
            for group in self._optimizer.param_groups:
                group["lr"] *= 0.5
        return f"the loss {what}; went back to the state of step {self.good_step}"

    def _save(self, step: int) -> None:
        self._saved = [t.detach().clone() for t in (*self._parameters, *self._extras)]
        self._saved_optimizer = copy.deepcopy(self._optimizer.state_dict())
        self.good_step = step

    @torch.no_grad()
    def _restore(self) -> None:
        for tensor, saved in zip((*self._parameters, *self._extras), self._saved, strict=True):
            tensor.copy_(saved)
        rates = [group["lr"] for group in self._optimizer.param_groups]
        self._optimizer.load_state_dict(copy.deepcopy(self._saved_optimizer))
        for group, rate in zip(self._optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
