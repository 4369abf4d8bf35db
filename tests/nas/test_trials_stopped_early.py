from dataclasses import replace

import numpy as np
import pytest
from small_searches import CPU, comparable, settings, start

from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.nas.runner import resume_run, run_trials
from nasdip.nas.trial_task import make_trial_task
from nasdip.options.early_stop import EarlyStop
from nasdip.options.search import CostTarget, ProxySettings, SearchSettings


def test_the_smaller_fit_has_the_centre_of_all_that_the_trial_has():
    rng = np.random.default_rng(0)
    pixels, clean = rng.random((70, 100, 3), dtype=np.float32), rng.random((70, 100, 3), dtype=np.float32)
    measurement = Measurement(pixels, NoiseModel.white(25.0))
    chosen = settings(
        proxy=ProxySettings(crop=96, width=32, steps=600), early_stop=EarlyStop("size"), cost=CostTarget(1.0)
    )
    task = make_trial_task(measurement, clean, chosen)
    assert task.smaller_first
    small = task.smaller()
    assert (small.proxy.crop, small.proxy.width, small.proxy.steps) == (32, 32, 400)
    assert (small.smaller_first, small.cost, small.seed, small.reward) == (False, None, task.seed, task.reward)
    assert np.array_equal(small.measurement.pixels, pixels[19:51, 34:66])
    assert np.array_equal(small.clean, clean[19:51, 34:66])
    assert np.array_equal(small.reference.image, task.reference.image[19:51, 32:64])


def test_a_search_stops_trials_and_still_finds_its_best(tmp_path):
    quick = ProxySettings(crop=16, width=16, steps=30, heldout=0.1, threads=1)
    rule = EarlyStop("median", trials=3)
    chosen = settings(trials=8, searcher="random", proxy=quick, early_stop=rule, reward="heldout")
    folder = start(tmp_path / "stopping", chosen, with_clean=False)
    trials = run_trials(folder, CPU)
    stopped = [t for t in trials if t.status == "stopped"]
    assert stopped
    assert folder.best().status == "ok"
    for trial in stopped:
        assert trial.steps < 30
        assert "stopped at step" in trial.error
        assert trial.reward == pytest.approx(max([r for _, r in trial.curve] + [trial.heldout_psnr]))
    assert folder.record().settings == SearchSettings.from_json(chosen.to_json()) == chosen
    never = settings(trials=8, searcher="random", proxy=quick, reward="heldout")
    whole = run_trials(start(tmp_path / "whole", never, with_clean=False), CPU)
    same = [t for t in comparable(trials) if t[3] == "ok"]
    assert set(same) <= set(comparable(whole))


def test_a_search_with_smaller_fits_first_is_repeatable_and_resumable(tmp_path):
    quick = ProxySettings(crop=32, width=16, steps=15, heldout=0.1, threads=1)
    rule = EarlyStop("size", factor=2, trials=2)
    chosen = settings(trials=6, searcher="random", proxy=quick, early_stop=rule, reward="heldout")
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
        assert (trial.heldout_psnr, trial.parameters, trial.steps) == (None, None, 10)
    for trial in whole:
        assert trial.curve[0][0] == 0
        assert [step for step, _ in trial.curve] == [0, 10, 15]
    assert folder.best().status == "ok"
    again = start(tmp_path / "again", replace(chosen, trials=4), with_clean=False)
    run_trials(again, CPU)
    resume_run(again, trials=6)
    assert comparable(run_trials(again, CPU)) == comparable(trials)


def test_the_curve_leads_to_the_reward(tmp_path):
    quick = ProxySettings(crop=16, width=16, steps=40, heldout=0.1)
    chosen = settings(trials=1, proxy=quick, reward="heldout")
    trial = run_trials(start(tmp_path, chosen, with_clean=False), CPU)[0]
    assert [step for step, _ in trial.curve] == [10, 20, 30, 40]
    assert trial.curve[-1][1] == pytest.approx(trial.reward, abs=1e-3)
    assert trial.steps == 40
