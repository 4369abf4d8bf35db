"""The tuner's session against an experiment's files, without NNI: who is credited, what is tried again."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime

import imageio.v3 as iio
import numpy as np
import pytest
from skimage.data import camera
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.io.image_file import write_image
from nasdip.measurement.add_noise import add_noise
from nasdip.nas.backends.nni import session as session_module
from nasdip.nas.backends.nni.experiment import ExperimentFiles, find_experiment
from nasdip.nas.backends.nni.messages import (
    entries_to_metric,
    entry_to_metric,
    parameters_to_request,
    request_to_parameters,
    result_to_entry,
)
from nasdip.nas.backends.nni.plain_json import ObjectRefused, check_plain
from nasdip.nas.backends.nni.session import Session, read_curve
from nasdip.nas.backends.nni.setup import TunerSetup
from nasdip.nas.ledger import Ledger
from nasdip.nas.request import settings_of
from nasdip.nas.trial_task import read_task
from nasdip.options.search_request import SearchOptions
from nasdip.records.trial_result import TrialResult
from nasdip.space.search_space import SearchSpace

SPACE = SearchSpace.load("tiny").to_json()
TABLES = """
create table TrialJobEvent (timestamp integer, trialJobId text, event text, data text, logPath text,
                            sequenceId integer, message text, environmentId text);
create table MetricData (timestamp integer, trialJobId text, parameterId text, type text, sequence integer, data text);
create table ExperimentProfile (params text, id text, execDuration integer, startTime integer, endTime integer,
                                logDir text, nextSequenceId integer, revision integer);
"""


class Service:
    """NNI's side of an experiment: its database and its jobs' folders."""

    def __init__(self, path, **arguments):
        self.files = ExperimentFiles(path / "AbCd1234")
        (self.files.path / "db").mkdir(parents=True)
        write_image(path / "picture.png", img_as_float32(camera()[100:132, 200:232]))
        self.arguments = {"image": "picture.png", "noise": 25, "reward": "heldout", "crop": 16, "width": 16, "steps": 4}
        self.arguments |= {"warm_start": 0, "candidates": [], **arguments}
        self.base = path
        self._execute(TABLES)
        self._revision = 0
        self.profile()

    def session(self, **changes):
        """Return the session of a tuner that starts now, opened."""
        setup = TunerSetup.from_arguments("reinforce", {**self.arguments, **changes}, self.base)
        session = Session(self.files, setup, time.time())
        session.open(SPACE)
        return session

    def profile(self, **changes):
        """Store the experiment's configuration, as nnictl update does."""
        profile = {"maxTrialNumber": 10, "trialConcurrency": 2, "trainingService": {"platform": "local"}, **changes}
        self._revision += 1
        self._insert("ExperimentProfile", json.dumps(profile), "AbCd1234", 0, 0, None, "", 0, self._revision)

    def event(self, job, event, parameters=None):
        data = None if parameters is None else json.dumps({"parameter_id": 0, "parameters": parameters})
        self._insert("TrialJobEvent", time.time() * 1000, job, event, data, None, 0, None, "local-env")

    def metric(self, job, kind, sequence, value):
        self._insert("MetricData", 0, job, "0", kind, sequence, json.dumps(json.dumps(value)))

    def report(self, job, **data):
        folder = self.files.path / "environments/local-env/trials" / job
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nasdip.json").write_text(
            json.dumps({"trials": [], "begun": [], "results": [], "partial": None, **data})
        )
        return folder

    def _execute(self, script):
        with sqlite3.connect(self.files.path / "db/nni.sqlite") as connection:
            connection.executescript(script)

    def _insert(self, table, *values):
        with sqlite3.connect(self.files.path / "db/nni.sqlite") as connection:
            connection.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)


@pytest.fixture
def service(tmp_path, monkeypatch):
    monkeypatch.delenv("NASDIP_NNI_GUARD", raising=False)
    monkeypatch.delenv("NASDIP_IMAGE", raising=False)
    return Service(tmp_path)


def entry(child, reward=21.0, status="ok", **changes):
    result = TrialResult(
        trial=child.trial, architecture=child.architecture, status=status, reward=reward, heldout_psnr=reward,
        clean_psnr=None, estimated_psnr=24.0, parameters=10, seconds=1.0, repeat_of=None, error=None, diagnostics={},
        finished=datetime.now(UTC).isoformat(timespec="seconds"), steps=4, curve=((4, reward),),
    )  # fmt: skip
    return {**result_to_entry(result), **changes}


