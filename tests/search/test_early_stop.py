import pytest
from small_searches import CPU, comparable, settings, start

from nasdip.errors import NasdipError
from nasdip.search.early_stop import EarlyStop
from nasdip.search.runner import run_trials
from nasdip.search.settings import ProxySettings, SearchSettings


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


def test_the_curve_leads_to_the_reward(tmp_path):
    quick = ProxySettings(crop=16, width=16, steps=40, heldout=0.1)
    chosen = settings(trials=1, proxy=quick, reward="heldout")
    trial = run_trials(start(tmp_path, chosen, with_clean=False), CPU)[0]
    assert [step for step, _ in trial.curve] == [10, 20, 30, 40]
    assert trial.curve[-1][1] == pytest.approx(trial.reward, abs=1e-3)
    assert trial.steps == 40
