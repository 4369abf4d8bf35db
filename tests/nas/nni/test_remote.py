"""Several machines: two of them, played by sshd on this machine's loopback, run the trials of denoise_remote.yml."""

import getpass
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml
from nni_process import BIN, RunningExperiment, free_port, kill_all, nni_experiment, processes_of, wait_until

from nasdip.nas.backends.nni.experiment import REPORT, ExperimentFiles
from nasdip.nas.backends.nni.messages import result_to_entry
from nasdip.nas.backends.nni.ports import listening
from nasdip.nas.trial import run_trial
from nasdip.nas.trial_task import task_of
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult

CHECKOUT = Path(__file__).resolve().parents[3]
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")
pytestmark = pytest.mark.nni

PORTS, SSH_PORTS = range(18500, 18540), range(18540, 18560)
TRIALS, CHILDREN = 4, 2
PROXY = {"crop": 32, "width": 16, "steps": 12, "children": CHILDREN}

# The second child of every trial is killed before it has a result.
KILLED = """
import os, signal
from nasdip.nas.backends.nni import trial
fit = trial._fit
def killed(child, *rest):
    if child.trial % 2 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return fit(child, *rest)
trial._fit = killed
raise SystemExit(trial.main())
"""


class Machine(NamedTuple):
    """A machine that is reached over ssh: its port on loopback, and the home folder there."""

    port: int
    home: Path

    def experiment(self, name: str) -> Path:
        """Return where NNI keeps an experiment there."""
        return self.home / "nni-experiments" / name


class Remote(NamedTuple):
    """An experiment and the machines which run its trials."""

    running: RunningExperiment
    machines: list[Machine]

    @property
    def files(self) -> ExperimentFiles:
        return ExperimentFiles(self.running.path)

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.files.run)

    def reports(self) -> dict[str, dict[str, Any]]:
        """Return what each job wrote itself, on its machine, by the job's id."""
        folders = [machine.experiment(self.running.id) for machine in self.machines]
        paths = [path for folder in folders for path in folder.glob(f"environments/*/trials/*/{REPORT}")]
        return {path.parent.name: json.loads(path.read_text()) for path in paths}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's key, with the public half beside it."""
    if SSHD is None:
        reason = "sshd is not installed: apt-get install openssh-server openssh-client"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return make_key(tmp_path_factory.mktemp("keys") / "user")


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@contextmanager
def machine(folder: Path, key: Path) -> Iterator[Machine]:
    """Run an sshd that lets the holder of `key` in as this user, with a home folder and an environment of its own."""
    home, port = folder / "home", free_port(SSH_PORTS)
    home.mkdir(parents=True)
    # NNI upgrades itself there at every start: without an index it finds itself installed, and needs no network.
    variables = {"HOME": str(home), "PIP_NO_INDEX": "1"}
    settings = {
        "ListenAddress": "127.0.0.1", "Port": port, "HostKey": make_key(folder / "host"), "PidFile": "none",
        "AuthorizedKeysFile": f"{key}.pub", "StrictModes": "no", "UsePAM": "no", "Subsystem": "sftp internal-sftp",
        "SetEnv": " ".join(f'"{name}={value}"' for name, value in variables.items()),
    }  # fmt: skip
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as Debian's service does: sshd demands it of root
    with (folder / "sshd.log").open("wb") as log:
        sshd = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
        try:
            wait_until(lambda: listening(port), 10, "sshd")
            yield Machine(port, home)
        finally:
            sshd.terminate()
            sshd.wait(timeout=10)
            kill_all(home)


def write_experiment(folder: Path, key: Path, machines: Sequence[Machine], **settings: Any) -> Path:
    """Copy what an experiment needs of a checkout, filled in as a user would; return its YAML."""
    for name in ("experiments/remote", "search_spaces"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("*.safetensors"))
    config = yaml.safe_load((CHECKOUT / "experiments/denoise_remote.yml").read_text())
    filled = {"host": "127.0.0.1", "user": getpass.getuser(), "sshKeyFile": str(key), "pythonPath": str(BIN)}
    assert set(config["trainingService"]["machineList"][0]) == set(filled)
    config["trainingService"]["machineList"] = [{**filled, "port": machine.port} for machine in machines]
    config["trialCommand"] = config["trialCommand"].replace("/home/me/nasdip/.venv/bin", str(BIN))
    config["tuner"]["classArgs"].update(PROXY)
    config |= {"nniManagerIp": "127.0.0.1", "maxTrialNumber": TRIALS, "trialConcurrency": len(machines), **settings}
    path = folder / "experiments/denoise_remote.yml"
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


def tasks(folder: Path) -> list[Path]:
    """Return the files of tasks that are anywhere below a folder."""
    return sorted(folder.rglob("task-*.safetensors"))


