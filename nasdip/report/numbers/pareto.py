"""What quality costs: the fitted trials by PSNR and cost, and those of them that no other one dominates."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from nasdip.options.search import CostTarget, Reward
from nasdip.records.trial_result import TrialResult
from nasdip.report.text.words import thousands

# Both are fields of `TrialResult`.
Cost = Literal["step_ms", "parameters"]

COSTS: tuple[Cost, ...] = ("step_ms", "parameters")
COST_NAMES: dict[Cost, str] = {"step_ms": "time", "parameters": "parameters"}
# What `TrialResult.psnr` is, by the reward that it was measured for.
PSNR_NAMES: dict[Reward, str] = {
    "clean": "clean PSNR",
    "estimate": "estimated PSNR",
    "heldout": "held-out PSNR",
}
# Architectures that are so near (dB) to the best are as good to the eye.
NEAR = 0.1
_ROUNDING = 1e-9


class ParetoFront(NamedTuple):
    """The fitted trials by PSNR and one cost, every architecture once; n arrays of one length, and the front.

    Attributes
    ----------
    kind : {"step_ms", "parameters"}
        What the cost is.
    trial : ndarray of int
        (n,), from 1.
    psnr : ndarray
        (n,), dB, whatever the cost took from the reward.
    cost : ndarray
        (n,), milliseconds of a step, or number of weights; above 0.
    front : ndarray of int
        (m,), indices of the trials that no other one dominates, from the cheapest to the best.
    """

    kind: Cost
    trial: np.ndarray
    psnr: np.ndarray
    cost: np.ndarray
    front: np.ndarray


class Member(NamedTuple):
    """A trial of a front, and the names of the costs that it is on the front of."""

    trial: TrialResult
    costs: list[str]


class ParetoSummary(NamedTuple):
    """The fronts in a table (largest PSNR first) and in words.

    Attributes
    ----------
    costs : list of str
        Names of the costs that there are fronts for: time, parameters.
    psnr_name : str
        Which PSNR it is.
    timed : bool
        Whether a member's step was timed.
    """

    costs: list[str]
    psnr_name: str
    members: list[Member]
    cheapest: str
    timed: bool


def non_dominated(psnr: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return the indices of the points that no other one dominates, from the cheapest to the best.

    A point dominates another if its PSNR is at least as large and its cost at most as large, and one of them is
    better. Of equal points the first counts.

    Parameters
    ----------
    psnr, cost : ndarray
        (n,), finite.

    Returns
    -------
    ndarray of int
        (m,), with ascending cost and PSNR; (0,) for no points.

    Examples
    --------
    >>> psnr, cost = np.array([30.0, 29.0, 31.0, 30.0, 28.0]), np.array([5.0, 4.0, 9.0, 5.0, 6.0])
    >>> non_dominated(psnr, cost).tolist()
    [1, 0, 2]
    """
    order = np.lexsort((-psnr, cost))  # stable, so that equal points keep their order
    ranked = psnr[order]
    best_of_cheaper = np.concatenate(([-np.inf], np.maximum.accumulate(ranked)))[: len(ranked)]
    return order[ranked > best_of_cheaper]


def pareto_front(trials: Sequence[TrialResult], kind: Cost) -> ParetoFront | None:
    """Return the front of one cost; None where fewer than two costs are known, which leave nothing to weigh.

    Failed and stopped trials do not count, and repeated ones have counted already.

    Examples
    --------
    >>> pareto_front([], "parameters") is None
    True
    """
    known = [trial for trial in _fitted(trials) if getattr(trial, kind)]
    cost = np.array([getattr(trial, kind) for trial in known], dtype=np.float64)
    if len(np.unique(cost)) < 2:
        return None
    psnr = np.array([trial.psnr for trial in known], dtype=np.float64)
    return ParetoFront(kind, np.array([trial.trial for trial in known]), psnr, cost, non_dominated(psnr, cost))


