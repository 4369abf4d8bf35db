"""Picking what fits into a time, with made-up costs."""

from dataclasses import replace

import numpy as np
import pytest
from small_fits import measured

from nasdip.errors import NasdipError
from nasdip.options.fit import FitConfig
from nasdip.options.restore import RestoreOptions
from nasdip.report.text.plan import choice_words
from nasdip.restoration import plan as plan_room
from nasdip.restoration.plan import plan
from nasdip.restoration.planned import Plan
from nasdip.restoration.working_time import WorkingTime
from nasdip.space.architecture import Architecture

FRONT = {name: Architecture.from_text(f"dip+bilinear:{skips}") for name, skips in (("a", "4"), ("b", "2"), ("c", "1"))}
STEP = {"4": 0.1, "2": 0.2, "1": 0.4}  # seconds


@pytest.fixture
def timed(monkeypatch):
    """Costs of a step by architecture, and what was timed."""
    seen = []

    def working_time(made, folder, reference_seconds):
        skips = str(made.task.architecture).split(":")[1]
        seen.append(skips)
        return WorkingTime(STEP[skips] * made.missing, made.task.config.steps, 2.0)

    monkeypatch.setattr(Plan, "time_with", working_time)
    return seen


@pytest.fixture
def pick(monkeypatch):
    """Pick within a budget (s) from a made-up front."""
    pixels = np.random.default_rng(0).random((16, 16, 1), dtype=np.float32)

    def pick(seconds, front=FRONT, config=None, **changes):
        monkeypatch.setattr(plan_room, "zoo_front", lambda: front)
        asked = {"steps": 200, "width": 8, "stop": "fixed", "refine": False, "device": "cpu", **changes}
        return plan(measured(pixels), RestoreOptions(budget=seconds, **asked), config=config)

    return pick


@pytest.mark.parametrize(
    ("seconds", "skips", "words"),
    [
        (90, "1", "budget 1 min 30 s: c, estimated 1 min 22 s (none is better)"),
        (60, "2", "budget 1 min: b, estimated 42 s (c would take 1 min 22 s)"),
        (22, "4", "budget 22 s: a, estimated 22 s (c would take 1 min 22 s; b would take 42 s)"),
    ],
)
def test_the_best_that_fits_is_picked(timed, pick, seconds, skips, words):
    picked = pick(seconds)
    assert str(picked.task.architecture) == f"dip+bilinear:{skips}"
    assert (picked.task.config.steps, choice_words(picked.choice)) == (200, words)
    assert picked.time().total <= seconds
    assert timed == ["1", "2", "4"][: len(timed)]  # no more than needed are timed


@pytest.mark.parametrize(
    ("seconds", "steps", "words"),
    [
        (12, 100, "a with 100 of 200 steps, estimated 12 s (a would take 22 s; c would take 1 min 22 s; b would take"),
        (3, 50, "a with 50 of 200 steps, estimated 7.0 s, more than the budget, which cuts no deeper (a would"),
    ],
)
def test_where_nothing_fits_the_steps_of_the_cheapest_are_cut(timed, pick, seconds, steps, words):
    picked = pick(seconds)
    assert str(picked.task.architecture) == "dip+bilinear:4"
    assert picked.task.config.steps == picked.time().steps == steps
    assert words in choice_words(picked.choice)


def test_settings_that_are_given_are_cut_too(timed, pick):
    config = FitConfig(steps=200, learning_rate=0.02)
    assert pick(22, config=config).task.config == config
    assert pick(12, config=config).task.config == replace(config, steps=100)


def test_all_fits_count(timed, pick):
    assert pick(50, repeats=2).time() == WorkingTime(0.2, 200, 2.0)
    cut = pick(22, repeats=2)
    assert (cut.task.config.steps, cut.repeats) == (100, 2)


def test_few_steps_that_were_asked_for_stay(timed, pick):
    picked = pick(1, steps=20)
    assert picked.task.config.steps == 20
    assert "a with its 20 steps, estimated 4.0 s, more than the budget" in choice_words(picked.choice)


def test_what_cannot_be_fitted_here_is_left_out(timed, pick):
    front = {**FRONT, "split": Architecture.from_text("nearest+split-sum5+leaky-relu:11111.01111.00111.00011.00001")}
    picked = pick(90, front, width=6)
    assert str(picked.task.architecture) == "dip+bilinear:1"
    assert "; split is left out: " in choice_words(picked.choice)
    with pytest.raises(NasdipError, match="divisible by 4"):
        pick(90, {"split": front["split"]}, width=6)


def test_the_time_is_measured_in_earnest(pick):
    picked = pick(3600, {"a": FRONT["a"]})
    assert picked.time().steps == 200
    assert 0 < picked.time().step < 3600 / 200
    assert picked.time().total == pytest.approx(200 * picked.time().step)  # the fixed rule needs no reference