@pytest.fixture(scope="module")
def done(key: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """The search of denoise_remote.yml on two machines, as it is when it is DONE."""
    folder = tmp_path_factory.mktemp("remote")
    with ExitStack() as stack:
        machines = [stack.enter_context(machine(folder / name, key)) for name in ("first", "second")]
        config = write_experiment(folder / "checkout", key, machines)
        running = stack.enter_context(nni_experiment(folder / "manager", config, PORTS))
        uploads = [wait_until(lambda m=m: tasks(m.experiment(running.id)), 60, "the upload") for m in machines]
        # What has reached every machine is taken away here: no later trial can read it where the manager has it.
        own = [*tasks(folder / "checkout/experiments/remote"), *tasks(running.path / "run")]
        assert {path.name for path in own} == {path.name for found in uploads for path in found}
        for path in own:
            path.unlink()
        running.wait_for("DONE", seconds=90)
        yield Remote(running, machines)


def test_every_machine_works_on_its_own_copy(done):
    for one in done.machines:
        assert list(one.experiment(done.running.id).glob(f"environments/*/trials/*/{REPORT}"))
    assert not list(done.running.path.glob(f"environments/*/trials/*/{REPORT}"))
    jobs = done.files.jobs()
    assert [job.status for job in jobs] == ["SUCCEEDED"] * TRIALS
    assert {job.id for job in jobs} == set(done.reports())
    names = {job.parameters["task"] for job in jobs}
    assert names == {path.name for one in done.machines for path in tasks(one.home)}


def test_every_result_is_the_one_that_its_trial_wrote(done):
    results, reports = done.folder.trials(), done.reports()
    written = sorted(entry["trial"] for report in reports.values() for entry in report["results"])
    assert [result.trial for result in results] == written
    assert len(written) > TRIALS  # a job that the assessor stops gives back the children which it has not begun
    for result in results:
        (entry,) = [entry for entry in reports[str(result.job)]["results"] if entry["trial"] == result.trial]
        assert comparable(result_to_entry(result)) == comparable(entry)


def comparable(entry: dict[str, Any]) -> Any:
    """Return an entry as JSON has it, without why a trial was stopped: its process knows only that it was."""
    return json.loads(json.dumps({**entry, "error": None if entry["status"] == "stopped" else entry["error"]}))


def test_no_job_counts_as_lost(done):
    assert done.folder.service()["lost"] == []


def test_rewards_are_those_of_a_search_in_one_process(done):
    remote = done.folder.trials()
    for there, here in zip(remote, evaluated_here(done.folder), strict=True):
        if there.status == "ok":
            assert (there.curve, there.reward, there.clean_psnr) == (here.curve, here.reward, here.clean_psnr)
        else:  # stopped by the assessor, between two points of a whole fit
            assert there.curve[:-1] == here.curve[: len(there.curve) - 1]
    assert sum(result.status == "ok" for result in remote) >= TRIALS


def evaluated_here(folder: RunFolder) -> list[TrialResult]:
    task = task_of(folder.record(), *folder.images())
    trials = [(result.trial, result.architecture) for result in folder.trials()]
    return [run_trial(*trial, task, torch.device("cpu"), {}) for trial in trials]


def test_nobody_else_reaches_the_manager_or_the_machines(done):
    notes = done.folder.service()
    assert (notes["exposed"], notes["parameters_bound"]) == ([], True)
    for port in (done.running.port, *(keeper_port(one.experiment(done.running.id)) for one in done.machines)):
        found = listening(port)
        assert found
        assert all(listener.is_loopback for listener in found), found


def keeper_port(folder: Path) -> int:
    """Return the port on which NNI's process on a machine listens to its trials."""
    (log,) = folder.glob("environments/*/trial_keeper/trial_keeper.log")
    return int(log.read_text().rpartition("Running on port ")[2].split()[0])


def test_stop_leaves_no_process_on_the_machines(done):
    assert all(processes_of(one.home) for one in done.machines)
    stopped = done.running.nnictl("stop", done.running.id)
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    wait_until(
        lambda: not any(processes_of(one.home) for one in done.machines), 30, "the end of the machines' processes"
    )


@pytest.mark.slow
def test_a_killed_trial_costs_its_own_architecture_alone(key, tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    with machine(tmp_path / "machine", key) as one:
        settings = {"trialCommand": f"exec {BIN / 'python'} {script}", "maxTrialNumber": 2}
        config = write_experiment(tmp_path / "checkout", key, [one], **settings)
        with nni_experiment(tmp_path / "manager", config, PORTS) as running:
            running.wait_for("DONE", seconds=90)
            remote = Remote(running, [one])
            # The last process has been dead for a moment when the tuner looks for what it left.
            wait_until(lambda: len(remote.folder.trials()) == 4, 30, "the end of the last trial")
            results = remote.folder.trials()
            assert [(result.trial, result.status) for result in results] == [
                (1, "ok"), (2, "failed"), (3, "ok"), (4, "failed"),
            ]  # fmt: skip
            assert all("killed" in str(result.error) for result in results[1::2])
            assert remote.folder.service()["lost"] == []
