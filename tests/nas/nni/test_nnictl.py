"""`nasdip nnictl`: what it refuses, what it waits for, and that nnictl does the rest."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from nni_process import RANDOM_SEARCH, nni_experiment, nnictl, processes_of, wait_until, write_config

from nasdip.cli.commands.nnictl import run_nnictl
from nasdip.errors import NasdipError
from nasdip.files import locked
from nasdip.nas.backends.nni.launch import GUARD, environment

PORTS = range(18150, 18190)

TRIAL = """
import json, os, time
from pathlib import Path
import nni
got = nni.get_next_parameter()
with open(f"got-{os.environ['NNI_TRIAL_JOB_ID']}.txt", "a") as file:
    file.write(json.dumps(got) + "\\n")
time.sleep(3)
nni.report_final_result(got["x"])
"""


def configured(folder: Path, **settings: object) -> dict[str, object]:
    (folder / "trial.py").write_text(TRIAL)
    return {**RANDOM_SEARCH, "trialCommand": f"exec {sys.executable} trial.py", **settings}


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert all(line.startswith("nasdip: error: ") for line in lines), done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.nni
def test_the_rest_is_nnictls(tmp_path):
    assert nnictl(tmp_path, "--version").stdout == nnictl(tmp_path, "--version", guarded=False).stdout
    assert "--config" in nnictl(tmp_path, "create", "--help").stdout
    assert "usage: nnictl" in nnictl(tmp_path, "--", "--help").stdout
    unknown = nnictl(tmp_path, "dance")
    assert (unknown.returncode, "invalid choice: 'dance'" in unknown.stderr) == (2, True)
    nothing_there = nnictl(tmp_path, "experiment", "list")
    assert (nothing_there.returncode, nothing_there.stdout) == (1, "INFO:  Cannot find experiments.\n")


def test_its_own_help_says_how_to_see_nnictls(tmp_path):
    text = nnictl(tmp_path, "--help").stdout
    assert "--listen" in text
    assert "-- --help" in " ".join(text.split())


def test_every_problem_is_printed_and_nothing_started(tmp_path):
    home = tmp_path / "home"
    bad = write_config(tmp_path, configured(tmp_path, trialConcurrency=0, maxTrialNumber=0, trialCommand=""))
    done = nnictl(home, "create", "--config", bad, "--port", PORTS[0])
    refused(done, "trialConcurrency", "maxTrialNumber", "trialCommand")
    assert len(done.stderr.strip().splitlines()) == 3
    assert not (home / "nni-experiments").exists()
    assert not processes_of(home)


@pytest.fixture
def refusal(tmp_path, monkeypatch):
    """Return the one line by which a command is refused before nnictl is called."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def nnictl_is_called(*arguments: object) -> None:
        raise AssertionError(f"nnictl is called: {arguments}")

    monkeypatch.setattr("nasdip.nas.backends.nni.launch.run", nnictl_is_called)

    def run(*arguments: object, listen: str | None = None, allow: tuple[str, ...] = ()) -> str:
        with pytest.raises(NasdipError) as caught:
            run_nnictl([str(argument) for argument in arguments], listen, allow)
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    return run


def test_bad_input(tmp_path, refusal):
    assert "none.yml" in refusal("create", "-c", tmp_path / "none.yml")
    assert "no experiment abcdefgh" in refusal("resume", "abcdefgh")
    for command in ("stop", "view"):  # nnictl ends with success, or in a traceback
        assert "no experiment abcdefgh: see" in refusal(command, "abcdefgh")
    assert "give it before" in refusal("create", "--listen", "0.0.0.0")
    assert "cannot find machine" in refusal("stop", allow=("no.such.host.invalid",))
    good = write_config(tmp_path, configured(tmp_path))
    assert "port 70000" in refusal("create", f"--config={good}", "--port=70000")
    with socket.create_server(("", PORTS[1])):
        assert f"port {PORTS[1]} is in use" in refusal("create", f"-c{good}", "-p", PORTS[1])
    for address, words in (("203.0.113.9", "an address of this machine"), ("no.such.host.invalid", "spelling")):
        assert words in refusal("create", "--config", good, "--port", PORTS[0], listen=address)


