"""The kit: whatever holds for every searcher, in every shipped space, on random rewards."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from nasdip.errors import NasdipError
from nasdip.searchers.registry import SEARCHERS, make_searcher
from nasdip.searchers.searcher import Outcome, Searcher, SearcherState
from nasdip.space.search_space import SearchSpace

# Small enough that learning and mutation take part in 60 trials.
SETTINGS: dict[str, dict[str, float]] = {
    "reinforce": {
        "batch_size": 8, "hidden_size": 8, "learning_rate": 0.1, "entropy_weight": 1.0, "entropy_decay": 0.5,
        "candidates": 16,
    },
    "evolution": {"population": 12, "tournament": 3},
    "random": {},
}  # fmt: skip
SPACES = {name: SearchSpace.load(name) for name in ("nas_dip", "nas_dip_extended", "tiny")}

pytestmark = pytest.mark.parametrize("name", list(SEARCHERS))


def make(name: str, space: str = "tiny", seed: int = 0) -> Searcher:
    return make_searcher(name, SPACES[space], seed=seed, **SETTINGS[name])


def run(searcher: Searcher, rewards: np.random.Generator, trials: int) -> None:
    for _ in range(trials):
        searcher.update([Outcome(a, float(rewards.normal(28, 1))) for a in searcher.suggest()])


@pytest.mark.parametrize("space", list(SPACES))
def test_suggestions_lie_in_the_space(name: str, space: str) -> None:
    searcher, rewards = make(name, space), np.random.default_rng(0)
    seen = set()
    for _ in range(8):
        architectures = searcher.suggest(4)
        assert len(architectures) == 4
        for architecture in architectures:
            assert SPACES[space].decode(SPACES[space].encode(architecture)) == architecture
        seen |= set(architectures)
        searcher.update([Outcome(a, float(rewards.normal(28, 1))) for a in architectures])
    assert len(seen) > 10


def test_rewards_may_be_late_shuffled_repeated_and_foreign(name: str) -> None:
    searcher, rng = make(name), np.random.default_rng(1)
    suggested = searcher.suggest(30)
    foreign = [SPACES["tiny"].sample(rng) for _ in range(5)]
    outcomes = [Outcome(a, float(rng.normal(28, 1))) for a in [*suggested, *foreign, *suggested[:7]]]
    for i in rng.permutation(len(outcomes)):
        searcher.update([outcomes[i]])
    searcher.update([])
    assert all(SPACES["tiny"].encode(a) for a in searcher.suggest(5))


@pytest.mark.parametrize("cut", [0, 5, 27])
def test_resumed_search_equals_the_uninterrupted_one(name: str, cut: int, tmp_path: Path) -> None:
    whole, before = make(name, seed=3), make(name, seed=3)
    run(whole, np.random.default_rng(5), cut)
    rewards = np.random.default_rng(5)
    run(before, rewards, cut)
    before.dump().save(tmp_path / "searcher.safetensors")
    after = make(name, seed=99)
    after.load(SearcherState.read(tmp_path / "searcher.safetensors"))
    assert after.diagnostics() == whole.diagnostics()
    draws = np.random.default_rng(6)
    again = np.random.default_rng(6)
    for _ in range(20):
        expected, resumed = whole.suggest(), after.suggest()
        assert resumed == expected
        whole.update([Outcome(expected[0], float(draws.normal(28, 1)))])
        after.update([Outcome(resumed[0], float(again.normal(28, 1)))])
    assert after.diagnostics() == whole.diagnostics()
    assert after.suggest(10) == whole.suggest(10)


def test_dump_is_a_copy(name: str) -> None:
    searcher = make(name)
    run(searcher, np.random.default_rng(0), 20)
    state = searcher.dump()
    twin = copy.deepcopy(state)
    expected = searcher.suggest(10)
    for _ in range(2):  # what was dumped, and what was loaded, must not change with the searcher
        run(searcher, np.random.default_rng(1), 20)
        assert state.meta == twin.meta
        assert all(torch.equal(state.tensors[name], value) for name, value in twin.tensors.items())
        searcher.load(state)
        assert searcher.suggest(10) == expected


def test_seed_alone_decides(name: str) -> None:
    first, same, other = make(name, seed=1), make(name, seed=1), make(name, seed=2)
    for searcher in (first, same, other):
        run(searcher, np.random.default_rng(0), 30)
    expected = first.suggest(10)
    assert same.suggest(10) == expected
    assert other.suggest(10) != expected


@pytest.mark.parametrize("global_seed", [1, 2])
def test_global_random_state_is_neither_read_nor_changed(name: str, global_seed: int) -> None:
    expected = make(name)
    run(expected, np.random.default_rng(0), 30)
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(global_seed)
        before = torch.get_rng_state()
        searcher = make(name)
        run(searcher, np.random.default_rng(0), 30)
        searcher.load(searcher.dump())
        assert torch.equal(torch.get_rng_state(), before)
    assert searcher.suggest(5) == expected.suggest(5)
    np.testing.assert_equal(np.random.get_state(legacy=False), legacy)  # noqa: NPY002


def test_architecture_outside_the_space_is_refused_and_changes_nothing(name: str) -> None:
    searcher, twin = make(name), make(name)
    good = Outcome(searcher.suggest()[0], 28.0)
    twin.suggest()
    foreign = Outcome(SPACES["nas_dip"].sample(np.random.default_rng(0)), 28.0)
    with pytest.raises(NasdipError, match="does not hold"):
        searcher.update([good, foreign])
    for each in (searcher, twin):
        run(each, np.random.default_rng(0), 30)
    assert searcher.suggest(5) == twin.suggest(5)


def test_state_of_another_search_is_refused(name: str) -> None:
    state = make(name).dump()
    stranger = next(other for other in SEARCHERS if other != name)
    with pytest.raises(NasdipError, match="another searcher"):
        make(stranger).load(state)
    with pytest.raises(NasdipError, match="another space"):
        make(name, "nas_dip").load(state)


def test_damaged_state_is_refused_and_changes_nothing(name: str) -> None:
    searcher = make(name)
    state = searcher.dump()
    with pytest.raises(NasdipError, match="damaged"):
        searcher.load(SearcherState({**state.meta, "state": {}}, {}))
    fresh = make(name)
    assert searcher.suggest(5) == fresh.suggest(5)


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_count_must_be_positive(name: str, count: int) -> None:
    with pytest.raises(NasdipError, match="count"):
        make(name).suggest(count)


def test_nothing_to_search_is_refused(name: str) -> None:
    single = SearchSpace.from_json({"spatial": {"_type": "choice", "_value": ["bilinear"]}})
    with pytest.raises(NasdipError, match="one architecture"):
        make_searcher(name, single, seed=0)
