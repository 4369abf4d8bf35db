"""Rewards that pay for the time of a step."""

import json
from dataclasses import replace

import pytest
from small_searches import CPU, made_up_result, settings, start

from nasdip.errors import NasdipError
from nasdip.nas.runner import run_trials
from nasdip.nas.trial_task import read_task, task_of, write_task
from nasdip.options.search import CostTarget, ProxySettings, SearchSettings
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import Suggestion
from nasdip.space.architecture import Architecture

SLOW = CostTarget(1e-4, weight=0.5)  # no step is that fast
QUICK = ProxySettings(crop=16, width=16, steps=20, heldout=0.1)


def test_the_penalty_counts_doublings_beyond_the_target():
    target = CostTarget(10.0, weight=0.5)
    assert [target.penalty(ms) for ms in (1.0, 10.0, 20.0, 80.0)] == [0.0, 0.0, 0.5, 1.5]


@pytest.mark.parametrize("values", [(0.0, 1.0), (-1.0, 1.0), (10.0, 0.0), (float("nan"), 1.0), (True, 1.0), ("x", 1.0)])
def test_bad_targets_are_refused(values):
    with pytest.raises(NasdipError, match="cost"):
        CostTarget(*values)


def test_trials_pay_for_their_steps(tmp_path):
    trials = run_trials(start(tmp_path, settings(proxy=QUICK, cost=SLOW)), CPU)
    for trial in trials:
        assert trial.step_ms > 0
        assert trial.penalty == pytest.approx(SLOW.penalty(trial.step_ms))
        assert trial.penalty > 1
        assert trial.reward == pytest.approx(trial.clean_psnr - trial.penalty)
        assert trial.psnr == pytest.approx(trial.clean_psnr)
        assert trial.curve[-1][1] == pytest.approx(trial.reward, abs=0.6)  # the pace of all steps is known in the end


def test_a_target_that_all_meet_costs_nothing(tmp_path):
    free = run_trials(start(tmp_path / "free", settings(proxy=QUICK, trials=3)), CPU)
    easy = run_trials(start(tmp_path / "easy", settings(proxy=QUICK, trials=3, cost=CostTarget(1e6))), CPU)
    assert [t.reward for t in easy] == [t.reward for t in free]
    assert {t.penalty for t in easy} == {0.0}


def test_the_target_is_kept_in_the_run_and_in_the_task_of_other_processes(tmp_path):
    folder = start(tmp_path, settings(proxy=QUICK, cost=SLOW))
    assert RunFolder(tmp_path).record().settings.cost == SLOW
    task = task_of(folder.record(), *folder.images())
    assert read_task(write_task(tmp_path, task)).cost == SLOW


def test_runs_that_know_no_cost_candidates_or_recipe_are_read_as_they_were(tmp_path):
    data = json.loads(json.dumps(settings().to_json()))
    for name in ("cost", "candidates", "warm_start"):
        del data[name]
    del data["proxy"]["recipe"]
    old = SearchSettings.from_json(data)
    assert (old.cost, old.candidates, old.warm_start, old.proxy.recipe) == (None, (), 0, "published")
    assert old.proxy.config.stop == "fixed"


def test_a_failed_trial_has_no_psnr():
    failed = made_up_result(Suggestion(1, Architecture.from_text("bilinear:1"), {}), status="failed")
    assert failed.psnr is None
    assert replace(failed, status="ok", reward=27.0, penalty=1.5).psnr == 28.5