def asked(session):
    """Return what the next job is given: its child, and NNI's parameters."""
    request = session.request()
    return request.children[0], request_to_parameters(request, session.space)


def test_parameters_show_the_decisions_and_name_trial_and_architecture(service):
    child, parameters = asked(service.session())
    assert set(SPACE) == set(parameters["mutation_summary"])
    assert (parameters["trial"], parameters["architecture"]) == (child.trial, str(child.architecture))
    assert parameters_to_request(json.loads(json.dumps(parameters))).children == [child]
    assert read_task(service.files.path / parameters["task"]).proxy.crop == 16
    with pytest.raises(NasdipError, match="not a nasdip tuner's parameters"):
        parameters_to_request({"x": 1})


def test_swapped_parameters_are_credited_to_what_was_evaluated(service):
    session = service.session()
    (one, its), (two, other) = asked(session), asked(session)
    service.event("J1", "RUNNING", its)
    service.event("J2", "RUNNING", other)
    # J1 got what NNI recorded for J2, and the other way round.
    session.take(entry_to_metric(entry(two, 25.0)), "J1")
    session.take(entry_to_metric(entry(one, 22.0)), "J2")
    found = {t.trial: (t.architecture, t.reward, t.job) for t in session.folder.trials()}
    assert found == {1: (one.architecture, 22.0, "J2"), 2: (two.architecture, 25.0, "J1")}


@pytest.mark.parametrize(
    "value", [None, float("nan"), 12.5, "text", [], {"default": 1.0}, {"default": 1.0, "trial": 1, "step": 3},
              {"default": 1.0, "trial": "1", "status": "ok"}, {"default": 1.0, "trial": 1, "architecture": "x"}],
)  # fmt: skip
def test_what_is_not_a_result_is_left_out(service, value):
    session = service.session()
    asked(session)
    session.take(value, "J1")
    assert session.folder.trials() == []


def test_results_of_other_architectures_and_broken_ones_are_left_out(service):
    session = service.session()
    (child, _), (other, _) = asked(session), asked(session)
    session.take(entry(child, architecture=str(other.architecture)))
    session.take(entry(child, trial=99))
    session.take({**entry(child), "reward": float("nan")})
    session.take({"trial": child.trial, "architecture": str(child.architecture), "status": "ok"})
    assert session.folder.trials() == []
    session.take(entry(child))
    session.take(entry(child, reward=30.0))
    assert [t.reward for t in session.folder.trials()] == [21.0]


def test_a_job_that_dies_before_it_asks_leaves_its_architecture_to_be_tried(service, monkeypatch):
    session = service.session()
    child, parameters = asked(session)
    service.event("J1", "WAITING", parameters)
    service.event("J1", "FAILED")
    session.reconcile()
    assert session.folder.trials() == []
    assert session.folder.service()["lost"] == [{"job": "J1", "cause": "the trial's process ended with an error"}]
    # Where NNI hands parameters to whoever asks first, the next job gets this one's: only a guard makes it open again.
    assert asked(session)[0].trial == 2
    monkeypatch.setenv("NASDIP_NNI_GUARD", "1")
    session.close()
    bound = service.session()
    service.event("J2", "FAILED", parameters)
    bound.reconcile()
    assert asked(bound)[0] == child


@pytest.mark.parametrize(
    ("event", "words"), [("FAILED", "ended with an error: ValueError: bad"), ("USER_CANCELED", "was killed"),
                         ("SUCCEEDED", "without a result"), ("EARLY_STOPPED", "stopped before")],
)  # fmt: skip
def test_a_trial_that_was_begun_and_has_no_result_failed_with_its_cause(service, event, words):
    session = service.session()
    child, parameters = asked(session)
    service.event("J1", "RUNNING", parameters)
    folder = service.report("J1", trials=[1], begun=[1])
    (folder / "trial.stderr").write_text("Traceback\nValueError: bad\n")
    service.event("J1", event)
    session.reconcile()
    (trial,) = session.folder.trials()
    assert (trial.status, trial.reward, trial.architecture, trial.job) == ("failed", 0.0, child.architecture, "J1")
    assert words in trial.error


