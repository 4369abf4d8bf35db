import pytest

from nasdip.errors import NasdipError
from nasdip.options.early_stop import EarlyStop


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


@pytest.mark.parametrize(
    "wrong", [{"rule": "luck"}, {"first": 0}, {"first": 1.0}, {"factor": 1}, {"trials": 1}, {"trials": 2.5}]
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(NasdipError):
        EarlyStop(**{"rule": "median", **wrong})
