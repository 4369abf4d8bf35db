"""The budget of time of a search: a shorter search is the beginning of a longer one, and its last fit fits in."""

import dataclasses

import numpy as np
import pytest
from small_searches import CPU, made_up_result, settings, start
from test_schedule import Clock

from nasdip.errors import NasdipError
from nasdip.nas import runner, time_limit
from nasdip.nas.final_fit import plan_best
from nasdip.nas.ledger import Ledger
from nasdip.nas.request import settings_of
from nasdip.nas.schedule import Schedule
from nasdip.nas.time_limit import TimeLimit
from nasdip.options.search import FinalSettings, SearchSettings
from nasdip.options.search_request import SearchOptions
from nasdip.records.trial_result import Suggestion
from nasdip.restoration.planned import Plan
from nasdip.restoration.run import run_restoration
from nasdip.restoration.working_time import WorkingTime
from nasdip.space.architecture import Architecture

LONG = FinalSettings(steps=400, width=16)


class Seconds:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def limit_of(folder, seconds, clock):
    return TimeLimit(folder, seconds, clock)


def results(count, seconds, **changes):
    dip = Architecture.from_text("dip+bilinear:4")
    return [made_up_result(Suggestion(n + 1, dip, {}), seconds=seconds, **changes) for n in range(count)]


@pytest.mark.parametrize("at_once", [1, 3])
def test_trials_that_are_enough_begin_a_longer_search(tmp_path, at_once):
    def search(name, most):
        folder = start(tmp_path / name, settings(trials=20, parallel=at_once))
        ledger = Ledger(folder, 2 * at_once - 1)
        clock = Clock(at_once, np.random.default_rng(0))
        number = Schedule(ledger, clock, 20, lambda result: None, lambda: len(ledger.results) >= most).run()
        assert number == len(ledger.results)
        return [(t.trial, t.architecture, t.reward) for t in ledger.trials]

    whole, part = search("whole", 100), search("part", 7)
    assert len(whole) == 20
    assert 7 <= len(part) <= 7 + at_once
    assert part == whole[: len(part)]


def test_a_trial_is_begun_where_the_last_fit_keeps_its_time(tmp_path):
    clock = Seconds()
    limit = limit_of(start(tmp_path), 100.0, clock)
    limit._reserve = 30.0
    least = time_limit.LEAST_TRIALS
    assert not limit.forbids(results(least, 5.0))
    clock.now = 63.0  # of 97: some time is for what comes before and after
    assert limit.forbids(results(least, 5.0))
    assert not limit.forbids(results(least, 3.0))
    assert not limit.forbids(results(least - 1, 5.0))
    # A repeated trial took no time, and says nothing of the next one.
    assert not limit.forbids([*results(least, 3.0), *results(20, 0.0, repeat_of=1)])
    assert limit.forbids([*results(least, 5.0), *results(20, 0.0, repeat_of=1)])


def test_the_last_fit_keeps_at_most_its_share_of_the_budget_free(tmp_path):
    long = start(tmp_path / "long", settings(final=FinalSettings(steps=10**6, width=16)))
    none = start(tmp_path / "none", settings(final=FinalSettings(steps=0)))
    for folder, seconds, least, most in ((long, 100.0, 65.0, 65.0), (long, 1e9, 1.0, 1e8), (none, 100.0, 0.0, 0.0)):
        limit = limit_of(folder, seconds, Seconds())
        limit.measure(folder, CPU)
        assert least <= limit._reserve <= most


def test_what_earlier_starts_took_counts(tmp_path):
    folder = start(tmp_path, settings(parallel=2))
    for result in results(3, 10.0):
        folder.write_trial(result)
    assert limit_of(folder, 100.0, Seconds()).left == pytest.approx(82.0)


def test_a_search_whose_time_is_over_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(time_limit, "LEAST_TRIALS", 2)
    whole = runner.run_trials(start(tmp_path / "whole"), CPU)
    folder = start(tmp_path / "short", settings(budget=0.001))
    trials = runner.run_trials(folder, CPU, limit=TimeLimit.of(folder))
    facts = [[(t.trial, t.architecture, t.reward) for t in some] for some in (trials, whole)]
    assert len(whole) == 4
    assert facts[0] == facts[1][:2]
    assert folder.record().settings.trials == 2
    assert folder.missing() == []
    # One that is asked for more goes on without a budget.
    runner.resume_run(folder, trials=4)
    assert folder.record().settings.budget is None
    assert TimeLimit.of(folder) is None
    more = runner.run_trials(folder, CPU)
    assert [(t.trial, t.architecture, t.reward) for t in more] == facts[1]


def finished(tmp_path, **changes):
    """Return the folder of a search whose trials have ended."""
    folder = start(tmp_path, settings(**{"final": LONG, "trials": 1, "budget": 1000.0, **changes}))
    runner.run_trials(folder, CPU)
    return folder


def limit_for(folder, share, monkeypatch):
    """Return a limit that leaves the last fit a share of the time of all of its steps."""
    monkeypatch.setattr(Plan, "time", lambda *_: WorkingTime(step=1.0, steps=400, others=20.0))
    taken = sum(trial.seconds for trial in folder.trials())
    return limit_of(folder, (20.0 + 1.15 * 400 * share + taken) / 0.97, Seconds())


@pytest.mark.parametrize(
    ("share", "steps"),
    [(2.0, 400), (1.0, 400), (0.6, 240), (0.34, 136), (0.33, 400), (-1.0, 400)],  # not cut where that is in vain
)
def test_the_last_fit_is_cut_where_that_keeps_the_budget(tmp_path, monkeypatch, share, steps):
    folder = finished(tmp_path)
    limit = limit_for(folder, share + 1e-9, monkeypatch)
    final = plan_best(folder, CPU, limit)
    assert final.plan.task.config.steps == steps
    assert limit.is_short(final.plan, final.folder) == (share < 0.34)


def test_a_last_fit_that_was_begun_keeps_its_steps(tmp_path, monkeypatch):
    folder = finished(tmp_path, final=dataclasses.replace(LONG, steps=8))
    monkeypatch.setattr(time_limit.TimeLimit, "steps", lambda *_: 5)
    limit = TimeLimit.of(folder)
    first = plan_best(folder, CPU, limit)
    assert first.plan.task.config.steps == 5
    run_restoration(first.plan, first.folder)
    monkeypatch.setattr(time_limit.TimeLimit, "steps", lambda *_: 3)
    again = plan_best(folder, CPU, TimeLimit.of(folder))
    assert again.plan.task.config.steps == 5
    assert again.plan.resumed
    assert plan_best(folder, CPU).plan.task.config.steps == 8


def test_searches_have_a_budget_unless_their_length_is_given():
    assert settings_of(SearchOptions()).budget == 600.0
    for length in ({"trials": 24}, {"final_steps": 0}, {"repeats": 1}):
        assert settings_of(SearchOptions(**length)).budget is None
        assert settings_of(SearchOptions(**length, budget=90.0)).budget == 90.0
    again = SearchSettings.from_json(settings(budget=90.0).to_json())
    assert again.budget == 90.0
    older = {key: value for key, value in settings().to_json().items() if key != "budget"}
    assert SearchSettings.from_json(older).budget is None


@pytest.mark.parametrize("budget", [0.0, -1.0, float("inf"), float("nan")])
def test_bad_budgets_are_refused(budget):
    with pytest.raises(NasdipError, match="is no time"):
        settings(budget=budget)
