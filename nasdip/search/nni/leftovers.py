"""What still lives of an experiment whose manager died: its tuner for some seconds, its trials until they end.

Read from /proc without NNI. NNI runs the trials of a dead manager again when it resumes, under the same ids.
"""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from nasdip.files import is_locked
from nasdip.search.nni.experiment import ExperimentFiles

MANAGER, TUNER, TRIAL = "manager", "tuner", "trial"
_PATIENCE = 5.0


class Leftover(NamedTuple):
    """A live process of an experiment and its role."""

    pid: int
    role: str


def processes(files: ExperimentFiles) -> list[Leftover]:
    """Return the live processes of an experiment on this machine that its user may look at."""
    found = ((pid, _role(command, environment, files)) for pid, command, environment in _running())
    return [Leftover(pid, role) for pid, role in found if role is not None]


def manager_runs(files: ExperimentFiles) -> bool:
    """Whether the experiment's manager lives."""
    return any(process.role == MANAGER for process in processes(files))


def tuner_runs(files: ExperimentFiles) -> bool:
    """Whether the experiment's tuner lives, or something else that holds its run folder."""
    return is_locked(files.run) or any(process.role == TUNER for process in processes(files))


def end_trials(files: ExperimentFiles) -> int:
    """End the trials that a dead manager left behind; return how many processes they were."""
    orphans = _trials(files)
    _send(orphans, signal.SIGINT)  # as NNI stops a trial
    deadline = time.monotonic() + _PATIENCE
    while _trials(files) and time.monotonic() < deadline:
        time.sleep(0.1)
    _send(_trials(files), signal.SIGKILL)
    return len(orphans)


def _trials(files: ExperimentFiles) -> list[int]:
    return [process.pid for process in processes(files) if process.role == TRIAL]


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _role(command: list[str], environment: dict[str, str], files: ExperimentFiles) -> str | None:
    folder = str(files.path.resolve())
    if any(word.endswith("nni_node/main.js") for word in command):
        return MANAGER if files.id in command else None
    if "--exp_params" in command and environment.get("NNI_CHECKPOINT_DIRECTORY") == f"{folder}/checkpoint":
        return TUNER
    ours = environment.get("NNI_OUTPUT_DIR", "").startswith(f"{folder}/")
    return TRIAL if ours and environment.get("NNI_EXP_ID") == files.id else None


def _running() -> Iterator[tuple[int, list[str], dict[str, str]]]:
    """Yield pid, command and environment of the live processes that this user may look at, but for this one."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
            command, variables = _strings(folder / "cmdline"), _strings(folder / "environ")
        except OSError:
            continue
        if state not in "ZX" and int(folder.name) != os.getpid():
            yield int(folder.name), command, dict(item.split("=", 1) for item in variables if "=" in item)


def _strings(path: Path) -> list[str]:
    return path.read_bytes().decode(errors="replace").split("\0")
