import numpy as np
import pytest

from nasdip.errors import NasdipError
from nasdip.searchers.evolution import Evolution, EvolutionSettings, mutate
from nasdip.searchers.searcher import Outcome
from nasdip.space.search_space import SearchSpace

TINY = SearchSpace.load("tiny")


@pytest.mark.parametrize("name", ["tiny", "nas_dip", "nas_dip_extended"])
def test_mutation_changes_one_free_decision_and_repairs(name: str) -> None:
    space, rng = SearchSpace.load(name), np.random.default_rng(0)
    places = set()
    for _ in range(60):
        parent = space.encode(space.sample(rng))
        child = mutate(space, parent, rng)
        assert space.decode(child) != space.decode(parent)
        place = next(i for i in range(len(parent)) if parent[i] != child[i])
        places.add(place)
        for i in range(place + 1, len(parent)):
            was, now = space.mask(parent[:i]), space.mask(child[:i])
            assert now[child[i]]
            # What was chosen freely and is still allowed is inherited.
            assert child[i] == parent[i] or not now[parent[i]] or sum(was) == 1
    assert len(places) > 3


def test_mutation_draws_what_became_free() -> None:
    space, rng = SearchSpace.load("nas_dip_extended"), np.random.default_rng(0)
    depth = [d.name for d in space.decisions].index("depth")
    parent = space.encode(next(a for a in iter(lambda: space.sample(rng), None) if a.depth == 3))
    children = (mutate(space, parent, rng) for _ in range(600))
    deeper = [child for child in children if child[depth] > parent[depth]]
    forced = [i for i in range(depth + 1, len(parent)) if sum(space.mask(parent[:i])) == 1]
    assert deeper
    assert any(child[i] == 1 for child in deeper for i in forced)


def test_mutation_needs_something_to_change() -> None:
    single = SearchSpace.from_json({"spatial": {"_type": "choice", "_value": ["bilinear"]}})
    with pytest.raises(NasdipError, match="one architecture"):
        mutate(single, (0,), np.random.default_rng(0))


def test_aging_removes_the_oldest_however_good() -> None:
    evolution = Evolution(TINY, seed=0, settings=EvolutionSettings(population=3, tournament=3))
    codes = [(0, 0, 0, 0, skips) for skips in range(4)]
    best, *others = (TINY.decode(code) for code in codes)
    evolution.update([Outcome(best, 99.0), Outcome(others[0], 1.0), Outcome(others[1], 2.0)])
    assert evolution._parent() == codes[0]
    evolution.update([Outcome(others[2], 0.0)])
    assert [code for code, _ in evolution._population] == codes[1:]
    assert evolution._parent() == codes[2]


def test_children_descend_from_the_tournament_winner() -> None:
    evolution = Evolution(TINY, seed=0, settings=EvolutionSettings(population=20, tournament=20))
    rng = np.random.default_rng(0)
    winner = TINY.decode((0, 0, 0, 0, 0))
    evolution.update([Outcome(winner, 30.0), *(Outcome(TINY.sample(rng), 20.0) for _ in range(19))])
    reachable = {TINY.decode(mutate(TINY, (0, 0, 0, 0, 0), rng)) for _ in range(2000)}
    assert set(evolution.suggest(50)) <= reachable


def test_suggestions_before_any_reward_are_random_draws() -> None:
    rng = np.random.default_rng(4)
    expected = [TINY.sample(rng) for _ in range(100)]
    assert Evolution(TINY, seed=4).suggest(100) == expected