def test_a_result_that_nni_never_delivered_is_taken_from_its_database_and_from_the_trials_file(service):
    session = service.session()
    (one, its), (two, other) = asked(session), asked(session)
    service.event("J1", "RUNNING", its)
    service.event("J2", "RUNNING", other)
    service.metric("J1", "PERIODICAL", 0, {"default": 20.0, "trial": 1, "step": 2})
    service.metric("J1", "PERIODICAL", 1, entry_to_metric(entry(one, 23.0)))
    service.metric("J1", "FINAL", 0, entries_to_metric([entry(one, 23.0)]))
    service.event("J1", "SUCCEEDED")
    service.report("J2", trials=[2], begun=[2], results=[entry(two, 24.0)])
    service.event("J2", "USER_CANCELED")
    session.reconcile()
    session.reconcile()
    assert [t.reward for t in session.folder.trials()] == [23.0, 24.0]
    assert session.folder.service()["lost"] == []


@pytest.mark.parametrize("timed_out", [True, False])
def test_a_trial_stopped_too_slowly_keeps_the_best_it_had(service, timed_out):
    service.profile(maxTrialDuration="0s" if timed_out else "1h")
    session = service.session()
    child, parameters = asked(session)
    service.event("J1", "RUNNING", parameters)
    service.report("J1", trials=[1], begun=[1], partial=entry(child, 19.5, "stopped", error="stopped by NNI"))
    service.event("J1", "USER_CANCELED")
    session.reconcile()
    (trial,) = session.folder.trials()
    assert (trial.status, trial.reward) == (("stopped", 19.5) if timed_out else ("failed", 0.0))
    assert session.folder.best() is None


def test_several_children_and_the_rest_of_a_stopped_batch(service):
    session = service.session(children=3)
    request = session.request()
    parameters = request_to_parameters(request, session.space)
    assert [child["trial"] for child in parameters["children"]] == [1, 2, 3]
    service.event("J1", "RUNNING", parameters)
    done, stopped, never = request.children
    results = [entry(done, 25.0), entry(stopped, 20.0, "stopped", error="stopped by NNI")]
    final = entries_to_metric(results)
    assert (final["default"], final["trial"], final["architecture"]) == (25.0, done.trial, str(done.architecture))
    service.report("J1", trials=[1, 2, 3], begun=[1, 2], results=results)
    session.take_of("J1")
    service.event("J1", "SUCCEEDED")
    session.reconcile()
    assert [(t.trial, t.status) for t in session.folder.trials()] == [(1, "ok"), (2, "stopped")]
    assert session.request().children[0] == never


def test_after_a_kill_the_manager_repeats_its_running_jobs_and_the_rest_is_asked_again(service):
    session = service.session()
    (one, first), (two, second) = asked(session), asked(session)
    three, _ = asked(session)  # proposed, and lost with the manager before it became a job
    service.event("J1", "RUNNING", first)
    service.event("J2", "RUNNING", second)
    session.close()
    service.event("J1", "ADD_RESUMED")
    service.event("J2", "ADD_RESUMED")
    again = service.session()
    assert asked(again)[0] == three
    assert asked(again)[0].trial == 4
    # NNI counts its parameters from 0 again; what comes back is known by our numbers.
    again.take(entry(two), "J2")
    again.take(entry(one), "J1")
    assert [t.trial for t in again.folder.trials()] == [1, 2]
    assert again.folder.record().provenance[-1]["command"] == ["nnictl", "resume", "AbCd1234"]


def test_a_job_that_no_manager_repeats_is_asked_again(service, monkeypatch):
    session = service.session()
    one, first = asked(session)
    service.event("J1", "RUNNING", first)
    service.event("J1", "ADD_RESUMED")  # and killed again before it ran
    session.close()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 60)
    assert asked(service.session())[0] == one


def test_a_repeated_architecture_is_answered_from_the_earlier_result(service):
    one_cell = {
        "spatial": {"_type": "choice", "_value": ["nearest"]},
        "skips": {"_type": "choice", "_value": ["10.01", "11.01"]},
    }
    setup = TunerSetup.from_arguments("random", service.arguments, service.base)
    session = Session(service.files, setup, time.time())
    session.open(one_cell)
    seen = []
    for _ in range(6):
        child, parameters = asked(session)
        seen.append((child.architecture, child.reward))
        if child.reward is None:
            session.take(entry(child, 21.0 + child.trial))
        else:
            assert parameters["reward"] == child.reward
            session.take(
                {"trial": child.trial, "architecture": str(child.architecture), "status": "repeated", "reward": 99.0}
            )
    trials = session.folder.trials()
    assert [t.status for t in trials].count("repeated") == 4
    for trial in trials:
        if trial.status == "repeated":
            assert trial.reward == trials[trial.repeat_of - 1].reward != 99.0
    assert [reward for _, reward in seen if reward is not None] == [t.reward for t in trials if t.status == "repeated"]


