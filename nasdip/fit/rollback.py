"""Falling back to the last good state when the loss spikes or stops being a number."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nasdip.errors import NasdipError
from nasdip.fit.adam import Adam

# A fit that cannot leave a state is not sent back to it for ever.
_MOST_RETURNS = 5
# The first steps of a fit may do anything.
_SETTLING_STEPS = 30


class FitDiverged(NasdipError):
    """The loss was never a number."""


class _State(NamedTuple):
    step: int
    tensors: list[Tensor]


class Rollback:
    """Keeps a copy of the last good state of a fit, and returns to it.

    A window of losses is bad if one is not finite, or larger than `spike` times the median of the last good window.
    A loss tells of the weights before its step, so the state at a window's end counts as good once the next window
    was. Returning to one state again halves the learning rate; after 5 returns to it in a row the fit is `exhausted`.

    Parameters
    ----------
    optimizer : Adam
        Whose parameters and moments are saved.
    extras : sequence of Tensor
        Tensors that are restored in place with them (the averaged and the last output).
    """

    def __init__(self, optimizer: Adam, extras: Sequence[Tensor], spike: float) -> None:
        self._tensors = [*optimizer.parameters, *optimizer.state, *extras]
        self._optimizer = optimizer
        self._spike = spike
        self._level = float("inf")
        self._returns = 0
        self._good, self._pending = (_State(0, [t.detach().clone() for t in self._tensors]) for _ in range(2))
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
            self._good, self._pending = self._pending, self._copied(step, self._good.tensors)
            self._returns = 0
            return None
        what = f"rose from {self._level:.2g} to {float(losses.max()):.2g}" if finite else "was not a number"
        self._restore()
        self._returns += 1
        if self._returns > 1:
            self._optimizer.learning_rate *= 0.5
        self.exhausted = self._returns > _MOST_RETURNS
        ending = ", and ended there" if self.exhausted else ""
        return f"the loss {what}; went back to the state of step {self.good_step}{ending}"

    @torch.no_grad()
    def _copied(self, step: int, buffers: list[Tensor]) -> _State:
        for buffer, tensor in zip(buffers, self._tensors, strict=True):
            buffer.copy_(tensor)
        return _State(step, buffers)

    @torch.no_grad()
    def _restore(self) -> None:
        for tensor, saved, pending in zip(self._tensors, self._good.tensors, self._pending.tensors, strict=True):
            tensor.copy_(saved)
            pending.copy_(saved)
        self._pending = self._pending._replace(step=self._good.step)
