"""Real NNI experiments for tests: start them, look at them, and leave nothing behind.

::

    with nni_experiment(tmp_path, CONFIG, ports=range(18100, 18200)) as experiment:
        experiment.wait_for("DONE")
        experiment.trials()

Each has a HOME of its own, so that nnictl's list of experiments is its own too. `guarded` chooses between
`nasdip nnictl` and plain `nnictl`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

BIN = Path(sys.executable).parent
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot reach this machine's ports

# Waits are written for an idle machine with wide vectors; others are so many times slower.
PATIENCE = 3

# A stock experiment: 0 < x < 1 by NNI's Random tuner. `trialCommand` is to be added.
RANDOM_SEARCH: dict[str, Any] = {
    "searchSpace": {"x": {"_type": "uniform", "_value": [0, 1]}},
    "trialConcurrency": 1,
    "maxTrialNumber": 1,
    "tuner": {"name": "Random"},
    "trainingService": {"platform": "local"},
}


class Process(NamedTuple):
    """A process of an experiment: `role` is manager, keeper (of a remote worker), tuner, trial or other."""

    pid: int
    role: str


def free_port(ports: Iterable[int]) -> int:
    """Return a port on which nobody listens, and none after it."""
    for port in ports:
        try:
            for number in (port, port + 1):
                with socket.create_server(("", number)):
                    pass
        except OSError:
            continue
        return port
    raise OSError(f"no port is free in {ports}")


def wait_until(condition: Callable[[], Any], seconds: float = 60, what: str = "it") -> Any:
    """Return what `condition` returns as soon as that is true; TimeoutError after PATIENCE times `seconds`."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.2)
    raise TimeoutError(f"{what} did not happen within {seconds} s")


def processes_of(home: Path) -> list[Process]:
    """Return the live processes whose HOME is `home`, read from /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = dict(item.split("=", 1) for item in _strings(folder / "environ") if "=" in item)
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if environment.get("HOME") == str(home) and state != "Z":
                found.append(Process(int(folder.name), _role(_strings(folder / "cmdline"), environment)))
        except OSError:
            continue
    return found


def _strings(path: Path) -> list[str]:
    return path.read_bytes().decode(errors="replace").split("\0")


def _role(command: Sequence[str], environment: Mapping[str, str]) -> str:
    if any(word.endswith("nni_node/main.js") for word in command):
        return "manager"
    if any(word.endswith("trial_keeper/main.js") for word in command):
        return "keeper"
    if "--exp_params" in command:
        return "tuner"
    return "trial" if "NNI_TRIAL_JOB_ID" in environment else "other"


def kill_all(home: Path) -> None:
    """Kill every process whose HOME is `home`."""
    deadline = time.monotonic() + 20
    while (left := processes_of(home)) and time.monotonic() < deadline:
        for process in left:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def nnictl(
    home: Path, *arguments: object, guarded: bool = True, cwd: Path | None = None, options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run nnictl to its end; `options` are those of `nasdip nnictl` itself."""
    home.mkdir(parents=True, exist_ok=True)
    command = [BIN / "nasdip", "nnictl", *options] if guarded else [BIN / "nnictl"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NNI_", "NASDIP_NNI_", "NODE_OPTIONS"))}
    environment = {**clean, "HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [*map(str, command), *map(str, arguments)],
        env=environment, cwd=cwd, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@dataclass
class RunningExperiment:
    """An experiment that was started with the home folder `home` and listens on `port`."""

    home: Path
    port: int
    guarded: bool
    id: str
    path: Path

    def url(self, api: str) -> str:
        """Return the address of something in NNI's REST API: `trial-jobs`, `check-status`, ..."""
        return f"http://localhost:{self.port}/api/v1/nni/{api}"

    def get(self, api: str) -> Any:
        """Return what NNI's REST API answers."""
        with _OPENER.open(self.url(api), timeout=20) as answer:
            return json.load(answer)

    def status(self) -> str:
        """Return NNI's status: RUNNING, DONE, ERROR, ..."""
        return str(self.get("check-status")["status"])

    def wait_for(self, *statuses: str, seconds: float = 120) -> str:
        """Wait until the status is one of these."""
        return str(
            wait_until(lambda: (now := self.status()) in statuses and now, seconds, f"status {' or '.join(statuses)}")
        )

    def trials(self) -> list[dict[str, Any]]:
        """Return the trial jobs as NNI's REST API lists them."""
        return list(self.get("trial-jobs"))

    def processes(self, role: str | None = None) -> list[Process]:
        """Return its live processes (of one role, see `Process`)."""
        return [process for process in processes_of(self.home) if role in (None, process.role)]

    def kill(self, role: str, signal_number: int = signal.SIGKILL) -> int:
        """Send a signal to the processes of a role; return how many they were."""
        chosen = self.processes(role)
        for process in chosen:
            os.kill(process.pid, signal_number)
        return len(chosen)

    def nnictl(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run another nnictl command beside it."""
        return nnictl(self.home, *arguments, guarded=self.guarded)

    def log(self, name: str = "nnictl_stderr.log") -> str:
        """Return one of its log files; "" where there is none."""
        file = self.path / "log" / name
        return file.read_text(errors="replace") if file.exists() else ""

    def diagnosis(self) -> str:
        """Return what is known of it once something went wrong: status, processes, trials, the ends of its logs."""
        told = [f"processes: {self.processes()}", f"load: {os.getloadavg()}"]
        for api in ("check-status", "trial-jobs"):
            try:
                told.append(f"{api}: {self.get(api)}")
            except OSError as error:
                told.append(f"{api}: {error}")
        for file in sorted(self.path.rglob("*")):
            if file.is_file() and file.suffix in (".log", "") and file.name.endswith((".log", "stderr", "stdout")):
                told.append(f"--- {file}\n{file.read_text(errors='replace')[-2000:]}")
        return "\n".join(told)


@contextmanager
def nni_experiment(
    folder: Path,
    config: Path | Mapping[str, Any],
    ports: Iterable[int],
    guarded: bool = True,
    options: Sequence[str] = (),
) -> Iterator[RunningExperiment]:
    """Start an experiment, and kill all that is left of it at the end.

    `config` is a YAML file, or its contents: then it is written to `folder`, where the trials run too. AssertionError
    with nnictl's words where it does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    home, port = folder / "home", free_port(ports)
    if not isinstance(config, Path):
        config = write_config(folder, config)
    try:
        made = nnictl(home, "create", "--config", config, "--port", port, guarded=guarded, cwd=folder, options=options)
        assert made.returncode == 0, made.stdout + made.stderr
        known = json.loads((home / "nni-experiments/.experiment").read_text())
        (name, record), *_ = known.items()
        experiment = RunningExperiment(home, port, guarded, name, Path(record["logDir"]) / name)
        try:
            yield experiment
        except BaseException:
            print(experiment.diagnosis())  # pytest shows it beside the failure
            raise
    finally:
        kill_all(home)


def write_config(folder: Path, config: Mapping[str, Any]) -> Path:
    """Write an experiment's YAML into `folder`, with trials in that folder where it names no other."""
    path = folder / "config.yml"
    # JSON is YAML.
    path.write_text(json.dumps({"trialCodeDirectory": str(folder), **config}))
    return path
