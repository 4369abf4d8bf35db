"""A ledger under many trials at once, kills at every moment, and a full disk."""

import errno
import os
import shutil

import numpy as np
import pytest
from small_searches import QUICK_TO_LEARN, comparable, made_up_result, settings, start

from nasdip.errors import NasdipError
from nasdip.nas.ledger import Ledger
from nasdip.records.run_folder import RunFolder
from nasdip.searchers.state import SearcherState

SEARCHERS = ["reinforce", "evolution", "random"]
TRIALS = 14


def events(seed, trials=TRIALS, at_once=4):
    """Yield what happens in a search with trials at once, as (is_result, choice): results come in any order."""
    rng = np.random.default_rng(seed)
    suggested = running = 0
    while suggested < trials or running:
        result = running and (running == at_once or suggested == trials or rng.random() < 0.5)
        running += -1 if result else 1
        suggested += 0 if result else 1
        yield bool(result), int(rng.integers(running + 1)) if result else 0


def play(folder, seed, *, restart_before=frozenset()):
    """Play a search, with a new process (a new ledger) before some of the events; return the ledger."""
    ledger, out = Ledger(folder), []
    for number, (is_result, choice) in enumerate(events(seed)):
        if number in restart_before:
            ledger = Ledger(folder)
        if is_result:
            suggestion = ledger.open[out.pop(choice)]
            assert ledger.learn(ledger.repeated(suggestion) or made_up_result(suggestion))
        else:
            out.append(ledger.suggest(out).trial)
    return ledger


def run(path, searcher):
    return start(path, settings(searcher=searcher, trials=TRIALS, searcher_settings=QUICK_TO_LEARN[searcher]))


