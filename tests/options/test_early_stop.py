from dataclasses import replace

import numpy as np
import pytest
from small_searches import CPU, comparable, settings, start

from nasdip.errors import NasdipError
from nasdip.measurement.measurement import Observation
from nasdip.nas.runner import resume_run, run_trials
from nasdip.nas.trial_task import make_task
from nasdip.options.early_stop import EarlyStop
from nasdip.options.search import CostTarget, ProxySettings, SearchSettings


def rising(level, until=100):
    return tuple((step, level + step / 100) for step in range(10, until + 1, 10))


OTHERS = {n: rising(20 + n) for n in range(1, 7)}


@pytest.mark.parametrize("rule", ["halving", "median"])
def test_a_bad_trial_is_stopped_and_a_good_one_goes_on(rule):
    stop = EarlyStop(rule)
    assert "of 100" in stop.judge(rising(20, until=30), OTHERS, steps=100)
    assert stop.judge(rising(27, until=30), OTHERS, steps=100) is None


@pytest.mark.parametrize("rule", ["halving", "median"])
def test_nobody_is_stopped_before_the_first_rung_at_the_end_or_with_few_to_compare(rule):
    stop = EarlyStop(rule)
    assert stop.judge(rising(0, until=20), OTHERS, steps=100) is None
    assert stop.judge(rising(0, until=100), OTHERS, steps=100) is None
    assert stop.judge(rising(0, until=30), {n: OTHERS[n] for n in (1, 2, 3, 4)}, steps=100) is None
    assert stop.judge(rising(0, until=30), {n: OTHERS[n][:2] for n in OTHERS}, steps=100) is None
    assert EarlyStop().judge(rising(0, until=30), OTHERS, steps=100) is None


def test_halving_lets_the_best_half_pass_each_rung_and_judges_only_at_rungs():
    stop = EarlyStop("halving")
    passing = [n for n in OTHERS if stop.judge(OTHERS[n][:3], {k: OTHERS[k] for k in OTHERS if k != n}, 100) is None]
    assert passing == [4, 5, 6]
    assert stop.judge(rising(0, until=40), OTHERS, steps=100) is None
    assert stop.judge(rising(0, until=50), OTHERS, steps=100) is not None
    thirds = EarlyStop("halving", factor=3)
    passing = [n for n in OTHERS if thirds.judge(OTHERS[n][:3], {k: OTHERS[k] for k in OTHERS if k != n}, 100) is None]
    assert passing == [5, 6]


def test_size_judges_the_smaller_fit_alone_and_lets_the_best_quarter_pass():
    stop = EarlyStop("size")
    others = {n: ((0, 20.0 + n), *rising(0)) for n in range(1, 9)}
    passing = [n for n in others if stop.judge(others[n][:1], {k: others[k] for k in others if k != n}, 100) is None]
    assert passing == [7, 8]
    assert "after a smaller fit: 8 of 8 trials were better" in stop.judge(((0, 1.0),), others, 100)
    assert stop.judge(((0, 1.0), (10, 1.0)), others, 100) is None
    assert stop.judge(((0, 1.0),), {n: others[n] for n in (1, 2, 3, 4)}, 100) is None
    assert stop.judge(((0, 1.0),), OTHERS, 100) is None  # none of them had a smaller fit
    assert EarlyStop("size", factor=2).share == 2


def test_the_smaller_fit_has_the_centre_of_all_that_the_trial_has():
    rng = np.random.default_rng(0)
    pixels, clean = rng.random((70, 100, 3), dtype=np.float32), rng.random((70, 100, 3), dtype=np.float32)
    observation = Observation(pixels, 25.0)
    chosen = settings(
        proxy=ProxySettings(crop=96, width=32, steps=600), early_stop=EarlyStop("size"), cost=CostTarget(1.0)
    )
    task = make_task(observation, clean, chosen)
    assert task.smaller_first
    small = task.smaller()
    assert (small.proxy.crop, small.proxy.width, small.proxy.steps) == (32, 32, 400)
    assert (small.smaller_first, small.cost, small.seed, small.reward) == (False, None, task.seed, task.reward)
    assert np.array_equal(small.observation.pixels, pixels[19:51, 34:66])
    assert np.array_equal(small.clean, clean[19:51, 34:66])
    assert np.array_equal(small.observation.reference.image, task.observation.reference.image[19:51, 32:64])


@pytest.mark.parametrize(
    "wrong", [{"rule": "luck"}, {"first": 0}, {"first": 1.0}, {"factor": 1}, {"trials": 1}, {"trials": 2.5}]
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(NasdipError):
        EarlyStop(**{"rule": "median", **wrong})


def test_a_search_stops_trials_and_still_finds_its_best(tmp_path):
    quick = ProxySettings(crop=16, width=16, steps=80, heldout=0.1, threads=1)
    rule = EarlyStop("median", trials=3)
    chosen = settings(trials=14, searcher="random", proxy=quick, early_stop=rule, reward="heldout")
    folder = start(tmp_path / "stopping", chosen, with_clean=False)
    trials = run_trials(folder, CPU)
    stopped = [t for t in trials if t.status == "stopped"]
    assert stopped
    assert folder.best().status == "ok"
    for trial in stopped:
        assert trial.steps < 80
        assert "stopped at step" in trial.error
        assert trial.reward == pytest.approx(max([r for _, r in trial.curve] + [trial.heldout_psnr]))
    assert folder.record().settings == SearchSettings.from_json(chosen.to_json()) == chosen
    whole = run_trials(
        start(
            tmp_path / "whole", settings(trials=14, searcher="random", proxy=quick, reward="heldout"), with_clean=False
        ),
        CPU,
    )
    same = [t for t in comparable(trials) if t[3] == "ok"]
    assert set(same) <= set(comparable(whole))


def test_a_search_with_smaller_fits_first_is_repeatable_and_resumable(tmp_path):
    quick = ProxySettings(crop=32, width=16, steps=30, heldout=0.1, threads=1)
    rule = EarlyStop("size", factor=2, trials=2)
    chosen = settings(trials=8, searcher="random", proxy=quick, early_stop=rule, reward="heldout")
    folder = start(tmp_path / "run", chosen, with_clean=False)
    trials = run_trials(folder, CPU)
    stopped = [t for t in trials if t.status == "stopped"]
    whole = [t for t in trials if t.status == "ok"]
    assert stopped
    assert whole
    for trial in stopped:
        assert [step for step, _ in trial.curve] == [0]
        assert trial.reward == trial.curve[0][1]
        assert "after a smaller fit" in trial.error
        assert (trial.heldout_psnr, trial.parameters, trial.steps) == (None, None, 20)
    for trial in whole:
        assert trial.curve[0][0] == 0
        assert [step for step, _ in trial.curve] == [0, 10, 20, 30]
    assert folder.best().status == "ok"
    again = start(tmp_path / "again", replace(chosen, trials=5), with_clean=False)
    run_trials(again, CPU)
    resume_run(again, trials=8)
    assert comparable(run_trials(again, CPU)) == comparable(trials)


def test_the_curve_leads_to_the_reward(tmp_path):
    quick = ProxySettings(crop=16, width=16, steps=40, heldout=0.1)
    chosen = settings(trials=1, proxy=quick, reward="heldout")
    trial = run_trials(start(tmp_path, chosen, with_clean=False), CPU)[0]
    assert [step for step, _ in trial.curve] == [10, 20, 30, 40]
    assert trial.curve[-1][1] == pytest.approx(trial.reward, abs=1e-3)
    assert trial.steps == 40
