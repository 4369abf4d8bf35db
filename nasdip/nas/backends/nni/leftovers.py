"""What still lives of an experiment whose manager died: its tuner for some seconds, its trials until they end.

Seen without NNI, which runs the trials of a dead manager again when it resumes, under the same ids.
"""

import os
import signal
import time
from collections.abc import Iterable
from typing import NamedTuple

from nasdip.files import is_locked
from nasdip.nas.backends.nni.experiment import ExperimentFiles
from nasdip.nas.backends.nni.processes import Process, own_processes

MANAGER, TUNER, TRIAL = "manager", "tuner", "trial"
_PATIENCE = 5.0


class Leftover(NamedTuple):
    """A live process of an experiment and its role."""

    pid: int
    role: str


def processes(files: ExperimentFiles) -> list[Leftover]:
    """Return the live processes of an experiment on this machine that its user may look at."""
    found = ((process.pid, _role(process, files)) for process in own_processes())
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


def _role(process: Process, files: ExperimentFiles) -> str | None:
    folder, environment = str(files.path.resolve()), process.environment
    if process.is_manager:
        return MANAGER if files.id in process.command else None
    if "--exp_params" in process.command and environment.get("NNI_CHECKPOINT_DIRECTORY") == f"{folder}/checkpoint":
        return TUNER
    ours = environment.get("NNI_OUTPUT_DIR", "").startswith(f"{folder}/")
    return TRIAL if ours and environment.get("NNI_EXP_ID") == files.id else None
