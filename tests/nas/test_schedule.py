"""The order of trials, on a clock of its own: no fits, no processes."""

import heapq
from contextlib import suppress

import numpy as np
import pytest
from small_searches import QUICK_TO_LEARN, TINY, made_up_result, settings, start

from nasdip.errors import NasdipError
from nasdip.nas.ledger import Ledger
from nasdip.nas.schedule import Schedule
from nasdip.records.run_folder import RunFolder
from nasdip.space.search_space import SearchSpace

FEW = SearchSpace.from_json({"spatial": {"_type": "choice", "_value": ["bilinear", "nearest"]},
                             "skips": {"_type": "choice", "_value": ["10.01", "11.01"]}})  # fmt: skip


@pytest.fixture(autouse=True)
def _no_tables(monkeypatch):
    """Leave out the tables of all trials, which take most of the time and are no matter here."""
    monkeypatch.setattr(RunFolder, "write_tables", lambda *_: None)


class Stopped(Exception):
    pass


class Clock:
    """Evaluates `at_once` trials beside each other, in made-up times; stops after some of them."""

    def __init__(self, at_once, rng, most=1000):
        self.at_once, self.rng, self.left = at_once, rng, most
        self.now = self.worked = 0.0
        self.running, self.jobs = [], []

    @property
    def is_free(self):
        return len(self.running) < self.at_once

    def submit(self, job):
        assert self.is_free
        # Spread like the times of fits of the published space's architectures: a standard deviation of a third.
        seconds = float(np.exp(0.35 * self.rng.standard_normal()))
        self.worked += seconds
        self.jobs.append(job)
        heapq.heappush(self.running, (self.now + seconds, job.suggestion))

    def wait(self):
        if self.left == 0:
            raise Stopped
        self.left -= 1
        self.now, suggestion = heapq.heappop(self.running)
        status = "failed" if len(str(suggestion.architecture)) % 3 == 0 else "ok"
        return made_up_result(suggestion, status=status, curve=((1, 20.0), (4, 20.0 + suggestion.trial)))


def run(folder, clock, lag, trials):
    ledger = Ledger(folder, lag)
    Schedule(ledger, clock, trials, lambda result: None).run()
    return ledger


def play(folder, lag, at_once, seed, trials=20, kills=0):
    """Run a search, killed some times at moments of its own; return its trials, and what each was compared with."""
    rng, others = np.random.default_rng(seed), {}
    for kill in range(kills + 1):
        clock = Clock(at_once, rng, most=1000 if kill == kills else int(rng.integers(0, trials // 2)))
        with suppress(Stopped):
            run(folder, clock, lag, trials)
        others |= {job.suggestion.trial: sorted(job.others) for job in clock.jobs}
    return [(t.trial, t.architecture, t.status, t.reward, t.repeat_of, t.diagnostics) for t in folder.trials()], others


@pytest.mark.parametrize("searcher", ["reinforce", "evolution", "random"])
@pytest.mark.parametrize("space", [TINY, FEW], ids=["tiny", "few"])
def test_a_search_does_not_depend_on_times_kills_and_processes(tmp_path, searcher, space):
    def search(name, **how):
        folder = start(
            tmp_path / name,
            settings(searcher=searcher, trials=20, parallel=3, searcher_settings=QUICK_TO_LEARN[searcher]),
            space=space,
        )
        return play(folder, 5, **how)

    alone, compared = search("alone", at_once=1, seed=0)
    assert [row[0] for row in alone] == list(range(1, 21))
    assert all(others == [n for n in others if n <= trial - 5] for trial, others in compared.items())
    assert any(row[2] == "repeated" for row in alone) or space is TINY
    for seed in (1, 2):
        assert search(f"beside-{seed}", at_once=3, seed=seed) == (alone, compared)
        assert search(f"killed-{seed}", at_once=3, seed=seed, kills=4) == (alone, compared)


def test_one_at_a_time_each_trial_knows_all_before_it(tmp_path):
    folder = start(tmp_path, settings(trials=12))
    _, compared = play(folder, 1, at_once=1, seed=0, trials=12)
    assert all(others == [n for n in range(1, trial) if n in compared] for trial, others in compared.items())
    assert Ledger(folder, 1).journal == tuple(sign * n for n in range(1, 13) for sign in (1, -1))


def test_a_search_whose_results_are_gone_is_that_of_one_that_kept_them(tmp_path):
    whole = start(tmp_path / "whole", settings(trials=12))
    trials, _ = play(whole, 3, at_once=2, seed=0, trials=12)
    damaged = start(tmp_path / "damaged", settings(trials=12))
    play(damaged, 3, at_once=2, seed=0, trials=8)
    for lost in (2, 3, 6):
        (damaged.path / f"trials/{lost:04d}.json").unlink()
    again, compared = play(damaged, 3, at_once=2, seed=1, trials=12)
    assert again == trials
    assert compared.keys() <= {2, 3, 6, 9, 10, 11, 12}


def test_trials_beyond_those_asked_for_wait(tmp_path):
    folder = start(tmp_path, settings(trials=8, searcher="random"))
    ledger = Ledger(folder, 3)
    for number in range(1, 4):
        ledger.suggest(range(1, number))
    clock = Clock(2, np.random.default_rng(0))
    assert run(folder, clock, 3, 2).results.keys() == {1, 2}
    assert list(Ledger(folder, 3).open) == [3]


def test_a_trial_that_can_never_begin_is_an_error(tmp_path):
    ledger = Ledger(start(tmp_path), 1)
    ledger.suggest()
    ledger.open.clear()
    with pytest.raises(NasdipError, match="trial 1 has no result and cannot begin"):
        Schedule(ledger, Clock(1, np.random.default_rng(0)), 4, lambda result: None).run()


@pytest.mark.parametrize("parallel", [2, 4])
def test_processes_hardly_ever_wait_for_the_slowest_trial(tmp_path, parallel):
    """With the lag of the settings they work as much as if no trial had to know another's result."""

    def busy(lag):
        asked = settings(searcher="random", trials=60, parallel=parallel)
        clock = Clock(parallel, np.random.default_rng(0))
        run(start(tmp_path / str(lag), asked, space=SearchSpace.load("nas_dip")), clock, lag, 60)
        return clock.worked / (parallel * clock.now)

    with_lag, free, shortest = busy(2 * parallel - 1), busy(60), busy(parallel)
    assert settings(parallel=parallel).lag == 2 * parallel - 1
    assert with_lag > 0.97 * free
    assert shortest < 0.95 * with_lag
