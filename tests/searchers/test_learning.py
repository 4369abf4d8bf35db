"""Whether searchers find what random search does not, on a reward known in closed form over the published space."""

from typing import Any

import numpy as np
import pytest
from landscape import Landscape

from nasdip.searchers.registry import make_searcher
from nasdip.searchers.searcher import Outcome
from nasdip.space.search_space import SearchSpace

SPACE = SearchSpace.load("nas_dip")
SEEDS = range(3)
# REINFORCE without the model that picks from its draws: what the policy itself learns.
POLICY_ALONE = {"unique": False, "candidates": 1}


def rewards_of(name: str, trials: int, **settings: Any) -> np.ndarray:
    """Rewards of a search in batches of 10, one row for each seed; shape (seeds, trials)."""
    rows = []
    for seed in SEEDS:
        landscape, searcher = Landscape.draw(seed), make_searcher(name, SPACE, seed=seed, **settings)
        row: list[float] = []
        while len(row) < trials:
            outcomes = [Outcome(a, landscape.reward(a)) for a in searcher.suggest(10)]
            searcher.update(outcomes)
            row += [outcome.reward for outcome in outcomes]
        rows.append(row)
    return np.array(rows)


@pytest.fixture(scope="module")
def random_rewards() -> np.ndarray:
    return rewards_of("random", 400)


@pytest.fixture(scope="module")
def reinforce_rewards() -> np.ndarray:
    return rewards_of("reinforce", 100)


def test_landscape_has_a_standard_deviation_of_about_one_decibel(random_rewards: np.ndarray) -> None:
    assert 0.7 < random_rewards.std(axis=1).mean() < 1.4


def test_the_policy_ends_above_the_best_of_random_search(random_rewards: np.ndarray) -> None:
    alone = rewards_of("reinforce", 300, **POLICY_ALONE)
    margins = alone[:, -50:].mean(axis=1) - random_rewards[:, :300].max(axis=1)
    assert margins.mean() > 1.0
    assert margins.min() > 0.0


def test_reinforce_finds_in_60_trials_what_random_search_does_not_in_400(
    random_rewards: np.ndarray, reinforce_rewards: np.ndarray
) -> None:
    margins = reinforce_rewards[:, :60].max(axis=1) - random_rewards.max(axis=1)
    assert margins.mean() > 0.7
    assert margins.min() > -0.2


def test_reinforce_goes_on_finding_better_ones(random_rewards: np.ndarray, reinforce_rewards: np.ndarray) -> None:
    margins = reinforce_rewards.max(axis=1) - random_rewards.max(axis=1)
    assert margins.mean() > 1.8
    assert margins.min() > 1.0


def test_evolution_learns(random_rewards: np.ndarray) -> None:
    assert rewards_of("evolution", 200)[:, -50:].mean() > random_rewards[:, :200].max(axis=1).mean()
