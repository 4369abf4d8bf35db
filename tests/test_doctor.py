import os
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.cli import main
from nasdip.cli.commands.doctor import Finding, examine, examine_config
from nasdip.errors import NasdipError
from nasdip.io.image_file import write_image

ROOT = Path(__file__).resolve().parents[1]
CPU = ROOT / "experiments" / "denoise_cpu.yml"
health = pytest.importorskip("nasdip.nas.backends.nni.health")


def _doctor(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["nasdip", "doctor", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture
def healthy(monkeypatch):
    """An installation without problems, so that exit codes tell of the configuration alone."""
    monkeypatch.setattr("nasdip.cli.commands.doctor.examine", lambda: [Finding("python", "3")])


def test_a_sound_configuration_ends_with_0(monkeypatch, healthy, capsys, tmp_path):
    write_image(tmp_path / "small.png", img_as_float32(astronaut()[80:96, 210:226]))  # measured in no time
    monkeypatch.setenv("NASDIP_IMAGE", str(tmp_path / "small.png"))
    monkeypatch.setenv("NASDIP_NOISE", "25")
    assert _doctor(monkeypatch, CPU) in (0, None)
    assert f"ok       config        {CPU} is sound" in capsys.readouterr().out


def test_a_bad_configuration_ends_with_1_and_each_problem(monkeypatch, healthy, capsys, tmp_path):
    path = tmp_path / "experiment.yml"
    path.write_text("trainingService: {platform: local}\ntrialCommand: python trial.py\n", encoding="utf-8")
    assert _doctor(monkeypatch, path) == 1
    out = capsys.readouterr().out
    for words in (
        "tuner is missing",
        "trialCommand must end in exec",
        "searchSpaceFile is missing",
        "maxTrialNumber is missing",
    ):
        assert f"-> {words}" in out
    assert out.count("problem") == 5


def test_the_parts_of_nni_are_found():
    found = {finding.name: finding for finding in examine()}
    assert found["nni"].found.startswith("3.0 (setuptools")
    assert found["nnictl"].found.split(",")[0].endswith("nnictl")
    assert found["node of nni"].found.startswith("v")
    assert "nni gpus" in found
    assert not any(found[name].problem for name in ("nni", "nnictl", "node of nni", "nni port", "nni gpus"))


def test_a_setuptools_without_pkg_resources_is_a_problem(monkeypatch):
    monkeypatch.setitem(sys.modules, "pkg_resources", None)
    finding = health._nni()
    assert "pkg_resources does not import" in finding.found
    assert finding.problem == "nnictl needs an older setuptools: pip install 'setuptools<81'"


def test_a_node_that_does_not_run_is_a_problem(monkeypatch, tmp_path):
    node = tmp_path / "node"
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(health.importlib.util, "find_spec", lambda name: spec)
    assert "FileNotFoundError" in health._node().found
    node.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    node.chmod(0o755)
    assert "reinstall NNI" in health._node().problem


def test_nnictl_is_found_beside_this_python_or_missed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "not on PATH" in health._nnictl().found
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert health._nnictl().problem is not None


def test_a_busy_port_is_told_with_the_way_round_it_and_is_no_problem():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        busy.listen()
        check = health._port(port)
    assert check.found == f"{port} is busy: start experiments with --port {port + 1}, or another"
    assert check.problem is None
    assert health._port(port).found == f"{port} is free"


@pytest.mark.parametrize(("count", "words"), [(0, "none"), (1, "never gives away the only one"), (4, "4")])
def test_gpus_are_told_as_nni_sees_them(monkeypatch, count, words):
    nvml = SimpleNamespace(nvmlInit=lambda: None, nvmlShutdown=lambda: None, nvmlDeviceGetCount=lambda: count)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    check = health._gpus()
    assert words in check.found
    assert check.problem is None


def test_without_nni_one_line_says_so(monkeypatch):
    monkeypatch.setattr(health, "installed_version", lambda name: None)
    (only,) = health.checks()
    assert only.problem is None
    assert "not installed" in only.found


def test_without_the_room_of_nni_the_rest_works(monkeypatch):
    for name in ("health", "config_check"):
        monkeypatch.setitem(sys.modules, f"nasdip.nas.backends.nni.{name}", None)
    assert examine()[-1] == Finding("nni", "not part of this nasdip")
    with pytest.raises(NasdipError, match="checks configurations"):
        examine_config(CPU)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def manager(tmp_path):
    """Start a manager of NNI without an experiment; `environment` is added to this one's."""
    started = []

    def start(environment):
        root, port = Path(find_spec("nni_node").submodule_search_locations[0]), _free_port()
        options = {
            "port": port, "experiment-id": "abcdefgh", "action": "create", "experiments-directory": tmp_path,
            "log-level": "info", "foreground": "false", "mode": "local", "python-interpreter": sys.executable,
        }  # fmt: skip
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        started.append(
            subprocess.Popen(
                [root / "node", root / "main.js", *words], env={**os.environ, "HOME": str(tmp_path), **environment}
            )
        )
        _wait_for(port, started[-1])
        return port

    yield start
    for process in started:
        process.kill()
        process.wait()


def _wait_for(port, process):
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the manager did not listen on {port}")


def _of(port):
    return [check for check in health.portals() if f"port {port}" in check.found]


def test_a_portal_that_other_machines_reach_is_a_problem(manager):
    port = manager({})
    (check,) = _of(port)
    assert "experiment abcdefgh listens on ::" in check.found
    assert check.problem == "nnictl stop abcdefgh, then nasdip nnictl resume abcdefgh"


def test_a_guarded_portal_is_no_problem(manager):
    from nasdip.nas.backends.nni.launch import environment

    assert _of(manager(environment())) == []


def test_a_portal_opened_on_request_is_told_and_is_no_problem(manager):
    from nasdip.nas.backends.nni.launch import environment

    (check,) = _of(manager(environment("0.0.0.0")))
    assert check.problem is None
    assert "as asked for with --listen" in check.found
