"""Ending trials early that will not be the best: rules on the curves of their rewards. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean, median
from typing import Literal

from nasdip.errors import NasdipError
from nasdip.search.trial_result import Curve


@dataclass(frozen=True)
class EarlyStop:
    """When a trial is ended early.

    Parameters
    ----------
    rule : {"none", "halving", "median"}
        Halving: asynchronous successive halving; at each rung the trial goes on if its reward is among the best
        1/`factor` of those that reached the rung. Median: the trial goes on while its best reward so far is at least
        the median of the other trials' mean rewards up to that step.
    first : float
        Share of the steps at the first rung, in (0, 1), or from which on the median is asked. Larger = surer, dearer.
    factor : int
        Ratio of a rung to the one before, and the share that goes on; 2 or more. Larger = stops more.
    trials : int
        Trials that must have been as far before one is stopped; 2 or more.

    References
    ----------
    Li et al., A system for massively parallel hyperparameter tuning (ASHA), MLSys 2020; Golovin et al., Google Vizier,
    KDD 2017 (median stopping).
    """

    rule: Literal["none", "halving", "median"] = "none"
    first: float = 0.25
    factor: int = 2
    trials: int = 5

    def __post_init__(self) -> None:
        if self.rule not in ("none", "halving", "median"):
            raise NasdipError(f"unknown rule of early stopping '{self.rule}': use none, halving or median")
        if not isinstance(self.first, (int, float)) or not 0 < self.first < 1:
            raise NasdipError(f"the first share of early stopping is {self.first!r}: use a number between 0 and 1")
        if not (
            isinstance(self.factor, int) and self.factor >= 2 and isinstance(self.trials, int) and self.trials >= 2
        ):
            raise NasdipError("early stopping needs a factor and a number of trials of 2 or more (whole numbers)")

    def judge(self, curve: Curve, others: Mapping[int, Curve], steps: int) -> str | None:
        """Return why a trial should be stopped at the last point of its `curve`; None to let it go on.

        Parameters
        ----------
        curve : Curve
            Of the trial, as far as it is.
        others : mapping of int to Curve
            Of the other trials of the search, finished and running ones.
        steps : int
            Of a whole fit.
        """
        if self.rule == "none" or not curve or curve[-1][0] >= steps:
            return None
        return self._halving(curve, others, steps) if self.rule == "halving" else self._median(curve, others, steps)

    def _halving(self, curve: Curve, others: Mapping[int, Curve], steps: int) -> str | None:
        rungs = _rungs(self.first, self.factor, steps)
        now = curve[-1][0]
        before = curve[-2][0] if len(curve) > 1 else 0
        # A rung is judged once, at the first point of the curve that has reached it.
        reached = [rung for rung in rungs if before < rung <= now]
        if not reached:
            return None
        rung = reached[-1]
        rewards = [r for other in others.values() if (r := _reward_at(other, rung)) is not None]
        if len(rewards) < self.trials:
            return None
        better = sum(reward > curve[-1][1] for reward in rewards)
        if better < (len(rewards) + 1) / self.factor:
            return None
        return f"stopped at step {now} of {steps}: {better} of {len(rewards)} trials were better there (halving)"

    def _median(self, curve: Curve, others: Mapping[int, Curve], steps: int) -> str | None:
        now = curve[-1][0]
        if now < self.first * steps:
            return None
        reaching = [other for other in others.values() if other and other[0][0] <= now <= other[-1][0]]
        if len(reaching) < self.trials:
            return None
        level = median(mean(reward for step, reward in other if step <= now) for other in reaching)
        best = max(reward for _, reward in curve)
        if best >= level:
            return None
        return f"stopped at step {now} of {steps}: {best:.2f} dB, the median of trials is {level:.2f} dB (median rule)"


def _rungs(first: float, factor: int, steps: int) -> list[float]:
    rungs, share = [], first
    while share < 1:
        rungs.append(share * steps)
        share *= factor
    return rungs


def _reward_at(curve: Curve, rung: float) -> float | None:
    """Return the reward of the first point at or after a rung; None where the trial has not come there."""
    return next((reward for step, reward in curve if step >= rung), None)
