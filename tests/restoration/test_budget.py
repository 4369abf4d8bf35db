"""Picking what fits into a time, with made-up costs."""

import numpy as np
import pytest

from nasdip.errors import NasdipError
from nasdip.measurement.measurement import Observation
from nasdip.options.fit import FitConfig
from nasdip.restoration import budget
from nasdip.restoration.budget import check_budget, parse_budget, pick
from nasdip.restoration.task import make_task
from nasdip.restoration.working_time import WorkingTime
from nasdip.space.architecture import Architecture

FRONT = {name: Architecture.from_text(f"dip+bilinear:{skips}") for name, skips in (("a", "4"), ("b", "2"), ("c", "1"))}
STEP = {"4": 0.1, "2": 0.2, "1": 0.4}  # seconds


@pytest.fixture
def timed(monkeypatch):
    """Costs of a step by architecture, and what was timed."""
    seen = []

    def working_time(task, plan, folder, reference_seconds):
        skips = str(task.architecture).split(":")[1]
        seen.append(skips)
        return WorkingTime(STEP[skips] * plan.missing, task.config.steps, 2.0)

    monkeypatch.setattr(budget, "working_time", working_time)
    return seen


def make(architecture, most, steps=200, width=8):
    pixels = np.random.default_rng(0).random((16, 16, 1), dtype=np.float32)
    return make_task(Observation(pixels, sigma=25), architecture, FitConfig(steps=most or steps), width=width)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("5m", 300), ("5min", 300), ("1.5h", 5400), ("90", 90), (" 2 m ", 120), (".5m", 30), (None, None)],
)
def test_times(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5d", "1h30m", "1e3", "nan", "5 S", "s"])
def test_texts_that_are_no_time_are_refused(text):
    with pytest.raises(NasdipError, match="is no time: use one like 60s, 5m"):
        parse_budget(text)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf"), "60s"])
def test_seconds_that_are_no_time_are_refused(seconds):
    with pytest.raises(NasdipError, match="is no time: use a number of seconds above 0"):
        check_budget(seconds, None)


def test_a_budget_or_an_architecture():
    check_budget(None, "dip")
    check_budget(60, None)
    with pytest.raises(NasdipError, match="drop either the architecture or the budget"):
        check_budget(60, "dip")


@pytest.mark.parametrize(
    ("seconds", "skips", "words"),
    [
        (90, "1", "budget 1 min 30 s: c, estimated 1 min 22 s (none is better)"),
        (60, "2", "budget 1 min: b, estimated 42 s (c would take 1 min 22 s)"),
        (22, "4", "budget 22 s: a, estimated 22 s (c would take 1 min 22 s; b would take 42 s)"),
    ],
)
def test_the_best_that_fits_is_picked(timed, seconds, skips, words):
    picked = pick(seconds, FRONT, make)
    assert str(picked.task.architecture) == f"dip+bilinear:{skips}"
    assert (picked.task.config.steps, picked.words) == (200, words)
    assert picked.time.total <= seconds
    assert timed == ["1", "2", "4"][: len(timed)]  # no more than needed are timed


@pytest.mark.parametrize(
    ("seconds", "steps", "words"),
    [
        (12, 100, "a with 100 of 200 steps, estimated 12 s (a would take 22 s; c would take 1 min 22 s; b would take"),
        (3, 50, "a with 50 of 200 steps, estimated 7.0 s, more than the budget, which cuts no deeper (a would"),
    ],
)
def test_where_nothing_fits_the_steps_of_the_cheapest_are_cut(timed, seconds, steps, words):
    picked = pick(seconds, FRONT, make)
    assert str(picked.task.architecture) == "dip+bilinear:4"
    assert picked.task.config.steps == picked.time.steps == steps
    assert words in picked.words


def test_all_fits_count(timed):
    assert pick(50, FRONT, make, repeats=2).time == WorkingTime(0.2, 200, 2.0)
    cut = pick(22, FRONT, make, repeats=2)
    assert (cut.task.config.steps, cut.plan.repeats) == (100, 2)


def test_few_steps_that_were_asked_for_stay(timed):
    picked = pick(1, FRONT, lambda architecture, most: make(architecture, most, steps=20))
    assert picked.task.config.steps == 20
    assert "a with its 20 steps, estimated 4.0 s, more than the budget" in picked.words


def test_what_cannot_be_fitted_here_is_left_out(timed):
    front = {**FRONT, "split": Architecture.from_text("nearest+split-sum5+leaky-relu:11111.01111.00111.00011.00001")}
    picked = pick(90, front, lambda architecture, most: make(architecture, most, width=6))
    assert str(picked.task.architecture) == "dip+bilinear:1"
    assert "; split is left out: " in picked.words
    with pytest.raises(NasdipError, match="divisible by 4"):
        pick(90, {"split": front["split"]}, lambda architecture, most: make(architecture, most, width=6))


def test_the_time_is_measured_in_earnest():
    picked = pick(3600, {"a": FRONT["a"]}, make)
    assert picked.time.steps == 200
    assert 0 < picked.time.step < 3600 / 200
    assert picked.time.total == pytest.approx(200 * picked.time.step)  # the fixed rule needs no reference
