"""The files of an NNI experiment, read without NNI: while it runs, after it, and when its service is gone.

::

    <experimentWorkingDirectory>/<id>/db/nni.sqlite          what NNI keeps: configuration, jobs, metrics
                                      environments/*/trials/  a folder for each job: its output, our nasdip.json
                                      log/                    of NNI's manager and of the tuner
                                      run/                    the run folder (see nasdip.records.run_folder)
"""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from nasdip.errors import NasdipError

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?)\s*([smhd]?)")
_ID = re.compile(r"[A-Za-z0-9]{8}")
_ENDED = ("SUCCEEDED", "FAILED", "USER_CANCELED", "SYS_CANCELED", "EARLY_STOPPED")
# Events that tell nothing of a job's state; NNI stores the first one when the job has ended already.
_NOTICES = ("USER_TO_CANCEL", "ADD_HYPERPARAMETER")
REPORT = "nasdip.json"
# What tuners, assessors and trials are called in a configuration; until version 0.1.0 they were called otherwise.
_NAME, _EARLIER_NAME = "nasdip.nas.backends.nni.", "nasdip.search.nni."


class NniJob(NamedTuple):
    """One of NNI's trial jobs: its last event, and when it began to run and when that event was (s since 1970).

    `parameters` are those that NNI recorded, which may be those of another job.
    """

    id: str
    status: str
    parameters: dict[str, Any]
    begun: float
    changed: float

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status in _ENDED


class Listed(NamedTuple):
    """What nnictl's list says of an experiment: the folder that its own is in, and its status (RUNNING, ...)."""

    place: Path
    status: str


class ExperimentFiles:
    """The folder `path` of an experiment."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def of_environment() -> "ExperimentFiles":
        """Return the experiment whose tuner this process is; NasdipError where it is none."""
        checkpoints = os.environ.get("NNI_CHECKPOINT_DIRECTORY")
        if checkpoints is None:
            raise NasdipError("this process was not started by NNI: launch the experiment with nnictl")
        return ExperimentFiles(Path(checkpoints).parent)

    @property
    def id(self) -> str:
        """NNI's name for it."""
        return self.path.name

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.path / "run"

    def profile(self) -> dict[str, Any]:
        """Return the configuration as NNI keeps it (camelCase); NasdipError where there is none."""
        rows = self._query("select params from ExperimentProfile order by revision desc limit 1")
        if not rows:
            raise NasdipError(f"{self.path} holds no configuration of an experiment: it was never started")
        return dict(json.loads(rows[0][0]))

    def jobs(self) -> list[NniJob]:
        """Return all jobs in the order of their submission."""
        jobs: dict[str, NniJob] = {}
        query = "select trialJobId, event, data, timestamp from TrialJobEvent order by rowid"
        for name, event, data, time in self._query(query):
            if not name:
                continue
            if event in _NOTICES:
                continue
            before = jobs.get(name)
            parameters = before.parameters if before else {}
            begun = (time or 0) / 1000 if before is None or event == "RUNNING" else before.begun
            if data and not parameters:
                parameters = dict(json.loads(data).get("parameters") or {})
            jobs[name] = NniJob(name, event, parameters, begun, (time or 0) / 1000)
        return list(jobs.values())

    def timed_out(self, job: NniJob) -> bool:
        """Whether a job was ended because it ran longer than a trial may; NNI's status does not tell."""
        return job.ended and self.over_time(job, job.changed)

    def over_time(self, job: NniJob, now: float) -> bool:
        """Whether a job has, or had, run longer than a trial may at the time `now` (s since 1970)."""
        limit = self.profile().get("maxTrialDuration")
        return limit is not None and now - job.begun >= to_seconds(limit)

    def mend(self) -> None:
        """Finish what a killed manager left half-written in its database; nobody may be using it.

        Where an earlier version of nasdip made the experiment, its tuner, assessor and trials get today's names.
        """
        database = self.path / "db/nni.sqlite"
        if not database.is_file():
            return
        with closing(sqlite3.connect(database, timeout=20)) as connection:
            connection.execute("select count(*) from sqlite_master").fetchall()  # takes up a journal that was left
            query = "update ExperimentProfile set params = replace(params, ?, ?) where instr(params, ?)"
            connection.execute(query, (_EARLIER_NAME, _NAME, _EARLIER_NAME))
            connection.commit()

    def metrics(self, job: str) -> Iterator[Any]:
        """Yield what a job reported to NNI, intermediate results first; values that are not JSON are left out."""
        query = "select data from MetricData where trialJobId = ? order by type desc, sequence"
        for (data,) in self._query(query, job):
            try:
                yield json.loads(json.loads(data))
            except (TypeError, ValueError):
                continue

    def report(self, job: str) -> dict[str, Any]:
        """Return what a job itself wrote (see `trial`); {} where it wrote nothing that is here."""
        for path in self.path.glob(f"environments/*/trials/{job}/{REPORT}"):
            try:
                return dict(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                continue
        return {}

    def last_words(self, job: str) -> str:
        """Return the last line that a job wrote to standard error, or nothing."""
        for path in self.path.glob(f"environments/*/trials/{job}/trial.stderr"):
            lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            if lines:
                return lines[-1].strip()
        return ""

    def _query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        database = self.path / "db/nni.sqlite"
        if not database.is_file():
            return []
        try:
            with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise NasdipError(f"cannot read {database} ({error}): check that it is whole") from None


def to_seconds(duration: str | float) -> float:
    """Return the seconds of NNI's durations: a number, or one with s, m, h or d; NasdipError for others.

    Examples
    --------
    >>> to_seconds("90s"), to_seconds("2h"), to_seconds(30)
    (90.0, 7200.0, 30.0)
    """
    match = _DURATION.fullmatch(str(duration).strip().lower())
    if match is None:
        raise NasdipError(f"'{duration}' is not a duration: use a number with s, m, h or d, like 90s")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2] or "s"]


def find_experiment(text: str) -> ExperimentFiles | None:
    """Return the experiment of an id or a folder; None where there is none.

    Ids are looked up in nnictl's list, then in ~/nni-experiments and ./runs.
    """
    given = Path(text)
    for path in (given, given.parent) if given.name == "run" else (given,):
        if (path / "db/nni.sqlite").is_file():
            return ExperimentFiles(path)
    if not _ID.fullmatch(text):
        return None
    entry, home = listed(text), Path.home() / "nni-experiments"
    for base in (*([entry.place] if entry else []), home, Path("runs")):
        if (base / text / "db/nni.sqlite").is_file() or (base / text / "run").is_dir():
            return ExperimentFiles(base / text)
    return None


def listed(name: str) -> Listed | None:
    """Return what nnictl's list of this user's experiments (~/nni-experiments/.experiment) says of an id."""
    try:
        entry = json.loads((Path.home() / "nni-experiments/.experiment").read_text(encoding="utf-8"))[name]
        return Listed(Path(entry["logDir"]).resolve(), str(entry.get("status", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
