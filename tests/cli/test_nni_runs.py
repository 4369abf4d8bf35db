"""`nasdip status`, `report` and `restore` with NNI experiments: a real one, and run folders made like its own."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from nni_process import kill_all, nni_experiment, wait_until

from nasdip.console import duration
from nasdip.measurement.measure import measurement_of
from nasdip.nas.runner import run_trials, start_run
from nasdip.options.search import FinalSettings, ProxySettings, SearchSettings
from nasdip.records.run_folder import RunFolder
from nasdip.space.search_space import SearchSpace

ID = "abcd1234"
PORTS = range(18410, 18490)

CONFIG = {
    "searchSpaceFile": str(Path(__file__).parents[2] / "search_spaces/tiny.json"),
    # The second job dies before it asks for an architecture.
    "trialCommand": 'if [ "$NNI_TRIAL_SEQ_ID" = 1 ]; then echo "no such disk" >&2; exit 3; fi; '
    "exec python -m nasdip.nas.backends.nni.trial",
    "trialConcurrency": 2,
    "maxTrialNumber": 4,
    "tuner": {
        "codeDirectory": ".",
        "className": "nasdip.nas.backends.nni.tuner.RandomTuner",
        "classArgs": {
            "image": "astronaut", "noise": 25, "reward": "heldout", "warm_start": 0, "candidates": [], "crop": 16,
            "width": 16, "steps": 10,
        },
    },
    "trainingService": {"platform": "local"},
}  # fmt: skip


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A real experiment of four jobs, which the tests below follow to its end, in their order."""
    folder = tmp_path_factory.mktemp("real")
    with nni_experiment(folder, {**CONFIG, "experimentWorkingDirectory": str(folder / "exps")}, PORTS) as running:
        yield running


@pytest.fixture
def at_home(experiment, monkeypatch):
    monkeypatch.setenv("HOME", str(experiment.home))
    return experiment


def snapshot(folder):
    """All files with their contents, and the times at which folders changed: those tell of temporary files too."""
    return {str(p): p.stat().st_mtime_ns if p.is_dir() else p.read_bytes() for p in (folder, *folder.rglob("*"))}


@pytest.mark.nni
def test_a_running_experiment_by_its_id(at_home, nasdip):
    wait_until((at_home.path / "run/run.json").is_file, 60, "the search's begin")
    code, out, _ = nasdip("status", at_home.id)
    assert code == 0
    assert f"experiment   {at_home.id} of NNI: " in out
    assert f"portal       http://127.0.0.1:{at_home.port}\n" in out
    assert "state        running\n" in out
    assert "WARNING" not in out
    assert "go on with" not in out
    code, out, err = nasdip("report", at_home.id)
    assert code == 0, err
    assert Path(out.strip()) == at_home.path / "run/report.html"


@pytest.mark.nni
def test_a_finished_experiment_and_a_restoration_with_what_it_found(at_home, nasdip, folder):
    at_home.wait_for("DONE")
    wait_until(lambda: RunFolder(at_home.path / "run").service()["lost"], 30, "the record of the lost job")
    _, out, _ = nasdip("status", at_home.id)
    assert "of NNI: 4 jobs ended, 0 running, 0 waiting" in out
    assert "state        finished, at NNI's limit" in out
    assert "trials       3 of 4: " in out
    assert "1 job of NNI's ended without having taken an architecture: " in out
    assert "no such disk" in out
    assert f"end NNI with nasdip nnictl stop {at_home.id}" in out
    assert f"--architecture {at_home.id}\n" in out
    code, _, err = nasdip(
        "restore", "photo.png", "--architecture", at_home.id, "--steps", 2, "--width", 16, "--no-report"
    )
    assert code == 0, err
    assert str(RunFolder(at_home.path / "run").best().architecture) in err