def test_early_stopping_looks_at_running_and_finished_trials(service):
    service.profile(
        assessor={"className": "nasdip.nas.backends.nni.assessor.MedianAssessor", "classArgs": {"trials": 2}}
    )
    session = service.session()
    one, two, three = (asked(session)[0] for _ in range(3))
    session.take(entry(one, 25.0, curve=((1, 20.0), (3, 24.0), (4, 25.0))))
    assert session.judge(2, ((1, 9.0), (3, 9.0))) is None  # too few to compare with
    assert session.judge(3, ((1, 21.0), (3, 26.0))) is None
    cause = session.judge(2, ((1, 9.0), (3, 9.0)))
    assert "9.00 dB, the median of trials is 22.75 dB" in cause
    session.take(entry(two, 9.0, "stopped", error="stopped by NNI"))
    assert [t.error for t in session.folder.trials()] == [None, cause]
    assert three.trial == 3


def test_the_curve_of_the_last_child_is_read_from_a_history():
    history = [
        {"default": 20.0, "trial": 4, "step": 10},
        {"default": 9.0, "trial": 5, "step": 10},
        {"default": 9.5, "trial": 5, "step": 20},
    ]
    assert read_curve(history) == (5, ((10, 9.0), (20, 9.5)))
    assert read_curve([*history, 3.0]) is None
    assert read_curve([]) is None


def test_the_run_folder_belongs_to_one_process(service):
    session = service.session()
    with pytest.raises(NasdipError, match="another process"):
        service.session()
    session.close()
    service.session()


