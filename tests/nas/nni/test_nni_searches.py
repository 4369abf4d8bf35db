"""Searches under NNI, by real experiments: the same as in one process, right at concurrency 4, failures with causes."""

import json
import sys

import pytest
from nni_process import nni_experiment, wait_until
from searches import (
    TRIAL,
    assert_one_uninterrupted_search,
    credited_wrongly,
    own_reports,
    run_of,
    search_config,
)

from nasdip.fit.device import find_device
from nasdip.measurement.measure import measurement_of
from nasdip.nas.backends.nni.experiment import ExperimentFiles
from nasdip.nas.backends.nni.messages import trials_in
from nasdip.nas.runner import run_trials, start_run
from nasdip.records.run_folder import RunFolder

pytestmark = pytest.mark.nni

PORTS = range(18600, 18620)


def facts(trials):
    return [
        (t.trial, t.architecture, t.status, t.reward, t.heldout_psnr, t.estimated_psnr, t.repeat_of) for t in trials
    ]


def test_one_trial_at_a_time_a_search_under_nni_is_that_in_one_process(tmp_path):
    config = search_config(tmp_path, trials=4, at_once=1, steps=12)
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        experiment.wait_for("DONE")
        run = run_of(experiment)
        wait_until(lambda: len(run.trials()) == 4, what="the last result")
        found = run.trials()
        default = {
            t["trialJobId"]: json.loads(json.loads(t["finalMetricData"][0]["data"]))["default"]
            for t in experiment.trials()
        }
    assert_one_uninterrupted_search(run)
    noisy, clean = run.images()
    same = RunFolder(tmp_path / "in-process")
    start_run(same, run.record().settings, run.space(), measurement_of(noisy), clean, find_device("cpu"))
    assert facts(found) == facts(run_trials(same, find_device("cpu")))
    assert {t.job: t.reward for t in found if t.status == "ok"}.items() <= default.items()
    assert all(t.clean_psnr is not None for t in found if t.status == "ok")