def test_what_is_stopped_is_not_stopped_again(tmp_path, refusal, capsys):
    experiments = tmp_path / "home/nni-experiments"
    experiments.mkdir(parents=True)
    (experiments / ".experiment").write_text(json.dumps({"abcdefgh": {"logDir": "/x", "status": "STOPPED"}}))
    with pytest.raises(SystemExit) as caught:
        run_nnictl(["stop", "abcdefgh"], None, ())
    assert caught.value.code == 0
    assert "abcdefgh is stopped already" in capsys.readouterr().err


def test_machines_that_could_not_reach_the_manager(tmp_path, refusal):
    key = tmp_path / "key"
    key.write_text("")
    key.chmod(0o600)
    machine = {"host": "203.0.113.8", "user": "me", "sshKeyFile": str(key), "pythonPath": "/opt/nasdip/bin"}
    (tmp_path / "code").mkdir()
    remote = {
        **configured(tmp_path), "trialCodeDirectory": str(tmp_path / "code"), "nniManagerIp": "203.0.113.9",
        "trainingService": {"platform": "remote", "machineList": [machine]},
    }  # fmt: skip
    words = refusal("create", "--config", write_config(tmp_path, remote), "--port", PORTS[0])
    assert "203.0.113.9" in words
    assert "--listen 203.0.113.9" in words


@pytest.mark.parametrize(("module", "words"), [("nni", ".[nni]"), ("pkg_resources", "setuptools<81")])
def test_what_is_not_installed_is_named(monkeypatch, module, words):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else find(name))
    with pytest.raises(NasdipError, match=words.replace("[", r"\[")):
        run_nnictl(["--version"], None, [])