def pareto_fronts(trials: Sequence[TrialResult]) -> list[ParetoFront]:
    """Return the fronts that there are, that of time before that of parameters; older runs timed no steps."""
    fronts = (pareto_front(trials, kind) for kind in COSTS)
    return [front for front in fronts if front is not None]


def _fitted(trials: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the fitted trials, of several with one architecture the first."""
    first: dict[str, TrialResult] = {}
    for trial in trials:
        if trial.status == "ok":
            first.setdefault(str(trial.architecture), trial)
    return list(first.values())


def pareto_summary(trials: Sequence[TrialResult], reward: Reward) -> ParetoSummary | None:
    """Return the fronts in a table and in words; None where there are none."""
    fronts = pareto_fronts(trials)
    if not fronts:
        return None
    return ParetoSummary(
        costs=[COST_NAMES[front.kind] for front in fronts],
        psnr_name=PSNR_NAMES[reward],
        members=front_members(trials, fronts),
        cheapest=cheapest_in_words(fronts[0], PSNR_NAMES[reward]),
        timed=fronts[0].kind == "step_ms",
    )


def front_members(trials: Sequence[TrialResult], fronts: Sequence[ParetoFront]) -> list[Member]:
    """Return the trials that are on a front, largest PSNR first."""
    numbers = {COST_NAMES[front.kind]: set(front.trial[front.front].tolist()) for front in fronts}
    members = [Member(trial, [name for name, on in numbers.items() if trial.trial in on]) for trial in trials]
    return sorted((m for m in members if m.costs), key=lambda member: -(member.trial.psnr or 0.0))


def near_best(front: ParetoFront, near: float = NEAR) -> tuple[int, int]:
    """Return the indices of the cheapest trial whose PSNR is within `near` (dB) of the best's, and of the best.

    Examples
    --------
    >>> psnr, cost = np.array([30.0, 29.95, 28.0]), np.array([9.0, 5.0, 4.0])
    >>> near_best(ParetoFront("step_ms", np.array([1, 2, 3]), psnr, cost, non_dominated(psnr, cost)))
    (1, 0)
    """
    best = front.front[-1]
    enough = front.psnr[front.front] >= front.psnr[best] - near - _ROUNDING
    return int(front.front[np.argmax(enough)]), int(best)


def cheapest_in_words(front: ParetoFront, psnr_name: str = "PSNR") -> str:
    """Return what an architecture costs that is about as good as the best.

    Examples
    --------
    >>> psnr, cost = np.array([30.0, 29.95]), np.array([9.0, 4.5])
    >>> cheapest_in_words(ParetoFront("step_ms", np.array([1, 2]), psnr, cost, non_dominated(psnr, cost)))[:75]
    'The cheapest architecture within 0.1 dB of the best PSNR takes 4.5 ms a ste'
    """
    cheapest, best = near_best(front)
    spent = _spent(front.kind, front.cost[cheapest])
    if cheapest == best:
        return (
            f"No cheaper architecture is within {NEAR:g} dB of the best {psnr_name}, that of trial "
            f"{front.trial[best]}, which {spent}."
        )
    share = 100 * front.cost[cheapest] / front.cost[best]
    return (
        f"The cheapest architecture within {NEAR:g} dB of the best {psnr_name} {spent}, {share:.0f} % of the best's "
        f"(trial {front.trial[cheapest]}; the best is trial {front.trial[best]})."
    )


def _spent(kind: Cost, cost: float) -> str:
    return f"takes {cost:.1f} ms a step" if kind == "step_ms" else f"has {thousands(cost)} parameters"


def target_in_words(cost: CostTarget) -> str:
    """Return what a run's rewards lost by the cost of its steps.

    Examples
    --------
    >>> target_in_words(CostTarget(10.0, 0.5))
    "Rewards lost 0.5 dB for each doubling of a step's time beyond 10 ms."
    """
    return f"Rewards lost {cost.weight:g} dB for each doubling of a step's time beyond {cost.ms:g} ms."