def test_a_changed_search_space_does_not_change_the_search(service):
    session = service.session()
    child, _ = asked(session)
    session.close()
    setup = TunerSetup.from_arguments("reinforce", service.arguments, service.base)
    again = Session(service.files, setup, time.time())
    again.open({"spatial": {"_type": "choice", "_value": ["nearest", "bilinear"]}})
    assert again.space.to_json() == SPACE
    assert asked(again)[0] == child


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image": None}, "name no image"),
        ({"image": "nowhere.png"}, "nowhere.png"),
        ({"steeps": 3}, "no 'steeps'"),
        ({"children": 0}, "children is 0"),
        ({"noise": -1}, "noise is -1"),
        ({"reward": "best"}, "unknown reward"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"crop": 4}, "too small"),
        ({"seed": -1}, "seed -1"),
        ({"noise": None, "reward": "clean"}, "needs a clean image"),
        ({"clean": "camera"}, "leave clean out"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(service, wrong, words):
    with pytest.raises(NasdipError, match=words) as caught:
        service.session(**wrong)
    assert "\n" not in str(caught.value)
    assert not (service.files.run / "run.json").exists()


def impulsive_picture(path, sigma):
    noisy = img_as_float32(camera()[100:228, 150:278])
    if sigma:
        noisy = add_noise(noisy, sigma=sigma, seed=0)
    drawn = np.random.default_rng(0).random(noisy.shape)
    write_image(path, np.where(drawn < 0.03, 0, np.where(drawn > 0.97, 1, noisy)).astype(np.float32))
    return path.name


@pytest.mark.parametrize("reward", ["estimate", "heldout"])
def test_trials_know_the_impulses_of_a_picture_also_after_a_resumption(service, tmp_path, reward):
    image = impulsive_picture(tmp_path / "photo.png", 20)
    session = service.session(image=image, noise=None, reward=reward, crop=48)
    _, parameters = asked(session)
    record, task = session.folder.record(), read_task(service.files.path / parameters["task"])
    assert (task.measurement.kind, task.measurement.sigma) == ("impulse", record.sigma) == (record.kind, record.sigma)
    assert 0.02 < np.mean(~task.measurement.valid) < 0.1
    assert task.reward == reward
    assert task.reference is not None  # fits are stopped by it, whatever the reward
    session.close()
    again = service.session(image=image, noise=None, reward=reward, crop=48)
    assert asked(again)[1]["task"] == parameters["task"]  # named after its content
    again.close()


def test_a_reward_that_the_noise_does_not_allow_is_found_by_the_check(service, tmp_path):
    image = impulsive_picture(tmp_path / "photo.png", 0)
    arguments = {**service.arguments, "image": image, "noise": None, "reward": "estimate"}
    with pytest.raises(NasdipError, match=r"impulses are all the noise.*use the reward heldout"):
        TunerSetup.from_arguments("reinforce", arguments, service.base).check()
    TunerSetup.from_arguments("reinforce", {**arguments, "reward": "auto"}, service.base).check()


@pytest.mark.parametrize("blind", [True, False])
def test_trials_know_the_holes_of_a_picture(service, tmp_path, blind):
    if blind:
        pixels, mask = np.full((40, 40), 90, np.uint8), np.zeros((40, 40), np.uint8)
        mask[10:20, 12:18] = 255
        iio.imwrite(tmp_path / "photo.png", pixels)
        iio.imwrite(tmp_path / "mask.png", mask)
        holes = {"image": str(tmp_path / "photo.png"), "mask": str(tmp_path / "mask.png"), "noise": None}
    else:
        holes = {"image": "camera", "missing": 0.5, "noise": None}
    session = service.session(**holes, reward="auto", crop=32)
    task = read_task(service.files.path / asked(session)[1]["task"])
    assert task.measurement.is_masked
    assert task.reward == session.folder.record().settings.reward == ("heldout" if blind else "clean")
    missing = np.mean(~session.folder.mask())
    assert missing == pytest.approx(60 / 1600 if blind else 0.5, abs=1e-3)
    session.close()


def test_searches_of_nni_have_the_defaults_of_all_searches(service):
    bare = {key: value for key, value in service.arguments.items() if key not in ("warm_start", "candidates")}
    settings = TunerSetup.from_arguments("reinforce", bare, service.base).settings(trials=3)
    assert settings.warm_start == settings_of(SearchOptions()).warm_start == 400
    assert settings.candidates == settings_of(SearchOptions()).candidates
    assert settings.proxy == settings_of(SearchOptions(crop=16, width=16, steps=4)).proxy


def test_an_experiment_of_an_earlier_version_gets_the_names_of_today(service):
    service.profile(
        tuner={"className": "nasdip.search.nni.tuner.ReinforceTuner"},
        trialCommand="exec python -m nasdip.search.nni.trial",
    )
    service.files.mend()
    profile = service.files.profile()
    assert profile["tuner"]["className"] == "nasdip.nas.backends.nni.tuner.ReinforceTuner"
    assert profile["trialCommand"] == "exec python -m nasdip.nas.backends.nni.trial"


def test_the_environment_names_another_picture(service, monkeypatch, tmp_path):
    monkeypatch.setenv("NASDIP_IMAGE", "moon")
    setup = TunerSetup.from_arguments("reinforce", service.arguments, service.base)
    assert (setup.image, setup.noise) == ("moon", None)
    monkeypatch.setenv("NASDIP_NOISE", "15")
    assert TunerSetup.from_arguments("reinforce", service.arguments, service.base).noise == 15
    monkeypatch.setenv("NASDIP_NOISE", "much")
    with pytest.raises(NasdipError, match="NASDIP_NOISE"):
        TunerSetup.from_arguments("reinforce", service.arguments, service.base)


def test_resumed_results_are_those_of_an_uninterrupted_search(service, tmp_path):
    """Kill after every callback, with two jobs at once: the searcher goes on as one that was never stopped."""
    other = Service(tmp_path / "other")
    whole, cut = other.session(), service.session()
    for number in range(1, 12, 2):
        pairs = []
        for _ in range(2):
            left, right = asked(whole), asked(cut)
            assert left[0] == right[0]
            service.event(f"J{left[0].trial}", "RUNNING", right[1])
            pairs.append(left[0])
            cut.close()
            cut = service.session()
        for child in reversed(pairs):
            for session in (whole, cut):
                session.take(entry(child, 20.0 + child.trial % 5))
            service.event(f"J{child.trial}", "SUCCEEDED")
            cut.close()
            cut = service.session()
        assert len(cut.folder.trials()) == number + 1
    cut.close()
    assert Ledger(cut.folder).journal == whole._ledger.journal


def test_an_open_portal_is_told_loudly(service, monkeypatch, caplog):
    import socket

    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("NNI_TUNER_COMMAND_CHANNEL", f"ws://localhost:{port}/tuner")
        monkeypatch.setattr(session_module.log, "propagate", True)
        service.session().close()
        assert service.files.run.joinpath("service.json").read_text().count(f"0.0.0.0:{port}") == 1
        assert "OPEN TO THE NETWORK" in caplog.text
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("NNI_TUNER_COMMAND_CHANNEL", f"ws://localhost:{server.getsockname()[1]}/tuner")
        service.session().close()
        assert json.loads(service.files.run.joinpath("service.json").read_text())["exposed"] == []


def test_experiments_are_found_by_folder_and_id(service, monkeypatch, tmp_path):
    service.session().close()
    assert find_experiment(str(service.files.path)).path == service.files.path
    assert find_experiment(str(service.files.run)).path == service.files.path
    home = tmp_path / "home"
    (home / "nni-experiments").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    assert find_experiment("AbCd1234") is None
    (home / "nni-experiments/.experiment").write_text(json.dumps({"AbCd1234": {"logDir": str(tmp_path)}}))
    assert find_experiment("AbCd1234").path == service.files.path
    assert find_experiment("photo.png") is None


@pytest.mark.parametrize("key", ["__ndarray__", "__nni_obj__", "__instance_type__", "__symbol__", "__enum__"])
def test_objects_in_messages_are_refused_at_any_depth(key):
    with pytest.raises(ObjectRefused, match=key):
        check_plain({"a": [{"b": {key: "x"}}]})
    check_plain({"a": [{"_ndarray_": [1.0]}], "trial": 3})


def test_a_changed_number_of_trials_is_followed(service):
    session = service.session()
    assert session.folder.record().settings.trials == 10
    service.profile(maxTrialNumber=25)
    session.reconcile()
    assert session.folder.record().settings.trials == 25


def test_fewer_trials_than_the_number_of_the_last_result_do_not_end_a_resumed_search(service):
    session = service.session()
    for child in [asked(session)[0] for _ in range(4)]:
        if child.trial != 3:
            session.take(entry(child))
    session.close()
    service.profile(maxTrialNumber=3)
    resumed = service.session()
    assert resumed.folder.record().settings.trials == 4
    assert asked(resumed)[0].trial == 3


def test_a_portal_that_was_open_earlier_is_not_forgotten(service, monkeypatch):
    import socket

    with socket.create_server(("0.0.0.0", 0)) as server:
        monkeypatch.setenv("NNI_TUNER_COMMAND_CHANNEL", f"ws://localhost:{server.getsockname()[1]}/tuner")
        service.session().close()
    monkeypatch.setenv("NASDIP_NNI_GUARD", "1")
    service.session().close()
    notes = service.session().folder.service()
    assert notes["exposed"] == []
    assert len(notes["exposed_before"]) == 1


def test_the_command_that_started_the_search_is_kept(service, monkeypatch):
    monkeypatch.setenv("NASDIP_NNI_COMMAND", "nasdip nnictl create --config 'my file.yml'")
    session = service.session()
    assert session.folder.record().provenance[0]["command"] == ["nasdip", "nnictl", "create", "--config", "my file.yml"]


def test_an_experiment_with_a_time_limit_alone_has_no_end_of_trials(service):
    service.profile(maxTrialNumber=None, maxExperimentDuration="1h")
    assert service.session().folder.record().settings.trials == 10**6


def test_on_another_machine_what_was_begun_and_done_is_known_from_the_metrics_alone(service):
    session = service.session(children=3)
    request = session.request()
    service.event("J1", "RUNNING", request_to_parameters(request, session.space))
    done, killed, never = request.children
    service.metric("J1", "PERIODICAL", 0, {"trial": done.trial})
    service.metric("J1", "PERIODICAL", 1, {"default": 20.0, "trial": done.trial, "step": 2})
    service.metric("J1", "PERIODICAL", 2, entry_to_metric(entry(done, 24.0)))
    service.metric("J1", "PERIODICAL", 3, {"trial": killed.trial})
    service.event("J1", "USER_CANCELED")
    session.reconcile()
    assert [(t.trial, t.status, t.reward) for t in session.folder.trials()] == [(1, "ok", 24.0), (2, "failed", 0.0)]
    assert session.folder.service()["lost"] == []
    assert never.trial in session._ledger.open


@pytest.mark.parametrize("bound", [True, False])
def test_a_trial_that_runs_again_is_not_offered_beside_it(service, monkeypatch, bound):
    if bound:
        monkeypatch.setenv("NASDIP_NNI_GUARD", "1")
    session = service.session(children=2)
    request = session.request()
    parameters = request_to_parameters(request, session.space)
    service.event("J1", "RUNNING", parameters)
    service.report("J1", trials=[1, 2], begun=[1], results=[entry(request.children[0])])
    service.event("J1", "FAILED")
    session.reconcile()
    again = session.request()
    assert [child.trial for child in again.children] == [2, 3]
    service.event("J2", "RUNNING", request_to_parameters(again, session.space))
    session.close()
    service.event("J2", "ADD_RESUMED")
    resumed = service.session(children=2)
    assert [child.trial for child in resumed.request().children] == [4, 5]


def test_a_trial_that_another_job_works_on_has_a_result_to_come(service):
    session = service.session()
    child, parameters = asked(session)
    for job in ("J1", "J2"):  # J2: a copy that a person made in the portal
        service.event(job, "RUNNING", parameters)
        service.report(job, trials=[1], begun=[1])
    service.event("J2", "USER_CANCELED")
    session.reconcile()
    assert session.folder.trials() == []
    service.report("J1", trials=[1], begun=[1], results=[entry(child, 25.0)])
    service.event("J1", "SUCCEEDED")
    session.reconcile()
    assert [t.reward for t in session.folder.trials()] == [25.0]


def test_what_a_stop_of_the_experiment_interrupted_is_no_result(service):
    session = service.session()
    child, parameters = asked(session)
    service.event("J1", "RUNNING", parameters)
    session.close()
    stopped = entry(child, 7.0, "stopped", error="stopped by NNI", finished="2026-01-01T00:00:00+00:00")
    service.report("J1", trials=[1], begun=[1], results=[stopped])
    service.event("J1", "ADD_RESUMED")
    service.event("J1", "FAILED")  # it died before it began again
    again = service.session()
    assert [t for t in again.folder.trials() if t.status == "stopped"] == []


def test_a_job_that_a_person_cancels_has_ended_though_nni_says_so_last(service):
    session = service.session()
    child, parameters = asked(session)
    service.event("J1", "RUNNING", parameters)
    service.report("J1", trials=[1], begun=[1], results=[entry(child, 19.0, "stopped")])
    service.event("J1", "SUCCEEDED")
    service.event("J1", "USER_TO_CANCEL")
    session.reconcile()
    (trial,) = session.folder.trials()
    assert (trial.status, trial.error) == ("stopped", "stopped at step 4 by a person")


def test_a_trial_over_its_time_says_so(service):
    service.profile(maxTrialDuration="0s")
    session = service.session()
    child, parameters = asked(session)
    service.event("J1", "RUNNING", parameters)
    service.report("J1", trials=[1], begun=[1], results=[entry(child, 19.0, "stopped", job="J1")])
    session.take_of("J1")
    (trial,) = session.folder.trials()
    assert trial.error == "stopped at step 4: its trial ran longer than maxTrialDuration (0s)"


def test_a_changed_number_of_trials_at_once_is_noted(service):
    session = service.session()
    service.profile(trialConcurrency=8)
    session.reconcile()
    assert session.folder.service()["concurrency"] == 8


def test_pictures_do_not_stay_in_the_folder_that_is_copied(service):
    copied = service.base / "copied"
    copied.mkdir()
    (copied / "task-old.safetensors").write_bytes(b"")
    os.utime(copied / "task-old.safetensors", (0, 0))
    service.profile(trainingService={"platform": "remote"}, trialCodeDirectory=str(copied))
    session = service.session()
    _, parameters = asked(session)
    assert [path.name for path in copied.iterdir()] == [parameters["task"]]
    session.close()
    assert list(copied.iterdir()) == []


def test_a_half_written_database_is_mended(service):
    code = (
        "import sqlite3, os, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('pragma cache_size=1'); c.execute('begin immediate');"
        "[c.execute('insert into TrialJobEvent (trialJobId, event) values (?, 1)', ('x' * 900,)) for _ in range(400)];"
        "os.kill(os.getpid(), 9)"
    )
    service.event("J1", "RUNNING", {})
    database = service.files.path / "db/nni.sqlite"
    subprocess.run([sys.executable, "-c", code, str(database)], check=False)
    assert database.with_name("nni.sqlite-journal").exists()
    service.files.mend()
    assert [job.id for job in service.files.jobs()] == ["J1"]
