from dataclasses import replace
from typing import Any

import pytest

from nasdip.errors import NasdipError
from nasdip.searchers.registry import SEARCHERS, make_searcher
from nasdip.space.search_space import SearchSpace

SPACE = SearchSpace.load("tiny")


def test_names_are_the_keys() -> None:
    assert {name: entry.searcher.name for name, entry in SEARCHERS.items()} == {name: name for name in SEARCHERS}
    assert all(entry.name == name for name, entry in SEARCHERS.items())
    assert set(SEARCHERS) == {"reinforce", "evolution", "random"}


def test_settings_reach_the_searcher() -> None:
    searcher = make_searcher("reinforce", SPACE, seed=0, learning_rate=0.5, tanh_constant=2.5)
    assert (searcher.settings.learning_rate, searcher.settings.tanh_constant) == (0.5, 2.5)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("annealing", {}, "unknown searcher 'annealing': use one of reinforce, evolution, random"),
        ("reinforce", {"learning_rat": 0.1}, "no setting 'learning_rat': use learning_rate"),
        ("random", {"population": 3}, "no setting 'population': use none"),
        ("reinforce", {"learning_rate": 0}, "learning_rate is 0"),
        ("reinforce", {"learning_rate": float("nan")}, "learning_rate is nan"),
        ("reinforce", {"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ("reinforce", {"batch_size": 2.5}, "batch_size is 2.5: give a whole number"),
        ("reinforce", {"baseline_decay": 1}, "baseline_decay"),
        ("reinforce", {"entropy_weight": -0.1}, "entropy_weight"),
        ("reinforce", {"entropy_decay": 1.1}, "entropy_decay"),
        ("reinforce", {"advantage_clip": 0}, "advantage_clip"),
        ("reinforce", {"hidden_size": 0}, "hidden_size"),
        ("reinforce", {"temperature": 0}, "temperature"),
        ("reinforce", {"tanh_constant": 0}, "tanh_constant"),
        ("reinforce", {"candidates": 0}, "candidates is 0: give a whole number"),
        ("reinforce", {"candidates_from": 1}, "candidates_from"),
        ("reinforce", {"ucb_beta": -1}, "ucb_beta"),
        ("reinforce", {"uniform": 1.5}, "uniform"),
        ("reinforce", {"warm_temperature": 0}, "warm_temperature"),
        ("evolution", {"population": 1}, "population is 1: give a whole number from 2"),
        ("evolution", {"population": 4}, "tournament is 5: give a whole number from 1 to 4"),
        ("random", {"seed": -1}, "seed is -1"),
    ],
)
def test_bad_names_and_settings_are_refused(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(NasdipError, match=message):
        make_searcher(name, SPACE, **{"seed": 0, **settings})


def test_names_of_earlier_versions_still_count() -> None:
    old = {"fresh": False, "screened": 7, "screened_from": 3, "optimism": 2.0}
    searcher = make_searcher("reinforce", SPACE, seed=0, **old)
    s = searcher.settings
    assert (s.unique, s.candidates, s.candidates_from, s.ucb_beta) == (False, 7, 3, 2.0)
    state = searcher.dump()
    renamed = {new: former for former, new in searcher.renamed_settings.items()}
    settings = {renamed.get(name, name): value for name, value in state.meta["settings"].items()}
    assert set(old) < set(settings)
    make_searcher("reinforce", SPACE, seed=0, **old).load(replace(state, meta={**state.meta, "settings": settings}))


def test_settings_of_another_searcher_are_refused() -> None:
    with pytest.raises(NasdipError, match="takes EvolutionSettings"):
        SEARCHERS["evolution"].searcher(SPACE, seed=0, settings=make_searcher("reinforce", SPACE, seed=0).settings)
    state = make_searcher("evolution", SPACE, seed=0, population=8).dump()
    with pytest.raises(NasdipError, match="another settings"):
        make_searcher("evolution", SPACE, seed=0).load(state)