@pytest.mark.parametrize("searcher", SEARCHERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_restarted_before_every_event_a_search_is_that_of_one_process(tmp_path, searcher, seed):
    whole = play(run(tmp_path / "whole", searcher), seed)
    cut = play(run(tmp_path / "cut", searcher), seed, restart_before=frozenset(range(100)))
    assert comparable(cut.trials) == comparable(whole.trials)
    assert cut.journal == whole.journal
    more = TRIALS + 1
    assert [cut.suggest(range(1, more + n)) for n in range(4)] == [whole.suggest(range(1, more + n)) for n in range(4)]


def test_results_count_once_and_only_for_what_was_asked(tmp_path):
    ledger = Ledger(run(tmp_path, "reinforce"))
    first, second = ledger.suggest(), ledger.suggest([1])
    assert ledger.learn(made_up_result(second))
    assert not ledger.learn(made_up_result(second, reward=99.0))
    assert ledger.results[2].reward != 99.0
    with pytest.raises(NasdipError, match="nobody asked"):
        ledger.learn(made_up_result(first, architecture=second.architecture))
    with pytest.raises(NasdipError, match="nobody asked"):
        ledger.learn(made_up_result(first, trial=7))
    assert list(ledger.open) == [1]
    assert ledger.journal == (1, 2, -2)


@pytest.mark.parametrize("small", [True, False])
def test_the_searcher_is_told_what_a_stopped_trial_would_have_had(tmp_path, monkeypatch, small):
    ledger, told = Ledger(run(tmp_path, "random")), []
    monkeypatch.setattr(ledger._searcher, "update", lambda outcomes: told.extend(o.reward for o in outcomes))
    suggestions = [ledger.suggest(out) for out in ([], [1], [1, 2], [1, 2, 3])]
    rewards = (24.0, 25.0, 26.0)
    for suggestion, then, reward in zip(suggestions, (20.0, 22.0, 24.0), rewards, strict=False):
        curve = ((0, then), (10, 9.0), (20, reward)) if small else ((10, then), (20, reward))
        ledger.learn(made_up_result(suggestion, reward=reward, curve=curve))
    curve = ((0, 21.0),) if small else ((10, 21.0),)
    ledger.learn(made_up_result(suggestions[3], status="stopped", reward=21.0, curve=curve))
    assert told == [*rewards, 24.5]
    assert ledger.results[4].reward == 21.0


def test_an_open_suggestion_is_given_again_unless_it_is_out(tmp_path):
    folder = run(tmp_path, "random")
    suggested = [Ledger(folder).suggest(range(1, n)) for n in range(1, 4)]
    ledger = Ledger(folder)
    assert [ledger.suggest(out) for out in ([], [1], [1, 2])] == suggested
    assert ledger.suggest([1, 2, 3]).trial == 4


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_a_kill_between_a_result_and_the_state_loses_neither(tmp_path, searcher, monkeypatch):
    folder = run(tmp_path, searcher)
    ledger = Ledger(folder)
    suggestion = ledger.suggest()
    state = folder.searcher_file.read_bytes()
    ledger.learn(made_up_result(suggestion))
    after = ledger.suggest()
    folder.searcher_file.write_bytes(state)  # the state of before the result, which is on disk
    again = Ledger(folder)
    assert again.journal == (1, -1)
    assert again.suggest() == after


def test_a_lost_state_is_made_again_from_the_trials(tmp_path):
    folder = run(tmp_path, "reinforce")
    ledger = Ledger(folder)
    for _ in range(12):
        suggestion = ledger.suggest()
        ledger.learn(ledger.repeated(suggestion) or made_up_result(suggestion))
    following = ledger.suggest()
    folder.searcher_file.unlink()
    assert Ledger(folder).suggest() == following


@pytest.mark.parametrize("lost", [1, 3, 6])
@pytest.mark.parametrize("lag", [1, 3, None])
def test_a_trial_whose_result_is_gone_is_suggested_again(tmp_path, lag, lost, caplog):
    folder = run(tmp_path, "reinforce")
    ledger = Ledger(folder, lag)
    for _ in range(6):
        suggestion = ledger.suggest()
        ledger.learn(made_up_result(suggestion))
    results, following = ledger.results, ledger.suggest()
    (folder.path / f"trials/{lost:04d}.json").unlink()
    again = Ledger(folder, lag)
    assert f"lacks results of trials that ended ({lost})" in caplog.text
    assert min(again.open) == lost
    assert again.open[lost].architecture == results[lost].architecture
    assert again.learn(made_up_result(again.open[lost]))
    assert list(again.open) == [7]
    if lag is not None:
        assert again.journal == ledger.journal
        assert again.suggest() == following


def _five_trials(ledger):
    for _ in range(5):
        ledger.learn(made_up_result(ledger.suggest()))


@pytest.mark.parametrize("which", [pytest.param(n, id=f"write-{n}") for n in range(6)])
def test_a_full_disk_at_any_write_loses_nothing_that_was_kept(tmp_path, monkeypatch, which):
    folder = run(tmp_path / "run", "reinforce")
    ledger = Ledger(folder)
    first = ledger.suggest()
    real, writes = os.fsync, []

    def full(descriptor):
        writes.append(descriptor)
        if len(writes) > which:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises((OSError, NasdipError), match="No space"):
            _five_trials(ledger)
    assert not [p for p in folder.path.rglob(".*") if p.suffix in (".json", ".csv", ".tmp", ".safetensors")]
    # The disk has space again: a copy that was never disturbed behaves in the same way.
    shutil.copytree(folder.path, tmp_path / "copy")
    done = {t.trial for t in folder.trials()}
    again = Ledger(RunFolder(folder.path))
    assert set(again.results) == done
    assert [-e for e in again.journal if e < 0] == sorted(done)
    assert first.trial in again.open or first.trial in done
    undisturbed = Ledger(run(tmp_path / "undisturbed", "reinforce"))
    while len(undisturbed.results) < len(done):
        undisturbed.learn(made_up_result(undisturbed.suggest()))
    assert again.suggest() == undisturbed.suggest()


def test_a_state_of_another_kind_is_refused_and_kept(tmp_path):
    folder = run(tmp_path, "reinforce")
    Ledger(folder).suggest()
    folder.searcher_file.write_bytes(b"not safetensors")
    with pytest.raises(NasdipError, match="not a whole searcher state"):
        Ledger(folder)
    assert folder.searcher_file.read_bytes() == b"not safetensors"


def test_a_run_of_an_earlier_version_goes_on(tmp_path):
    """Its state has no journal; its trials came one after the other."""
    folder = run(tmp_path, "reinforce")
    ledger = Ledger(folder)
    for _ in range(4):
        ledger.learn(made_up_result(ledger.suggest()))
    following = ledger.suggest()
    state = SearcherState.read(folder.searcher_file)
    meta = {key: value for key, value in state.meta.items() if key not in ("journal", "open")}
    SearcherState({**meta, "trials": 4}, state.tensors).save(folder.searcher_file)
    assert Ledger(folder).suggest() == following