def test_a_worker_finds_its_guard_without_heavy_imports():
    script = (
        "import sys, nasdip.nas.backends.nni.launch as l\nprint(l.GUARD, {'nni', 'torch', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(GUARD), "set()"]
    assert GUARD.is_file()


def test_environment(monkeypatch):
    monkeypatch.setenv("NODE_OPTIONS", "--no-warnings")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("NASDIP_NNI_GUARD", "1")
    monkeypatch.setenv("NASDIP_NNI_LISTEN", "0.0.0.0")
    made = environment()
    assert made["NODE_OPTIONS"] == f'--no-warnings --require="{GUARD}"'
    assert made["PATH"] == f"{Path(sys.executable).parent}:/usr/bin:/bin"
    assert not [name for name in made if name.startswith("NASDIP_NNI_")]
    listening = environment("203.0.113.9", ["203.0.113.7", "203.0.113.8"])
    assert listening["NASDIP_NNI_LISTEN"] == "203.0.113.9"
    assert listening["NASDIP_NNI_ALLOW"] == "203.0.113.7,203.0.113.8"
    monkeypatch.setenv("NODE_OPTIONS", made["NODE_OPTIONS"])
    assert environment()["NODE_OPTIONS"] == made["NODE_OPTIONS"]


@pytest.mark.slow
def test_resume_after_the_managers_death(tmp_path):
    """nnictl believes that it runs; its tuner lingers; its trials go on, though NNI will run them again."""
    config = configured(tmp_path, maxTrialNumber=3, trialConcurrency=2)
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        done = experiment.nnictl("resume", experiment.id, "--port", experiment.port)
        refused(done, f"experiment {experiment.id} runs", f"nasdip nnictl stop {experiment.id}")
        wait_until(lambda: len(list(tmp_path.glob("got-*.txt"))) == 2, 60, "the start of two trials")
        assert experiment.kill("manager") == 1
        orphans = {process.pid for process in experiment.processes("trial")}
        tuners = {process.pid for process in experiment.processes("tuner")}
        assert tuners
        done = experiment.nnictl("resume", experiment.id, "--port", experiment.port)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "the tuner of" in done.stderr
        assert ("of trials whose manager died" in done.stderr) == bool(orphans)
        assert not {process.pid for process in experiment.processes()} & (orphans | tuners)
        assert experiment.wait_for("DONE", "ERROR") == "DONE"
        trials = experiment.trials()
        assert [trial["status"] for trial in trials] == ["SUCCEEDED"] * 3
        assert [len(trial["finalMetricData"]) for trial in trials] == [1, 1, 1]
        for trial in trials:
            given = json.loads(trial["hyperParameters"][0])["parameters"]
            got = (tmp_path / f"got-{trial['trialJobId']}.txt").read_text().splitlines()
            assert [json.loads(line) for line in got] == [given] * len(got)


def in_other_network() -> list[str]:
    """Return the command that runs another in a network of its own, as another machine would."""
    command = ["ip", "netns", "exec", "nasdip-test"]
    if os.getuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and the command ip, to make a second network on this machine")
    return command


@pytest.fixture
def other_machine():
    """A network namespace at 198.51.100.2, connected with this machine at 198.51.100.1."""
    command = in_other_network()
    steps = (
        "ip netns add nasdip-test",
        "ip link add nasdip0 type veth peer name nasdip1 netns nasdip-test",
        "ip address add 198.51.100.1/30 dev nasdip0",
        "ip link set nasdip0 up",
        "ip -n nasdip-test address add 198.51.100.2/30 dev nasdip1",
        "ip -n nasdip-test link set nasdip1 up",
    )
    try:
        for step in steps:
            made = subprocess.run(step.split(), capture_output=True, text=True)
            if made.returncode != 0:
                pytest.skip(f"this system refuses a second network: {made.stderr.strip()}")
        yield command
    finally:
        subprocess.run(["ip", "netns", "delete", "nasdip-test"], capture_output=True)
        subprocess.run(["ip", "link", "delete", "nasdip0"], capture_output=True)


CALL = """
import socket, sys
connection = socket.create_connection(("198.51.100.1", int(sys.argv[1])), timeout=10)
connection.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
print(connection.recv(65536).decode().splitlines()[0])
"""


@pytest.mark.nni
def test_listening_for_other_machines(tmp_path, other_machine):
    """Machines that are allowed may connect workers, and nothing else; others nothing at all."""

    def call(port: int, path: str, *headers: str) -> str:
        lines = (f"GET {path} HTTP/1.1", f"Host: 198.51.100.1:{port}", *headers, "", "")
        text = r"\r\n".join(lines)
        done = subprocess.run(
            [*other_machine, sys.executable, "-c", CALL, str(port), text], capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    socket_headers = (
        "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )  # fmt: skip
    worker = "/platform/remote/1"
    allowed, strange = ["--listen", "198.51.100.1", "--allow", "198.51.100.2"], ["--listen", "198.51.100.1"]
    for options, expected in ((allowed, 101), (strange, 403)):
        folder = tmp_path / str(expected)
        folder.mkdir()
        with nni_experiment(folder, configured(folder), PORTS, options=options) as experiment:
            port = experiment.port
            # The local service has no workers: the guard lets the connection through, and NNI closes it.
            assert str(expected) in call(port, worker, *socket_headers)
            assert "403" in call(port, worker)
            assert "403" in call(port, worker, *socket_headers, "Origin: http://198.51.100.1")
            for path in ("/tuner", "/platform/../tuner", "/", "/api/v1/nni/check-status", "/platform/remote/1?/tuner"):
                assert "403" in call(port, path, *socket_headers)
                assert "403" in call(port, path)
            assert experiment.status() in ("RUNNING", "INITIALIZED", "NO_MORE_TRIAL", "DONE")


@pytest.mark.nni
def test_the_risk_of_listening_is_told(tmp_path):
    done = nnictl(tmp_path, "experiment", "list", options=["--listen", "0.0.0.0", "--allow", "203.0.113.7,203.0.113.8"])
    assert "RISK" in done.stderr
    assert "every address of this machine" in done.stderr
    assert "allowed machines: 203.0.113.7, 203.0.113.8;" in done.stderr
    assert nnictl(tmp_path, "experiment", "list", options=["--listen", "127.0.0.1"]).stderr == ""


def test_resume_gives_up_on_what_never_ends(tmp_path, monkeypatch, capsys):
    """Something holds the run folder: it is told, waited for, and refused with advice."""
    monkeypatch.setattr("nasdip.cli.commands.nnictl._PATIENCE", 1.0)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "db").mkdir()
    (tmp_path / "db/nni.sqlite").touch()
    with locked(tmp_path / "run", "search"), pytest.raises(NasdipError, match=r"still runs after 1 s: see who uses it"):
        run_nnictl(["resume", str(tmp_path)], None, [])
    assert "waiting for at most 1 s" in capsys.readouterr().err
