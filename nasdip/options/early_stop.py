"""Ending trials early that will not be the best: rules on the curves of their rewards. No torch here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Literal

from nasdip.errors import NasdipError

RULES = ("none", "size", "halving", "median")
_FACTORS = {"size": 4}
_MOST_WITHOUT_SLOPE = 2
DEFAULT_RULE: Literal["size"] = "size"  # of `nasdip search` and `nasdip.search`

# The reward (dB) at some steps of a fit: ((step, reward), ...).
Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class EarlyStop:
    """When a trial is ended early.

    Parameters
    ----------
    rule : {"none", "size", "halving", "median"}
        Size: asynchronous successive halving by size; a trial fits a smaller crop first
        (`ProxySettings.smaller`), and goes on if its reward there is among the best 1/`factor`. Halving: the same by
        steps; at each rung the trial goes on if its reward is among the best 1/`factor` of those that reached the rung.
        Median: the trial goes on while its best reward so far is at least the median of the other trials' mean rewards
        up to that step. What each saves and loses: `experiments/benchmarks/README.md`.
    first : float
        Share of the steps at the first rung of halving, in (0, 1), or from which on the median is asked. Larger =
        surer, dearer.
    factor : int or None
        Share that goes on, and in halving the ratio of a rung to the one before; 2 or more. Larger = stops more. None:
        4 for size, 2 for halving.
    trials : int
        Trials that must have been as far before one is stopped; 2 or more.

    References
    ----------
    Li et al., A system for massively parallel hyperparameter tuning (ASHA), MLSys 2020; Golovin et al., Google Vizier,
    KDD 2017 (median stopping).
    """

    rule: Literal["none", "size", "halving", "median"] = "none"
    first: float = 0.25
    factor: int | None = None
    trials: int = 5

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise NasdipError(f"unknown rule of early stopping '{self.rule}': use {', '.join(RULES)}")
        if not isinstance(self.first, (int, float)) or not 0 < self.first < 1:
            raise NasdipError(f"the first share of early stopping is {self.first!r}: use a number between 0 and 1")
        if not all(isinstance(number, int) and number >= 2 for number in (self.share, self.trials)):
            raise NasdipError("early stopping needs a factor and a number of trials of 2 or more (whole numbers)")

    @property
    def share(self) -> int:
        """One trial of how many goes on."""
        return _FACTORS.get(self.rule, 2) if self.factor is None else self.factor

    def judge(self, curve: Curve, others: Mapping[int, Curve], steps: int) -> str | None:
        """Return why a trial should be stopped at the last point of its `curve`; None to let it go on.

        Parameters
        ----------
        curve : Curve
            Of the trial, as far as it is; a point at step 0 is the reward of the smaller fit.
        others : mapping of int to Curve
            Of the other trials of the search, finished and running ones.
        steps : int
            Of a whole fit.
        """
        if self.rule == "none" or not curve or curve[-1][0] >= steps:
            return None
        rules = {"size": self._size, "halving": self._halving, "median": self._median}
        return rules[self.rule](curve, others, steps)

    def _size(self, curve: Curve, others: Mapping[int, Curve], steps: int) -> str | None:
        rewards = [first for other in others.values() if (first := smaller_reward(other)) is not None]
        better = None if curve[-1][0] > 0 else self._too_many_better(curve[-1][1], rewards)
        if better is None:
            return None
        return f"stopped after a smaller fit: {better} of {len(rewards)} trials were better there (size)"

    def _halving(self, curve: Curve, others: Mapping[int, Curve], steps: int) -> str | None:
        rungs = _rungs(self.first, self.share, steps)
        now = curve[-1][0]
        before = curve[-2][0] if len(curve) > 1 else 0
        # A rung is judged once, at the first point of the curve that has reached it.
        reached = [rung for rung in rungs if before < rung <= now]
        if not reached:
            return None
        rung = reached[-1]
        rewards = [r for other in others.values() if (r := reward_at(other, rung)) is not None]
        better = self._too_many_better(curve[-1][1], rewards)
        if better is None:
            return None
        return f"stopped at step {now} of {steps}: {better} of {len(rewards)} trials were better there (halving)"

    def _too_many_better(self, reward: float, others: Sequence[float]) -> int | None:
        """Return how many of enough others are better, where too many for the best 1/`share`; else None."""
        better = sum(other > reward for other in others)
        return better if len(others) >= self.trials and better >= (len(others) + 1) / self.share else None

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


def smaller_reward(curve: Curve) -> float | None:
    """Return the reward of a trial's smaller fit; None where it had none."""
    return curve[0][1] if curve and curve[0][0] == 0 else None


def reward_at(curve: Curve, step: float) -> float | None:
    """Return the reward of the first point at or after a step; None where the trial has not come there."""
    return next((reward for where, reward in curve if where >= step), None)


def expected_end(reward: float, others: Sequence[tuple[float, float]]) -> float:
    """Return the reward expected at the end of a trial which had `reward` before.

    Parameters
    ----------
    others : sequence of (float, float)
        What other trials had there, and in the end. The line through them, by least squares, has a slope of 0 to 1;
        of 1 where two or fewer say nothing of it. Without others it is `reward`.

    Examples
    --------
    >>> expected_end(21.0, [(20.0, 24.0), (22.0, 25.0), (24.0, 26.0)])
    24.5
    >>> expected_end(21.0, [(20.0, 24.0)]), expected_end(21.0, [])
    (25.0, 21.0)
    """
    if not others:
        return reward
    then, end = (mean(values) for values in zip(*others, strict=True))
    spread = sum((a - then) ** 2 for a, _ in others)
    slope = 1.0
    if len(others) > _MOST_WITHOUT_SLOPE:
        slope = sum((a - then) * (b - end) for a, b in others) / spread if spread > 0 else 0.0
    return end + min(max(slope, 0.0), 1.0) * (reward - then)


def _rungs(first: float, factor: int, steps: int) -> list[float]:
    rungs, share = [], first
    while share < 1:
        rungs.append(share * steps)
        share *= factor
    return rungs
