"""The numbers of a search: rewards, what random search would expect, diagnostics, the ranking."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nasdip.options.early_stop import smaller_reward
from nasdip.records.trial_result import TrialResult
from nasdip.report.text.words import counted


class RewardSeries(NamedTuple):
    """Rewards by trial; arrays (n,) of one length.

    Attributes
    ----------
    trial : ndarray of int
        From 1.
    reward : ndarray
        dB; the floor for failed trials, the best of their curve for stopped ones.
    failed, repeated, stopped : ndarray of bool
        What became of the trial.
    best : ndarray
        Largest reward of the trials so far that were neither failed nor stopped; NaN before the first of them.
    """

    trial: np.ndarray
    reward: np.ndarray
    failed: np.ndarray
    repeated: np.ndarray
    stopped: np.ndarray
    best: np.ndarray


class Diagnostic(NamedTuple):
    """A number that the searcher logged: `trial` (n,), those which have it, and its `value` (n,)."""

    trial: np.ndarray
    value: np.ndarray


class SearchTotals(NamedTuple):
    """Counts of trials, and the seconds that fits took (a repeated trial costs none)."""

    done: int
    fitted: int
    stopped: int
    repeated: int
    failed: int
    seconds: float

    def in_words(self) -> str:
        """Return what became of the trials."""
        stopped = f"{self.stopped} stopped early, " if self.stopped else ""
        return f"{self.fitted} fitted, {stopped}{self.repeated} repeated, {self.failed} failed"


class RewardCurve(NamedTuple):
    """The reward (dB) of one trial by step: `step` and `reward` (n,), and whether it was stopped there."""

    trial: int
    step: np.ndarray
    reward: np.ndarray
    stopped: bool


def reward_series(trials: Sequence[TrialResult]) -> RewardSeries:
    """Return the rewards by trial, and the best so far."""
    reward = np.array([trial.reward for trial in trials], dtype=np.float64)
    status = np.array([trial.status for trial in trials], dtype=str)
    failed, repeated, stopped = (status == name for name in ("failed", "repeated", "stopped"))
    best = np.maximum.accumulate(np.where(failed | stopped, -np.inf, reward))
    best[np.isneginf(best)] = np.nan
    return RewardSeries(np.array([trial.trial for trial in trials], dtype=int), reward, failed, repeated, stopped, best)


def reward_curves(trials: Sequence[TrialResult]) -> list[RewardCurve]:
    """Return the rewards by step of the trials that were fitted or stopped; a repeated one has another's.

    Those of smaller fits, which came first, are of another size, and left out.
    """
    fitted = [trial for trial in trials if trial.status in ("ok", "stopped")]
    return [_curve(trial) for trial in fitted if any(step > 0 for step, _ in trial.curve)]


def _curve(trial: TrialResult) -> RewardCurve:
    step, reward = np.array([point for point in trial.curve if point[0] > 0], dtype=np.float64).T
    return RewardCurve(trial.trial, step, reward, trial.status == "stopped")


def saved_share(trials: Sequence[TrialResult], steps: int) -> float | None:
    """Return the share of the fits' steps that stopping early saved; None where no trial was stopped.

    ``1 - sum(steps taken) / (n * steps of a whole fit)``, over the n trials that were fitted or stopped. None as well
    where smaller fits came first, whose steps are cheaper ones.

    Examples
    --------
    >>> saved_share([], 300) is None
    True
    """
    fits = [trial for trial in trials if trial.status in ("ok", "stopped") and trial.steps is not None]
    if not any(t.status == "stopped" for t in fits) or any(smaller_reward(t.curve) is not None for t in fits):
        return None
    return 1 - sum(trial.steps or 0 for trial in fits) / (len(fits) * steps)


def saved_in_words(trials: Sequence[TrialResult], steps: int) -> str | None:
    """Return what stopping early saved, in words; None where no trial was stopped."""
    totals, share = search_totals(trials), saved_share(trials, steps)
    if not totals.stopped:
        return None
    told = f"{totals.stopped} of {counted(totals.fitted + totals.stopped, 'fit')} stopped early"
    return told if share is None else f"{told}, which saved {100 * share:.0f} % of all steps"


def expected_best(rewards: Sequence[float]) -> np.ndarray:
    r"""Return the expected best of k = 1 ... n of n rewards, drawn without replacement.

    With the rewards in order, :math:`r_{(1)} \le \dots \le r_{(n)}`, the best of k is the i-th with probability
    :math:`\binom{i-1}{k-1} / \binom{n}{k}`, so

    .. math:: E_k = \sum_{i=k}^{n} r_{(i)} \binom{i-1}{k-1} / \binom{n}{k},

    exactly: :math:`E_1` is the mean and :math:`E_n` the maximum. Trials of a random search are exchangeable, so
    this is what it would find in k trials, estimated from all n.

    Parameters
    ----------
    rewards : sequence of float
        n of them, in dB, those of failed trials included.

    Returns
    -------
    ndarray
        (n,), ascending.

    References
    ----------
    J. Dodge et al., Show your work: improved reporting of experimental results, EMNLP 2019 (with replacement);
    H. A. David and H. N. Nagaraja, *Order Statistics*, 3rd ed., ch. 3.7.

    Examples
    --------
    >>> expected_best([1.0, 3.0, 2.0]).round(4).tolist()
    [2.0, 2.6667, 3.0]
    """
    ordered = np.sort(np.asarray(rewards, dtype=np.float64))
    n = len(ordered)
    expected = np.empty(n)
    for k in range(1, n + 1):
        # Weights from the largest reward (k / n) down: C(i-2, k-1) / C(i-1, k-1) = (i - k) / (i - 1).
        i = np.arange(n, k, -1)
        weights = k / n * np.cumprod(np.concatenate(([1.0], (i - k) / (i - 1))))
        expected[k - 1] = weights @ ordered[::-1][: len(weights)]
    return expected


def diagnostic(trials: Sequence[TrialResult], name: str) -> Diagnostic:
    """Return what the searcher logged under `name`, for those trials which have it."""
    having = [trial for trial in trials if name in trial.diagnostics]
    values = np.array([trial.diagnostics[name] for trial in having], dtype=np.float64)
    return Diagnostic(np.array([trial.trial for trial in having], dtype=int), values)


def ranking(trials: Sequence[TrialResult], count: int) -> list[TrialResult]:
    """Return the `count` fitted trials of largest reward, best first; the earlier one of equals first."""
    fitted = [trial for trial in trials if trial.status == "ok"]
    return sorted(fitted, key=lambda trial: (-trial.reward, trial.trial))[:count]


def search_totals(trials: Sequence[TrialResult]) -> SearchTotals:
    """Count the trials of a search."""
    statuses = [trial.status for trial in trials]
    seconds = sum(trial.seconds for trial in trials if trial.status != "repeated")
    fitted, stopped, repeated, failed = (statuses.count(name) for name in ("ok", "stopped", "repeated", "failed"))
    return SearchTotals(len(trials), fitted, stopped, repeated, failed, seconds)
