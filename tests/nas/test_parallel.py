"""Several trials at once: real processes, and their deaths; the same search whatever the timing."""

import fcntl
import json
import os
import signal
import sys
import termios
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from small_searches import CPU, QUICK_TO_LEARN, comparable, settings, start

from nasdip import child_process
from nasdip.errors import NasdipError
from nasdip.nas import runner
from nasdip.nas.backends.backend import TrialJob
from nasdip.nas.backends.subprocesses import SubprocessBackend, Worker
from nasdip.nas.backends.worker import greeting
from nasdip.nas.ledger import Ledger
from nasdip.nas.worker_devices import find_worker_devices
from nasdip.network.plain import operations
from nasdip.options.early_stop import EarlyStop
from nasdip.options.search import FinalSettings, ProxySettings
from nasdip.space.search_space import SearchSpace

NO_FINAL = FinalSettings(steps=0)
TWO = ["cpu", "cpu"]
SEARCH = (
    "import logging, os, pathlib, signal, torch; from nasdip.nas import runner; "
    "from nasdip.records.run_folder import RunFolder; os.chdir({path!r}); "
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # which background jobs, as tests may be, ignore
    "runner.run_trials(RunFolder(pathlib.Path({path!r})), torch.device('cpu'), worker_devices=['cpu', 'cpu'])"
)


def chosen(**changes):
    """Return settings; by the recipe published fits take all steps, and need no reference."""
    steps, recipe = changes.pop("steps", 4), changes.pop("recipe", "published")
    quick = ProxySettings(crop=16, width=16, steps=steps, heldout=0.1, threads=1, recipe=recipe)
    return settings(**{"parallel": 2, "trials": 10, "proxy": quick, "final": NO_FINAL, **changes})


def facts(trials):
    """Return all that must not depend on the timing."""
    rows = zip(comparable(trials), trials, strict=True)
    return [(*row, t.repeat_of, t.curve, t.steps, t.diagnostics) for row, t in rows]


def workers_in(folder, search):
    """Return the ids of the processes that a search has started, which work where it does."""
    ids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [number for number in ids if number != search and lives(number) and works_in(number, folder)]


def works_in(number, folder):
    try:
        return Path(f"/proc/{number}/cwd").readlink() == folder
    except OSError:
        return False


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def results_in(folder):
    """Return how many trials have ended, without reading them."""
    return len(list(folder.path.glob("trials/0*.json")))


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("searcher", ["reinforce", "evolution"])
def test_processes_find_what_one_finds_whatever_ends_first(tmp_path, searcher):
    asked = chosen(searcher=searcher, searcher_settings=QUICK_TO_LEARN[searcher])
    alone = runner.run_trials(start(tmp_path / "alone", asked), CPU, worker_devices=["cpu"])
    ended = []
    folder = start(tmp_path / "beside", asked)
    beside = runner.run_trials(folder, CPU, lambda result: ended.append(result.trial), worker_devices=TWO)
    assert facts(beside) == facts(alone)
    assert sorted(ended) == [t.trial for t in beside] == list(range(1, 11))
    # Trial t was suggested when exactly the results up to t - 3 were learned.
    journal = Ledger(folder, lag=3).journal
    for trial in range(4, 11):
        before = journal[: journal.index(trial)]
        assert [-event for event in before if event < 0] == list(range(1, trial - 2))


def test_trials_are_stopped_early_by_the_curves_of_the_same_others(tmp_path):
    stopping = chosen(searcher="random", trials=12, steps=24, early_stop=EarlyStop("median", trials=3))
    alone = runner.run_trials(start(tmp_path / "alone", stopping, with_clean=False), CPU, worker_devices=["cpu"])
    beside = runner.run_trials(start(tmp_path / "beside", stopping, with_clean=False), CPU, worker_devices=TWO)
    assert any(trial.status == "stopped" for trial in beside)
    assert facts(beside) == facts(alone)