@pytest.mark.parametrize(
    "guarded", [pytest.param(True, id="guarded"), pytest.param(False, id="plain", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("trials", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_at_concurrency_4_with_crashing_jobs_every_result_is_credited_rightly(tmp_path, guarded, trials):
    crashing = f"if [ $((NNI_TRIAL_SEQ_ID % 6)) -eq 2 ]; then exit 1; fi; {TRIAL}"
    config = search_config(tmp_path, trials=trials, at_once=4, command=crashing, space="nas_dip")
    with nni_experiment(tmp_path, config, PORTS, guarded=guarded) as experiment:
        experiment.wait_for("DONE", seconds=300)
        crashed = [n for n in range(trials) if n % 6 == 2]
        run = run_of(experiment)
        wait_until(lambda: len(run.service()["lost"]) == len(crashed), what="the record of the crashed jobs")
        wait_until(lambda: len(run.trials()) == trials - len(crashed), what="the last result")
        wrong, compared = credited_wrongly(experiment)
        assert wrong == []
        assert compared == len(run.trials()) == trials - len(crashed)
        if guarded:
            jobs = {job.id: job for job in ExperimentFiles(experiment.path).jobs()}
            reports = own_reports(experiment)
            assert [job for job in reports if trials_in(jobs[job].parameters) != set(reports[job]["trials"])] == []
    assert_one_uninterrupted_search(run)


@pytest.mark.slow
def test_several_architectures_in_one_job(tmp_path):
    config = search_config(tmp_path, trials=3, at_once=2, children=3, searcher="Random", space="nas_dip")
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        experiment.wait_for("DONE")
        wait_until(lambda: len(run_of(experiment).trials()) == 9, what="the last result")
        wrong, compared = credited_wrongly(experiment)
        assert (wrong, compared) == ([], 9)
        best = {job: max(e["reward"] for e in report["results"]) for job, report in own_reports(experiment).items()}
        for trial in experiment.trials():
            assert json.loads(json.loads(trial["finalMetricData"][0]["data"]))["default"] == best[trial["trialJobId"]]
        assert run_of(experiment).record().settings.trials == 9
    assert_one_uninterrupted_search(run_of(experiment))


BROKEN = """
import os, sys
sys.argv = ["trial"]
number = int(os.environ["NNI_TRIAL_SEQ_ID"])
import nasdip.nas.backends.nni.trial as trial
import nasdip.nas.trial as fits
real = fits.run_trial
def broken(*args, **kwargs):
    if number == 0:
        raise KeyError("a bug of this trial")
    if number == 1:
        os.kill(os.getpid(), 9)
    if number == 2:
        sys.exit(0)
    if number == 3:
        fits.build_network = lambda *a, **k: (_ for _ in ()).throw(MemoryError())
    if number == 4:
        fits.build_network = lambda *a, **k: (_ for _ in ()).throw(RuntimeError("the loss was not a number"))
    if number == 5:
        import time; time.sleep(60)
    return real(*args, **kwargs)
fits.run_trial = broken
sys.exit(trial.main())
"""


@pytest.mark.slow
def test_failed_trials_are_recorded_with_their_cause_and_the_search_ends_done(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    config = search_config(
        tmp_path, trials=8, at_once=2, command=f"exec {sys.executable} {tmp_path}/broken.py", space="nas_dip"
    )
    config["maxTrialDuration"] = "30s"  # the other trials are shorter, on slow machines too
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        experiment.wait_for("DONE")
        run = run_of(experiment)
        wait_until(lambda: len(run.trials()) == 8, what="a record of every trial")
        causes = {t.trial: t.error for t in run.trials()}
        statuses = {t.status for t in run.trials() if t.trial in (7, 8)}
    assert "ended with an error: KeyError: 'a bug of this trial'" in causes[1]
    assert "was killed" in causes[2]
    assert "without a result" in causes[3]
    assert causes[4] == "out of memory"
    assert causes[5] == "RuntimeError: the loss was not a number"
    assert "longer than maxTrialDuration" in causes[6]
    assert statuses == {"ok"}
    assert all(t.reward == 0.0 and t.status == "failed" for t in run.trials() if t.trial < 7)
    assert_one_uninterrupted_search(run)


@pytest.mark.slow
def test_a_search_ends_done_at_its_time_limit(tmp_path):
    config = search_config(tmp_path, trials=1000, at_once=2)
    config["maxExperimentDuration"] = "20s"  # a slow machine takes 10 s to its first result
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        experiment.wait_for("DONE", seconds=60)
        assert 0 < len(run_of(experiment).trials()) < 1000


@pytest.mark.slow
def test_a_failing_callback_ends_the_experiment_with_its_message(tmp_path):
    config = search_config(tmp_path, trials=6, at_once=1)
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        run = run_of(experiment)
        wait_until(lambda: run.trials(), what="the first result")
        # What a callback needs is gone: it fails, whatever NNI does.
        (run.path / "trials").rename(run.path / "gone")
        experiment.wait_for("ERROR", seconds=90)
        assert "No such file" in run.service()["failure"]
        assert "the search ends here" in experiment.log("dispatcher.log")


def test_wrong_arguments_end_a_plain_experiment_with_their_message(tmp_path):
    wrong = {"image": "nowhere.png"}
    with nni_experiment(
        tmp_path, search_config(tmp_path, trials=2, at_once=1, **wrong), PORTS, guarded=False
    ) as experiment:
        experiment.wait_for("ERROR", seconds=60)
        assert "nowhere.png" in run_of(experiment).service()["failure"]


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "steps"), [("halving", 100), ("size", 400)])
def test_early_stopping_keeps_the_best_of_a_stopped_trial(tmp_path, rule, steps):
    config = search_config(tmp_path, trials=10, at_once=2, steps=steps, searcher="Random")
    config["assessor"] = {
        "codeDirectory": config["tuner"]["codeDirectory"],
        "className": f"nasdip.nas.backends.nni.assessor.{rule.title()}Assessor",
        "classArgs": {"trials": 2},
    }
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        experiment.wait_for("DONE", seconds=180)
        run = run_of(experiment)
        wait_until(lambda: len(run.trials()) == 10, what="the last result")
        stopped = [t for t in run.trials() if t.status == "stopped"]
        wrong, compared = credited_wrongly(experiment)
    assert (wrong, compared) == ([], 10)
    assert stopped
    for trial in stopped:
        assert f"trials were better there ({rule})" in trial.error
        assert trial.steps < steps
        assert trial.reward >= max(reward for _, reward in trial.curve)
        assert (trial.curve[0][0] == 0) == (rule == "size")
    assert run.best().status == "ok"
    assert run.record().settings.early_stop.rule == rule
    assert_one_uninterrupted_search(run)
