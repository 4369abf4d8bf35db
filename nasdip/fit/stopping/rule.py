"""What a stopping rule is, and what it can know."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from nasdip.fit.data_term import DataTerm
from nasdip.imaging.padding import Padding


class StoppingContext(NamedTuple):
    """What a fit knows; images are (1, C, H, W) in working units, on its device, padding included.

    Attributes
    ----------
    data : DataTerm
        What is fitted: gives the residual of an image.
    padding : Padding
        Around the real pixels of images, on which rules judge.
    shape : tuple of int
        Of these, (H, W, C).
    reference : Tensor or None
        An estimate of the clean image that no network made.
    probe : Tensor or None
        What was added to the measurement that the perturbed fit is fitted to, where there is one; see `sure`.
    seed : int
        For what a rule draws.
    """

    data: DataTerm
    padding: Padding
    shape: tuple[int, ...]
    reference: Tensor | None
    probe: Tensor | None
    seed: int

    @property
    def device(self) -> torch.device:
        """Where the fit is."""
        return self.data.pixels.device


class Outputs(NamedTuple):
    """What a step yields; images (1, C, H, W)."""

    step: Tensor  # (1,), its number from 1
    raw: Tensor  # the network's output
    averaged: Tensor  # the average of the outputs so far
    perturbed_fit: Tensor | None  # that of the perturbed fit


class StopRule(Protocol):
    """Scores steps. Made from the context; NasdipError where that lacks what the rule needs."""

    def score(self, outputs: Outputs) -> Tensor:
        """Return the score (0-d) of a step, smaller = better, inf where it cannot tell; waits for no device."""
        ...

    def patience(self, best: int) -> int:
        """Return how many steps without a better score end the fit, where step `best` is the best so far."""
        ...


class BestIterate:
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

    def check(self, step: int, *, begun: bool = True) -> bool:
        """Whether the rule has waited long enough, at the latest now (this waits for the device).

        It goes on waiting where the fit has not `begun`: its image still misses more than noise.
        """
        best = int(self.step)
        if not self.ended and begun and best and step - best >= self.rule.patience(best):
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