@pytest.mark.nni
def test_a_killed_experiment_that_nnictl_has_forgotten(at_home, nasdip):
    kill_all(at_home.home)
    (at_home.home / "nni-experiments/.experiment").unlink()
    before = snapshot(at_home.path)
    for given in (at_home.path, at_home.path / "run"):
        code, out, _ = nasdip("status", given)
        assert code == 0
        assert "of NNI: 4 jobs ended\n" in out
        assert "state        finished, at NNI's limit" in out
        assert "portal" not in out
        assert f"--architecture {at_home.path / 'run'}\n" in out
    assert snapshot(at_home.path) == before
    code, _, err = nasdip("status", at_home.id)
    assert code == 2
    assert f"{at_home.id} is not the folder of a search" in err
    text = Path(nasdip("report", at_home.path)[1].strip()).read_text()
    assert "NNI still runs" not in text
    assert "nasdip nnictl stop" not in text


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder of an in-process search of three trials, without a final fit."""
    folder = RunFolder(tmp_path_factory.mktemp("searched") / "run")
    settings = SearchSettings(trials=3, proxy=ProxySettings(crop=16, width=16, steps=3), final=FinalSettings(steps=0))
    measurement = measurement_of(np.random.default_rng(0).random((32, 32, 3), dtype=np.float32))
    start_run(folder, settings, SearchSpace.load("tiny"), measurement, None, torch.device("cpu"), image="photo.png")
    run_trials(folder, torch.device("cpu"))
    return folder.path


@pytest.fixture
def run(searched, folder, monkeypatch):
    """That run at the place of an experiment's, which nnictl's list knows."""
    path = folder / "exps" / ID / "run"
    shutil.copytree(searched, path)
    write_service(path)
    listed = folder / "home/nni-experiments/.experiment"
    listed.parent.mkdir(parents=True)
    listed.write_text(json.dumps({ID: {"logDir": str(folder / "exps")}}))
    monkeypatch.setenv("HOME", str(folder / "home"))
    return path


def write_service(path, **given):
    notes = {"service": "nni", "experiment": ID, "port": 18499, "exposed": [], "concurrency": 2, "children": 1}
    RunFolder(path).write_service({**notes, "lost": [], "failure": None, **given})


def write_database(experiment, limit, statuses):
    (experiment / "db").mkdir()
    with closing(sqlite3.connect(experiment / "db/nni.sqlite")) as database, database:
        database.execute("create table ExperimentProfile (params text, revision integer)")
        database.execute("create table TrialJobEvent (timestamp integer, trialJobId text, event text, data text)")
        database.execute("insert into ExperimentProfile values (?, 1)", [json.dumps({"maxTrialNumber": limit})])
        events = [(0, f"job{i}", status, None) for i, status in enumerate(statuses)]
        database.executemany("insert into TrialJobEvent values (?, ?, ?, ?)", events)


def write_log(experiment, *statuses):
    (experiment / "log").mkdir(exist_ok=True)
    lines = [f"[2026] INFO (NNIManager) Change NNIManager status from: X to: {status}" for status in statuses]
    (experiment / "log/nnimanager.log").write_text("\n".join(lines))


def lines_of(nasdip, given):
    code, out, err = nasdip("status", given)
    assert code == 0, err
    return out.splitlines()


@pytest.mark.parametrize("given", [ID, f"exps/{ID}", f"exps/{ID}/run"])
def test_every_way_to_name_it_leads_to_the_same_run(run, nasdip, given):
    lines = lines_of(nasdip, given)
    assert "state        finished" in lines
    assert lines[-1].endswith(f"--architecture {ID}")
    code, out, err = nasdip("report", given)
    assert code == 0, err
    assert Path(out.strip()).resolve() == run / "report.html"
    code, _, err = nasdip("restore", "photo.png", "--architecture", given, "--steps", 2, "--width", 16, "--no-report")
    assert code == 0, err


def test_status_writes_nothing(run, nasdip):
    before = snapshot(run.parent)
    lines_of(nasdip, ID)
    assert snapshot(run.parent) == before


def test_an_open_portal_is_told_loudly_while_the_search_runs_and_afterwards(run, nasdip):
    write_service(run, exposed=["[::]:18499"])
    with RunFolder(run).locked():
        first = lines_of(nasdip, ID)[0]
    assert first.startswith("WARNING      NNI'S PORTAL IS OPEN TO THE NETWORK at [::]:18499")
    assert f"nasdip nnictl stop {ID}" in first
    lines = lines_of(nasdip, ID)
    assert [line for line in lines if line.startswith("WARNING")] == [lines[2]]
    assert "was open to the network at [::]:18499" in lines[2]


def test_the_limit_is_that_of_nni_which_may_be_raised_or_be_time_alone(run, nasdip):
    write_database(run.parent, 8, ["SUCCEEDED"] * 3 + ["RUNNING", "WAITING"])
    lines = lines_of(nasdip, ID)
    assert f"experiment   {ID} of NNI: 3 jobs ended, 2 under way when it stopped" in lines
    assert "state        stopped after 3 of 8 trials" in lines
    assert lines[-1] == f"go on with   nasdip nnictl resume {ID}"
    with RunFolder(run).locked():
        assert f"experiment   {ID} of NNI: 3 jobs ended, 1 running, 1 waiting" in lines_of(nasdip, ID)
    with closing(sqlite3.connect(run.parent / "db/nni.sqlite")) as database, database:
        database.execute("update ExperimentProfile set params = '{}'")
    assert "state        stopped after 3 trials" in lines_of(nasdip, ID)
    write_log(run.parent, "RUNNING", "NO_MORE_TRIAL", "DONE", "STOPPING", "STOPPED")
    assert "state        finished, at NNI's limit" in lines_of(nasdip, ID)
    write_log(run.parent, "DONE", "STOPPED", "RUNNING", "ERROR")
    assert "state        ended by an error after 3 trials" in lines_of(nasdip, ID)


def test_time_left_is_shared_by_the_jobs_at_once(run, nasdip):
    times = []
    write_database(run.parent, 3000, ["SUCCEEDED"] * 3)
    for concurrency in (1, 4):
        write_service(run, concurrency=concurrency)
        seconds = [trial.seconds for trial in RunFolder(run).trials() if trial.status == "ok"]
        times.append(sum(seconds) / len(seconds) * 2997 / concurrency)
        assert f"time left    about {duration(times[-1])} for the trials" in lines_of(nasdip, ID)
    assert times[0] == pytest.approx(4 * times[1])


def test_failure_and_lost_jobs_are_told(run, nasdip):
    write_database(run.parent, 8, ["FAILED"])
    write_service(run, failure="no space left", lost=[{"job": "a", "cause": "one"}, {"job": "b", "cause": "two"}])
    lines = lines_of(nasdip, ID)
    assert "failure      no space left" in lines
    assert "state        ended by an error after 3 of 8 trials" in lines
    assert "lost         2 jobs of NNI's ended without having taken an architecture; the last: two" in lines


def test_a_broken_database_and_a_copy_elsewhere_leave_the_run_readable(run, nasdip, folder):
    (run.parent / "db").mkdir()
    (run.parent / "db/nni.sqlite").write_text("no database")
    assert f"experiment   {ID} of NNI; its own records are not at hand" in lines_of(nasdip, run)
    run.rename(folder / "kept")
    (folder / f"exps/{ID}/run").mkdir()
    lines = lines_of(nasdip, "kept")
    assert "state        finished" in lines
    assert lines[-1].endswith(f"--architecture {folder / 'kept'}")


def test_without_the_room_for_nni_folders_still_work(run, folder):
    code = (
        "import sys\n"
        "room = 'nasdip.nas.backends.nni'\n"
        "for name in ('nni', room, room + '.experiment', room + '.leftovers'):\n"
        "    sys.modules[name] = None\n"
        "import io, json\n"
        "from contextlib import redirect_stderr, redirect_stdout\n"
        "from nasdip.cli import main\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['nasdip', *words]\n"
        "    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:\n"
        "        try:\n"
        "            main()\n"
        "        except SystemExit as ended:\n"
        "            code = ended.code or 0\n"
        "    print(json.dumps([code, out.getvalue(), err.getvalue()]))\n"
    )
    commands = [
        ["status", f"exps/{ID}"], ["report", f"exps/{ID}/run"], ["status", ID],
        ["nnictl", "create", "--config", "experiment.yml"],
    ]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, json.dumps(commands)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown, reported, unknown, refused = (json.loads(line) for line in done.stdout.splitlines())
    assert shown[0] == 0, shown
    assert "its own records are not at hand" in shown[1]
    assert reported[0] == 0, reported
    assert unknown[0] == 2
    assert "is not the folder of a search" in unknown[2]
    assert (refused[0], len(refused[2].splitlines())) == (2, 1)
    assert "lacks its part for NNI" in refused[2]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda e: RunFolder(e / "run").write_service({"failure": "no image"}), "could not start its search: no"),
        (lambda e: write_log(e, "RUNNING", "ERROR", "STOPPING"), "has not begun its search, and NNI ended with an"),
        (lambda e: write_log(e, "RUNNING"), "has not begun its search: its logs are in "),
    ],
)  # fmt: skip
def test_an_experiment_without_a_search_says_why_in_one_line(folder, nasdip, make, words):
    experiment = folder / "exps" / ID
    (experiment / "run").mkdir(parents=True)
    write_database(experiment, 8, [])
    make(experiment)
    if not (experiment / "run/service.json").exists():
        (experiment / "run").rmdir()
    lines = lines_of(nasdip, experiment)
    assert len(lines) == 1
    assert words in lines[0]
    assert str(experiment / "log") in lines[0]
    for verb in (["report"], ["restore", "photo.png", "--architecture"]):
        code, out, err = nasdip(*verb, experiment)
        assert (code, out) == (2, "")
        assert err == f"nasdip: error: {lines[0]}\n"


def test_one_that_starts_is_waited_for(folder, nasdip):
    path = folder / ID / "run"
    (folder / ID / "db").mkdir(parents=True)
    (folder / ID / "db/nni.sqlite").touch()
    with RunFolder(path).locked():
        assert f"experiment {ID} is starting its search" in lines_of(nasdip, path)[0]
