"""What a search starts by: scores without a fit, and candidates."""

import csv

import numpy as np
import pytest
from small_searches import CPU, TINY, comparable, made_up_result, settings, start

from nasdip.errors import NasdipError
from nasdip.nas import warm_start as room
from nasdip.nas.ledger import Ledger
from nasdip.nas.runner import run_trials
from nasdip.nas.trial_task import task_of
from nasdip.nas.warm_start import left_to_score, training_free_score, warm_start
from nasdip.options.search import ProxySettings
from nasdip.records.run_folder import RunFolder
from nasdip.space.architecture import Architecture

PROXY = ProxySettings(crop=32, width=16, steps=4, heldout=0.1)
DIP = "dip+bilinear:4.4"
INSIDE = str(TINY.sample(np.random.default_rng(5)))


def test_scores_are_computed_once_and_read_afterwards(tmp_path, monkeypatch):
    folder = start(tmp_path, settings(warm_start=12, proxy=PROXY))
    counts = []
    assert left_to_score(folder) == 12
    scored = warm_start(folder, counts.append)
    assert left_to_score(folder) == 0
    assert counts == list(range(1, len(scored) + 1))
    assert 6 <= len(scored) <= 12
    assert len({architecture for architecture, _ in scored}) == len(scored)
    with (tmp_path / "warm_start.csv").open() as file:
        assert [row["architecture"] for row in csv.DictReader(file)] == [str(a) for a, _ in scored]
    monkeypatch.setattr(room, "training_free_score", None)
    assert warm_start(folder) == scored


def test_a_score_is_minus_the_difference_of_spectra(tmp_path):
    folder = start(tmp_path, settings(proxy=PROXY))
    task = task_of(folder.record(), *folder.images())
    score = training_free_score(Architecture.from_text(INSIDE), task)
    assert np.isfinite(score)
    assert score < 0
    assert training_free_score(Architecture.from_text("pixel-shuffle+conv1:1:w7"), task) == -np.inf


def test_a_picture_too_small_for_scores_is_searched_without(tmp_path):
    folder = start(tmp_path, settings(warm_start=5, proxy=ProxySettings(crop=16, width=16, steps=4, heldout=0.1)))
    scored = warm_start(folder)
    assert all(np.isfinite(score) for _, score in scored)
    assert [t.status for t in run_trials(folder, CPU)] == ["ok"] * 4


def test_the_searcher_starts_by_the_scores_and_a_resumption_does_not_again(tmp_path):
    chosen = settings(warm_start=20, trials=6, proxy=PROXY)
    first = [Ledger(start(tmp_path / str(n), chosen), 1).suggest().architecture for n in range(2)]
    cold = Ledger(start(tmp_path / "cold", settings(trials=6, proxy=PROXY)), 1)
    assert first[0] == first[1]
    ledger = Ledger(RunFolder(tmp_path / "0"), 1)
    before = {k: v.clone() for k, v in ledger._searcher.dump().tensors.items()}
    again = Ledger(RunFolder(tmp_path / "0"), 1)._searcher.dump().tensors
    assert all(np.array_equal(before[k], again[k]) for k in before)
    assert not np.array_equal(before["policy.biases"], cold._searcher.dump().tensors["policy.biases"])


def test_candidates_are_the_first_trials(tmp_path):
    folder = start(tmp_path, settings(trials=4, candidates=(DIP, INSIDE)))
    trials = run_trials(folder, CPU)
    assert [str(t.architecture) for t in trials[:2]] == [DIP, INSIDE]
    assert [t.status for t in trials] == ["ok"] * 4
    assert folder.best().reward == max(t.reward for t in trials)


def test_the_searcher_learns_from_candidates_that_its_space_holds(tmp_path):
    ledger = Ledger(start(tmp_path, settings(candidates=(DIP, INSIDE))), 1)
    for _ in range(3):
        ledger.learn(made_up_result(ledger.suggest()))
    known = [TINY.decode(code) for code in ledger._searcher._known]
    assert Architecture.from_text(INSIDE) in known
    assert len(known) == 2


def test_candidates_survive_a_lost_searcher(tmp_path):
    chosen = settings(trials=5, candidates=(DIP,))
    whole = run_trials(start(tmp_path / "whole", chosen), CPU)
    folder = start(tmp_path / "cut", chosen)
    ledger = Ledger(folder, 1)
    ledger.suggest()
    folder.searcher_file.unlink()
    assert comparable(run_trials(folder, CPU)) == comparable(whole)


def test_bad_candidates_and_warm_starts_are_refused(tmp_path):
    with pytest.raises(NasdipError, match="not an architecture"):
        start(tmp_path, settings(candidates=("nonsense",)))
    assert not (tmp_path / "run.json").exists()
    with pytest.raises(NasdipError, match="warm start is -1"):
        settings(warm_start=-1)
    with pytest.raises(NasdipError, match="candidates are"):
        settings(candidates=[DIP])


def test_more_candidates_than_trials_are_cut(tmp_path):
    folder = start(tmp_path, settings(trials=1, candidates=(DIP, INSIDE)))
    assert folder.record().settings.candidates == (DIP,)
    assert [str(t.architecture) for t in run_trials(folder, CPU)] == [DIP]


def test_a_searcher_of_another_version_learns_the_results_anew(tmp_path, caplog):
    folder = start(tmp_path, settings(trials=6))
    ledger = Ledger(folder, 1)
    for _ in range(3):
        ledger.learn(made_up_result(ledger.suggest()))
    state = ledger._searcher.dump()
    meta = {**state.meta, "settings": {"learning_rate": 0.01}, "journal": list(ledger.journal), "open": []}
    type(state)(meta, state.tensors).save(folder.searcher_file)
    resumed = Ledger(folder, 1)
    assert "learned anew" in caplog.text
    assert [t.trial for t in resumed.trials] == [1, 2, 3]
    assert len(resumed._searcher._known) >= 3
    assert resumed.suggest().trial == 4