def test_a_trial_that_is_under_way_is_not_fitted_twice(tmp_path):
    two = SearchSpace.from_json({"spatial": {"_type": "choice", "_value": ["bilinear"]},
                                 "skips": {"_type": "choice", "_value": ["10.01", "11.01"]}})  # fmt: skip
    trials = runner.run_trials(start(tmp_path, chosen(trials=8), space=two), CPU, worker_devices=TWO)
    assert len([trial for trial in trials if trial.status == "ok"]) == 2
    for trial in trials:
        if trial.status == "repeated":
            assert trial.repeat_of < trial.trial
            assert trials[trial.repeat_of - 1].architecture == trial.architecture


def waiting_bytes(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)


def test_what_processes_say_while_nobody_listens_is_heard(tmp_path):
    folder = start(tmp_path, chosen(trials=2))
    with SubprocessBackend(folder, TWO) as workers:
        ledger = Ledger(folder, lag=3)
        for _ in range(2):
            workers.submit(TrialJob(ledger.suggest(ledger.open), {}))
        greetings = len(json.dumps(greeting())) + 1
        wait_for(lambda: all(waiting_bytes(worker.output) > greetings for worker in workers._workers))
        assert {workers.wait().trial, workers.wait().trial} == {1, 2}


@pytest.mark.gpu
def test_processes_share_a_gpu(tmp_path):
    folder = start(tmp_path, chosen(trials=4))
    devices = find_worker_devices(folder, torch.device("cuda"))
    assert len(devices) == 2
    assert devices[0] == "cuda:0"
    trials = runner.run_trials(folder, torch.device("cuda"), worker_devices=devices)
    assert all(trial.status in ("ok", "repeated") for trial in trials)


@pytest.fixture
def begin(warm, tmp_path):
    def begin(path):
        with open(tmp_path / "errors", "w") as errors:
            return begun.enter_context(warm.start(SEARCH.format(path=str(path)), errors.fileno()))

    with ExitStack() as begun:
        yield begin


def test_killed_with_minus_9_it_leaves_no_process_and_goes_on_as_if_never_stopped(tmp_path, begin):
    """Killed twice; results that came before their turn are used, not made again."""
    asked = chosen(trials=14, steps=12)
    folder = start(tmp_path / "killed", asked)
    done: dict[int, str] = {}
    for more in (3, 4):
        process = begin(folder.path)
        target = len(done) + more
        wait_for(lambda: results_in(folder) >= target or process.poll() is not None)  # noqa: B023
        workers = workers_in(folder.path, process.pid)
        assert len(workers) == 2
        process.kill()
        process.wait()
        wait_for(lambda: not any(map(lives, workers)), 20)  # noqa: B023
        kept = {t.trial: t.finished + str(t.seconds) for t in folder.trials()}
        assert done.items() <= kept.items()
        done = kept
    resumed = runner.run_trials(folder, CPU, worker_devices=TWO)
    assert done.items() <= {t.trial: t.finished + str(t.seconds) for t in resumed}.items()
    whole = runner.run_trials(start(tmp_path / "whole", asked), CPU, worker_devices=["cpu"])
    assert facts(resumed) == facts(whole)


def test_more_trials_later_are_those_of_one_search(tmp_path):
    folder = start(tmp_path / "part", chosen(trials=4))
    runner.run_trials(folder, CPU, worker_devices=["cpu"])
    runner.resume_run(folder, trials=7)
    runner.run_trials(folder, CPU, worker_devices=["cpu"])
    folder.searcher_file.unlink()  # a lost state is made again, since the order of events is known
    runner.resume_run(folder, trials=10)
    parts = runner.run_trials(folder, CPU, worker_devices=["cpu"])
    assert facts(parts) == facts(runner.run_trials(start(tmp_path / "whole", chosen()), CPU, worker_devices=["cpu"]))


def test_ctrl_c_ends_the_processes_at_once(tmp_path, begin):
    folder = start(tmp_path / "run", chosen(trials=200, steps=40))
    process = begin(folder.path)
    wait_for(lambda: results_in(folder) >= 2)
    workers = workers_in(folder.path, process.pid)
    assert len(workers) == 2
    process.send_signal(signal.SIGINT)
    process.wait(20)
    errors = (tmp_path / "errors").read_text()
    assert not any(map(lives, workers))
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1
    with folder.locked():
        assert [t.status for t in Ledger(folder, lag=3).trials[:2]] == ["ok", "ok"]


