"""What a stopping rule is, and what it can know."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from nasdip.imaging.padding import Padding


class Scene(NamedTuple):
    """What a fit knows; images are (1, C, H, W) in working units, on its device, padding included.

    Attributes
    ----------
    noisy : Tensor
        What is fitted.
    padding : Padding
        Around the real pixels, on which rules judge.
    weights : Tensor or None
        (1, 1 or C, H, W): the share of each value in the loss, with mean 1; None for all alike.
    heldout : Tensor or None
        (1, 1, H, W): 0 for pixels in the loss, a constant for those held out, with mean 1; None where none are.
    reference : Tensor or None
        An estimate of the clean image that no network made.
    probe : Tensor or None
        What was added to the noisy image that the twin is fitted to, where there is a twin; see `sure`.
    seed : int
        For what a rule draws.
    """

    noisy: Tensor
    padding: Padding
    weights: Tensor | None
    heldout: Tensor | None
    reference: Tensor | None
    probe: Tensor | None
    seed: int


class Outputs(NamedTuple):
    """What a step yields; images (1, C, H, W)."""

    step: Tensor  # (1,), its number from 1
    raw: Tensor  # the network's output
    averaged: Tensor  # the average of the outputs so far
    twin: Tensor | None  # that of the twin


class StopRule(Protocol):
    """Scores steps. Made from the scene; NasdipError where that lacks what the rule needs."""

    def score(self, outputs: Outputs) -> Tensor:
        """Return the score (0-d) of a step, smaller = better, inf where it cannot tell; waits for no device."""
        ...

    def patience(self, best: int) -> int:
        """Return how many steps without a better score end the fit, where step `best` is the best so far."""
        ...


class Keeper:
    """Keeps the averaged output of the step with the best score, on the device.

    Attributes
    ----------
    image, score, step : Tensor
        That output, its score (0-d) and its number (1,); 0 before there is one.
    ended : int
        The step at which the rule gave up waiting; 0 while it has not. Nothing is kept from then on.
    """

    def __init__(self, rule: StopRule, like: Tensor) -> None:
        self.rule = rule
        self.image = torch.zeros_like(like)
        self.score = torch.tensor(torch.inf, device=like.device)
        self.step = torch.zeros(1, dtype=torch.long, device=like.device)
        self.ended = 0
        self._open = torch.ones((), dtype=torch.bool, device=like.device)

    def see(self, outputs: Outputs) -> Tensor:
        """Score a step, keep it if it is the best so far, and return the score."""
        score = self.rule.score(outputs)
        better = (score < self.score) & self._open
        for kept, new in ((self.image, outputs.averaged), (self.score, score), (self.step, outputs.step)):
            kept.copy_(torch.where(better, new, kept))
        return score

    def check(self, step: int) -> bool:
        """Whether the rule has waited long enough, at the latest now (this waits for the device)."""
        best = int(self.step)
        if not self.ended and best and step - best >= self.rule.patience(best):
            self.ended = step
            self._open.fill_(False)
        return self.ended > 0


def proportional(best: int, share: float, least: int) -> int:
    """Return a patience that grows with the step: fits slow down.

    Examples
    --------
    >>> proportional(100, 0.25, 50), proportional(400, 0.25, 50)
    (50, 100)
    """
    return max(least, round(share * best))
