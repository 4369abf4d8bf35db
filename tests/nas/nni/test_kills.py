"""Real kills of real experiments: nothing is lost, nothing counts twice, and the search goes on as if nothing had been.

Minutes long; `make test MARK=nni` runs them. CI runs the first.
"""

import os
import shutil
import signal
import subprocess
import time

import pytest
from nni_process import nni_experiment, nnictl, wait_until
from searches import assert_one_uninterrupted_search, credited_wrongly, own_reports, run_of, search_config

from nasdip.report.numbers.service import read_service

pytestmark = pytest.mark.nni

PORTS = range(18620, 18640)
# A fit of some seconds, so that kills come in the middle of one.
STEPS = 150
LONG = 800


def results(experiment):
    return len(run_of(experiment).trials())


def wait_for_results(experiment, number):
    wait_until(lambda: results(experiment) >= number, 120, f"result {number}")


def resume(experiment):
    """Resume, and wait until the search goes on."""
    done = experiment.nnictl("resume", experiment.id, "--port", experiment.port)
    assert done.returncode == 0, done.stdout + done.stderr
    assert experiment.id in done.stdout


def fill(path):
    """Write to a file until its disk is full."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 2**12)


def ended(experiment):
    """Return whether the manager or the tuner has given up."""
    return not experiment.processes("tuner") or not experiment.processes("manager") or experiment.status() == "ERROR"


def failures(experiment):
    return [trial for trial in run_of(experiment).trials() if trial.status == "failed"]


def early_fits(experiment):
    """Return the jobs whose fits are in their first half: those that have a result, or none yet, are left out."""
    partial = {job: report["partial"] for job, report in own_reports(experiment).items()}
    return [job for job, fit in partial.items() if fit is not None and fit["steps"] < LONG / 2]


def assert_whole(experiment, trials, failed=0, at_once=None):
    """Assert that the search came to its end as if nobody had killed anything."""
    run = run_of(experiment)
    # A job that was killed before it took an architecture counts for NNI; the architecture went to another job.
    wait_until(lambda: len(run.trials()) == trials - len(run.service()["lost"]), 30, "the last result")
    assert [t.trial for t in run.trials()] == list(range(1, len(run.trials()) + 1))
    assert sum(t.status == "failed" for t in run.trials()) == failed
    wrong, _ = credited_wrongly(experiment, resumed=True)
    assert wrong == []
    experiment.nnictl("stop", experiment.id)
    wait_until(lambda: not run.is_running(), 60, "the end of the tuner")
    assert_one_uninterrupted_search(run, at_once)


def test_kill_of_the_manager_and_of_a_trial_and_stop_and_resume(tmp_path):
    config = search_config(tmp_path, trials=8, at_once=2, steps=LONG)
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        wait_for_results(experiment, 1)
        wait_until(lambda: len(early_fits(experiment)) == 2, 60, "two fits that have just begun")
        before = results(experiment)
        assert experiment.kill("trial") == 2
        wait_until(lambda: len(failures(experiment)) == 2, 60, "their record")
        failed = failures(experiment)
        assert all("was killed" in trial.error for trial in failed)

        wait_for_results(experiment, before + len(failed) + 1)
        assert experiment.kill("manager") == 1
        wait_until(lambda: read_service(run_of(experiment)).orphaned, 10, "the tuner to be alone")
        resume(experiment)  # waits for the tuner, which outlives its manager
        wait_for_results(experiment, results(experiment) + 1)

        assert experiment.nnictl("stop", experiment.id).returncode == 0
        wait_until(lambda: not experiment.processes("tuner"), 60, "the end of the tuner")
        resume(experiment)
        experiment.wait_for("DONE", seconds=180)
        assert_whole(experiment, 8, failed=len(failed), at_once=2)
        starts = [start["command"][:3] for start in run_of(experiment).record().provenance]
        assert starts == [["nasdip", "nnictl", verb] for verb in ("create", "resume", "resume")]


@pytest.mark.slow
def test_kill_of_the_tuner(tmp_path):
    config = search_config(tmp_path, trials=6, at_once=2, steps=STEPS)
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        wait_for_results(experiment, 2)
        assert experiment.kill("tuner") == 1
        experiment.nnictl("stop", experiment.id)  # NNI itself would notice in half a minute
        wait_until(lambda: not experiment.processes("manager"), 60, "the end of the manager")
        resume(experiment)
        experiment.wait_for("DONE", seconds=180)
        assert_whole(experiment, 6, at_once=2)


@pytest.mark.slow
def test_results_of_trials_that_outlive_their_manager_are_kept(tmp_path):
    config = search_config(tmp_path, trials=4, at_once=2, steps=STEPS)
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        wait_until(lambda: len(experiment.processes("trial")) == 2, 60, "the first trials")
        wait_until(
            lambda: len(list(experiment.path.glob("environments/*/trials/*/nasdip.json"))) == 2, 60, "their fits"
        )
        experiment.kill("manager")
        experiment.kill("tuner")
        # The trials go on to their end, and leave their results where they are found.
        wait_until(lambda: not experiment.processes("trial"), 120, "the end of the trials")
        fits = {p: p.read_text() for p in experiment.path.glob("environments/*/trials/*/nasdip.json")}
        assert all('"status": "ok"' in text for text in fits.values())
        resume(experiment)
        experiment.wait_for("DONE", seconds=180)
        kept = {t.job: t.finished for t in run_of(experiment).trials()}
        assert all(kept[path.parent.name] in text for path, text in fits.items())
        assert_whole(experiment, 4, at_once=2)


@pytest.mark.slow
@pytest.mark.skipif(
    os.geteuid() != 0, reason="a disk of its own to fill needs root; test_ledger fills one at every write"
)
def test_the_disk_is_full_while_the_search_saves(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk of its own can be mounted here: {mounted.stderr.strip()}")
    try:
        config = search_config(disk, trials=8, at_once=2, steps=STEPS)
        with nni_experiment(tmp_path / "home", config, PORTS) as experiment:
            wait_for_results(experiment, 2)
            filler = disk / "filler"
            with pytest.raises(OSError, match="No space"):
                fill(filler)
            wait_until(lambda: ended(experiment), 120, "the experiment's end for want of space")
            kept = {t.trial: t.reward for t in run_of(experiment).trials()}
            assert len(kept) >= 2
            filler.unlink()
            experiment.kill("manager", signal.SIGTERM)
            wait_until(lambda: not experiment.processes("manager"), 90, "the end of the manager")
            resume(experiment)
            experiment.wait_for("DONE", seconds=180)
            assert kept.items() <= {t.trial: t.reward for t in run_of(experiment).trials()}.items()
            assert_whole(experiment, 8, at_once=2)
    finally:
        time.sleep(1)
        subprocess.run(["umount", "-l", disk], check=True)
        shutil.rmtree(disk, ignore_errors=True)


@pytest.mark.slow
def test_plain_nnictl_resumes_too(tmp_path):
    config = search_config(tmp_path, trials=5, at_once=2, steps=STEPS)
    with nni_experiment(tmp_path, config, PORTS, guarded=False) as experiment:
        wait_for_results(experiment, 1)
        assert experiment.nnictl("stop", experiment.id).returncode == 0
        wait_until(lambda: not experiment.processes("tuner"), 60, "the end of the tuner")
        assert (
            nnictl(experiment.home, "resume", experiment.id, "--port", experiment.port, guarded=False).returncode == 0
        )
        experiment.wait_for("DONE", seconds=180)
        assert_whole(experiment, 5)
