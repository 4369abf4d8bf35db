"""The service (NNI) that runs a search's trials, from files alone: its jobs, its portal, what went wrong.

Everything but what the run folder itself holds is left out where `nasdip.nas.backends.nni` or the experiment is gone.
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nasdip.errors import NasdipError
from nasdip.records.run_folder import RunFolder
from nasdip.report.text.words import plain

if TYPE_CHECKING:
    from nasdip.nas.backends.nni.experiment import ExperimentFiles, NniJob

# What NNI's manager writes to its log.
_STATUS = re.compile(r"Change NNIManager status from: \w+ to: (\w+)")
_NO_MACHINES = re.compile(r"Training srevice initialize failed: *(.+)")  # its own spelling
_NOT_OF_A_SEARCH = ("STOPPING", "STOPPED", "VIEWED")


class Jobs(NamedTuple):
    """How many of the service's jobs (NNI calls them trials) wait, run and have ended.

    How they ended tells nothing of their trials: NNI calls a job cancelled that was slow to end after early stopping.
    """

    waiting: int
    running: int
    ended: int


class Service(NamedTuple):
    """What is known of the service.

    Attributes
    ----------
    experiment : str
        Id of the experiment.
    name : str
        By which other commands find the run: the id, or its folder where the id leads elsewhere or nowhere.
    resume : str
        The command that goes on with it.
    alive : bool
        Whether a process of it works on the run, or its manager lives on this machine.
    port : int or None
        Of the portal.
    exposed, exposed_before : tuple of str
        Addresses at which other machines reach (or reached) the portal, and before it was last resumed.
    concurrency, children : int
        Jobs at a time, and trials that a job evaluates.
    lost : tuple of str
        Causes of jobs that ended before they took an architecture.
    failure : str or None
        Why the search cannot go on.
    status : str or None
        NNI's last status before it was stopped: RUNNING, DONE, ERROR, ...
    jobs : Jobs or None
        None where NNI's database is not at hand.
    limit : int or None
        Trials at which the service ends; None where it has no such limit, or it is not known.
    ended : bool
        Whether it has come to a limit of its own: of jobs, or of time.
    orphaned : bool
        Whether its manager is gone from this machine, and its tuner is not yet.
    """

    experiment: str
    name: str
    resume: str
    alive: bool
    port: int | None
    exposed: tuple[str, ...]
    exposed_before: tuple[str, ...]
    concurrency: int
    children: int
    lost: tuple[str, ...]
    failure: str | None
    status: str | None
    jobs: Jobs | None
    limit: int | None
    ended: bool
    orphaned: bool = False


def read_service(folder: RunFolder) -> Service | None:
    """Return the service of a run; None where the run has none."""
    notes = folder.service()
    if not notes:
        return None
    files = _experiment(folder, notes)
    name = str(notes.get("experiment", folder.path.resolve().parent.name))
    children = max(1, int(notes.get("children") or 1))
    jobs, limit = _read_jobs(files)
    status = last_status(folder.path.resolve().parent) if files else None
    roles = _roles(files)
    return Service(
        experiment=name,
        name=_name(name, folder),
        resume=_resume(name, folder),
        alive=folder.is_running() or "manager" in roles,
        port=notes.get("port"),
        exposed=tuple(plain(place) for place in notes.get("exposed") or ()),
        exposed_before=tuple(plain(place) for place in notes.get("exposed_before") or ()),
        concurrency=max(1, int(notes.get("concurrency") or 1)),
        children=children,
        lost=tuple(plain(entry.get("cause")) for entry in notes.get("lost") or ()),
        failure=plain(notes["failure"]) if notes.get("failure") else _start_failure(folder.path.resolve().parent),
        status=status,
        jobs=jobs,
        limit=None if limit is None else limit * children,
        ended=status == "DONE" or (jobs is not None and limit is not None and jobs.ended >= limit),
        orphaned="tuner" in roles and "manager" not in roles,
    )


def last_status(experiment: Path) -> str | None:
    """Return NNI's last status of an experiment before it was stopped (RUNNING, DONE, ERROR, ...), from its log."""
    found = [status for status in _STATUS.findall(_log(experiment)) if status not in _NOT_OF_A_SEARCH]
    return found[-1] if found else None


def _start_failure(experiment: Path) -> str | None:
    """Return why NNI could not start the machines that run trials, from the log of its manager's last start."""
    last = _log(experiment).rpartition("Change NNIManager status from: INITIALIZED to: RUNNING")[2]
    found = _NO_MACHINES.findall(last)
    return f"NNI could not start its trials' machines: {plain(found[-1])[:300]}" if found else None


def _log(experiment: Path) -> str:
    try:
        return (experiment / "log/nnimanager.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _experiment(folder: RunFolder, notes: dict[str, Any]) -> "ExperimentFiles | None":
    """Return the experiment whose run folder this still is; None for a copy elsewhere."""
    path = folder.path.resolve()
    if path.name != "run" or path.parent.name != notes.get("experiment"):
        return None
    try:
        from nasdip.nas.backends.nni.experiment import ExperimentFiles
    except ImportError:
        return None
    return ExperimentFiles(path.parent)


def _read_jobs(files: "ExperimentFiles | None") -> tuple[Jobs | None, int | None]:
    """Return the jobs, and their largest number."""
    try:
        if files is None:
            return None, None
        return _count(files.jobs()), files.profile().get("maxTrialNumber")
    except NasdipError:  # the run folder tells all that matters
        return None, None


def _count(jobs: "Sequence[NniJob]") -> Jobs:
    ended = sum(job.ended for job in jobs)
    running = sum(job.status == "RUNNING" for job in jobs)
    return Jobs(len(jobs) - ended - running, running, ended)


def _roles(files: "ExperimentFiles | None") -> set[str]:
    """Return the roles of the experiment's processes that live on this machine."""
    if files is None:
        return set()
    from nasdip.nas.backends.nni.leftovers import processes

    return {process.role for process in processes(files)}


def _name(experiment: str, folder: RunFolder) -> str:
    try:
        from nasdip.nas.backends.nni.experiment import find_experiment
    except ImportError:
        return str(folder.path)
    found = find_experiment(experiment)
    return (
        experiment if found is not None and found.run.resolve() == folder.path.resolve() else str(folder.path.resolve())
    )


def _resume(experiment: str, folder: RunFolder) -> str:
    """Return the command that resumes an experiment, with its place where nnictl's list does not know it."""
    place = folder.path.resolve().parent
    words = ["nasdip", "nnictl", "resume", experiment]
    if place.name == experiment and _listed_place(experiment) != place.parent:
        words += ["--experiment_dir", str(place.parent)]
    return shlex.join(words)


def _listed_place(experiment: str) -> Path | None:
    try:
        from nasdip.nas.backends.nni.experiment import listed
    except ImportError:
        return None
    entry = listed(experiment)
    return entry.place if entry else None