@pytest.fixture
def kill(monkeypatch):
    """Kill the processes of a trial, so many times, by a signal, when they have just begun it."""

    def install(times, number=signal.SIGKILL):
        real, left = Worker.begin, dict(times)

        def begin(worker, job):
            real(worker, job)
            if left.get(job.suggestion.trial, 0):
                left[job.suggestion.trial] -= 1
                os.kill(worker._process.pid, number)

        monkeypatch.setattr(Worker, "begin", begin)
        return left

    return install


def test_a_trial_whose_process_is_killed_is_tried_once_more(tmp_path, caplog, kill):
    left = kill({2: 1})
    trials = runner.run_trials(start(tmp_path / "killed", chosen(trials=4)), CPU, worker_devices=TWO)
    assert left == {2: 0}
    assert facts(trials) == facts(
        runner.run_trials(start(tmp_path / "whole", chosen(trials=4)), CPU, worker_devices=["cpu"])
    )
    words = "trial 2 was killed by SIGKILL (by the system for want of memory, or by a person): trying once more"
    assert words in caplog.text


@pytest.mark.parametrize(("number", "name"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGRTMIN + 6, "signal 40")])
def test_a_trial_whose_process_is_killed_twice_fails_and_the_search_goes_on(tmp_path, kill, number, name):
    left = kill({1: 2, 2: 2}, number)
    trials = runner.run_trials(start(tmp_path, chosen(trials=4, searcher="random")), CPU, worker_devices=TWO)
    assert left == {1: 0, 2: 0}
    assert [trial.status for trial in trials] == ["failed", "failed", "ok", "ok"]
    for trial in trials[:2]:
        assert f"was killed by {name}" in trial.error
        assert trial.error.endswith("twice")


@pytest.mark.usefixtures("cold_children")
def test_a_process_that_closes_its_output_is_not_said_to_be_killed_by_another(tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 600 >&-\n")
    program.chmod(0o755)
    monkeypatch.setattr(child_process, "_END_SECONDS", 0.1)
    folder = start(tmp_path / "run", chosen())
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(NasdipError, match="closed its output without ending before it was ready"):
        runner.run_trials(folder, CPU, worker_devices=TWO)


@pytest.mark.usefixtures("cold_children")
def test_a_process_that_the_system_does_not_start_is_a_clear_error(tmp_path, monkeypatch):
    folder = start(tmp_path / "run", chosen())
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with SubprocessBackend(folder, TWO) as workers:
        with pytest.raises(NasdipError, match=r"cannot start a process for trials \(No such file.*parallel 1"):
            workers.submit(TrialJob(Ledger(folder, lag=3).suggest(), {}))
        assert workers._vacant == TWO


def test_operations_that_the_program_added_are_evaluated_by_itself(tmp_path, monkeypatch, caplog):
    shipped = operations.BUILDERS["conv"]
    monkeypatch.setitem(operations.BUILDERS, "conv", lambda *sizes: shipped(*sizes))
    trials = runner.run_trials(start(tmp_path, chosen(trials=3)), CPU, worker_devices=TWO)
    assert [trial.status for trial in trials] == ["ok"] * 3
    assert "do not know builder conv of this program: this process evaluates all trials" in caplog.text


@pytest.mark.usefixtures("cold_children")
def test_a_process_that_cannot_start_is_a_clear_error(tmp_path, monkeypatch, capfd):
    folder = start(tmp_path / "run", chosen())
    (tmp_path / "wrong/torch").mkdir(parents=True)
    (tmp_path / "wrong/torch/__init__.py").write_text("raise ImportError('a broken installation')")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "wrong"), *sys.path])
    words = r"ended with exit code 1 \(see its message above\) before it was ready: search with parallel 1"
    with pytest.raises(NasdipError, match=words):
        runner.run_trials(folder, CPU, worker_devices=TWO)
    assert "a broken installation" in capfd.readouterr().err
    assert not folder.trials()
