"""The search of an NNI experiment: what its tuner and assessor share. No NNI here.

Results are taken from wherever they can be had: what trials report through NNI, NNI's database, and the file that
every trial writes itself. Each is known by its own number and architecture; which of NNI's jobs brought it does not
matter, since NNI gives parameters to whichever job asks first.
"""

import os
import shlex
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nasdip.errors import NasdipError
from nasdip.files import make_folder
from nasdip.measurement.measure import measurement_of
from nasdip.nas.backends.nni.experiment import ExperimentFiles, NniJob
from nasdip.nas.backends.nni.launch import COMMAND
from nasdip.nas.backends.nni.messages import Child, TrialRequest, entry_to_result, metric_to_entry, trials_in
from nasdip.nas.backends.nni.notes import ServiceNotes, log
from nasdip.nas.backends.nni.setup import Pictures, TunerSetup, early_stop_of
from nasdip.nas.trial_task import TrialTask, choose_reward, make_trial_task, task_of, write_task
from nasdip.options.early_stop import Curve
from nasdip.options.search import SearchSettings
from nasdip.provenance import cores, provenance
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import Suggestion, TrialResult
from nasdip.space.search_space import SearchSpace

_CAUSES = {
    "FAILED": "the trial's process ended with an error",
    "USER_CANCELED": "the trial's process was killed (by the system for want of memory, or by a person)",
    "SYS_CANCELED": "the service cancelled the trial",
    "EARLY_STOPPED": "the trial was stopped before it had a result",
    "SUCCEEDED": "the trial's process ended without a result",
}
# By then NNI has copied a folder to all machines.
_COPIED_SECONDS = 1800
# For an experiment with a time limit alone.
_NO_LIMIT = 10**6
_TIMED_OUT = "the trial ran longer than maxTrialDuration and had no result"


class Session:
    """One process's work on the search of an experiment.

    Parameters
    ----------
    experiment : ExperimentFiles
        Whose search it is; its run folder is locked for the life of this process.
    setup : TunerSetup
        From the YAML; not looked at where the search goes on.
    started : float
        When this process started (seconds since 1970): jobs that changed later are under way.

    Attributes
    ----------
    notes : ServiceNotes
        What `nasdip status` and the report are told.
    """

    def __init__(self, experiment: ExperimentFiles, setup: TunerSetup, started: float) -> None:
        self.experiment, self.setup = experiment, setup
        self.folder = RunFolder(experiment.run)
        self._started = started
        self._profile = experiment.profile()
        make_folder(experiment.run, "make the experiment's folder writable")
        with ExitStack() as held:
            held.enter_context(self.folder.locked())
            self._resumed = self.folder.exists()
            self._pictures = self._read_pictures()
            self._measurement = measurement_of(self._pictures.noisy, known=self._pictures.known)
            self._task = self._write_task(self._make_task())
            self._held = held.pop_all()
        self._out: set[int] = set()
        self._settled: set[str] = set()
        self._running: dict[int, Curve] = {}
        self._stop_causes: dict[int, str] = {}
        self.notes = ServiceNotes(self.folder, experiment.id)
        self.notes.write(self._profile, setup.children)
        self.notes.warn()

    def open(self, space_json: Any) -> None:
        """Start or go on with the search in a search space (NNI JSON); imports torch."""
        from nasdip.fit.device import find_device
        from nasdip.nas.ledger import Ledger
        from nasdip.nas.runner import resume_run, start_run

        space_file = Path(str(self._profile.get("searchSpaceFile") or "space"))
        if self._resumed:
            if SearchSpace.from_json(space_json).to_json() != self.folder.space().to_json():
                log.error("the search space was changed: the search goes on with the one it was started with")
            trials = max([self._trials, *(trial.trial for trial in self.folder.trials())])
            resume_run(self.folder, trials=trials, started=self._provenance())
        else:
            pictures, space = self._pictures, SearchSpace.from_json(space_json, name=space_file.stem)
            start_run(
                self.folder, self._settings, space, self._measurement, pictures.clean,
                find_device("auto" if self._remote else self.setup.device), image=pictures.image,
                clean_image=pictures.clean_image, input_file=pictures.input_file, started=self._provenance(),
            )  # fmt: skip
        self._ledger = Ledger(self.folder)
        self._space, self._run_settings = self.folder.space(), self.folder.record().settings
        self.reconcile()
        self._under_way()

    @property
    def space(self) -> SearchSpace:
        """The search space of the run."""
        return self._space

    def request(self) -> TrialRequest:
        """Return what the next of NNI's trials is asked to do."""
        children = []
        for _ in range(self.setup.children):
            suggestion = self._ledger.suggest(self._out)
            self._out.add(suggestion.trial)
            known = self._ledger.repeated(suggestion)
            children.append(Child(suggestion.trial, suggestion.architecture, known.reward if known else None))
        return TrialRequest(children, self._task, self.setup.device)

    def take(self, value: Any, job: str | None = None) -> None:
        """Take a result that a trial reported; what is known, a point of a curve, or not ours is left out."""
        entry = metric_to_entry(value)
        suggestion = None if entry is None else self._ledger.open.get(entry["trial"])
        if entry is None or suggestion is None or self._is_of_an_earlier_stop(entry):
            return
        try:
            self._learn(self._read(entry, suggestion, job))
        except NasdipError as error:
            log.error("a result of trial %s was left out: %s", suggestion.trial, error)

    def take_of(self, job: str) -> None:
        """Take all that a job has reported so far."""
        for value in (*self.experiment.metrics(job), *self.experiment.report(job).get("results", [])):
            self.take(value, job)

    def reconcile(self) -> None:
        """Compare with NNI's records: take results that did not arrive, and record trials that never will have one."""
        jobs = self.experiment.jobs()
        for job in jobs:
            if job.ended and job.id not in self._settled:
                self._settle(job, [other for other in jobs if not other.ended])
                self._settled.add(job.id)
        self._follow_profile()

    def judge(self, number: int, curve: Curve) -> str | None:
        """Return why trial `number` should be stopped at the end of its `curve`; None to let it go on."""
        self._running[number] = curve
        others = {n: trial.curve for n, trial in self._ledger.results.items()} | self._running
        others.pop(number)
        cause = self._run_settings.early_stop.judge(curve, others, self._run_settings.proxy.steps)
        if cause is not None:
            self._stop_causes[number] = cause
        return cause

    def fail(self, message: str) -> None:
        """Note why the search cannot go on."""
        self.notes.failure = message
        self.notes.update()

    def close(self) -> None:
        """Give the run folder free, and leave no pictures in the folder that NNI copies to other machines."""
        if self._remote:
            (Path(self._profile["trialCodeDirectory"]) / self._task).unlink(missing_ok=True)
        self._held.close()

    def _follow_profile(self) -> None:
        """Take over a number of trials, or of trials at once, that a person has changed (nnictl update)."""
        self._profile = self.experiment.profile()
        self.notes.write(self._profile, self.setup.children)
        trials = max([self._trials, *self._ledger.results])
        if trials != self._run_settings.trials:
            record = self.folder.record()
            self._run_settings = replace(record.settings, trials=trials)
            self.folder.write_record(record._replace(settings=self._run_settings), self.folder.space().name)

    def _settle(self, job: NniJob, live: list[NniJob]) -> None:
        """Take the results of a job that is over, and record those of its trials which have none.

        What another `live` job works on has a result to come.
        """
        self.take_of(job.id)
        report = self.experiment.report(job.id)
        partial = report.get("partial")
        if partial and (self.experiment.timed_out(job) or partial["trial"] in self._stop_causes):
            self.take(partial, job.id)  # it was asked to stop, and killed before it could report
        begun, elsewhere = self._begun(job.id), {n for other in live for n in self._given(other)}
        for number in sorted((begun & set(self._ledger.open)) - elsewhere):
            self._learn(self._without_result(number, job))
        if not begun and not report.get("results"):
            # It died before it took an architecture: that one has still to be tried.
            self.notes.lost.append({"job": job.id, "cause": self._cause(job)})
            log.error("job %s took no architecture: %s", job.id, self.notes.lost[-1]["cause"])
        # What it was given and did not begin has still to be tried.
        self._out -= self._given(job) - elsewhere

    def _begun(self, job: str) -> set[int]:
        """Return the trials that a job has begun, by its own words."""
        told = {v["trial"] for v in self.experiment.metrics(job) if isinstance(v, dict) and "trial" in v}
        return {n for n in (*told, *self.experiment.report(job).get("begun", [])) if isinstance(n, int)}

    def _given(self, job: NniJob) -> set[int]:
        """Return the trials that a job was given; NNI's record of that is right where parameters are bound."""
        own = {int(n) for n in self.experiment.report(job.id).get("trials", [])}
        return own | (trials_in(job.parameters) if self.notes.bound else set())

    def _learn(self, result: TrialResult) -> None:
        if result.status == "stopped":
            cause = self._stop_causes.pop(result.trial, None) or self._why_stopped(result)
            result = TrialResult.from_json({**result.to_json(), "error": cause})
        self._ledger.learn(result)
        self._out.discard(result.trial)
        self._running.pop(result.trial, None)

    def _why_stopped(self, result: TrialResult) -> str:
        job = next((job for job in self.experiment.jobs() if job.id == result.job), None)
        if job is not None and self.experiment.over_time(job, time.time()):
            limit = self._profile.get("maxTrialDuration")
            return f"stopped at step {result.steps}: its trial ran longer than maxTrialDuration ({limit})"
        return f"stopped at step {result.steps} by a person"

    def _is_of_an_earlier_stop(self, entry: Mapping[str, Any]) -> bool:
        """Whether a trial was stopped with an earlier process of this search (nnictl stop): NNI runs it again."""
        try:
            finished = datetime.fromisoformat(entry["finished"]).timestamp() if entry["status"] == "stopped" else None
        except (KeyError, TypeError, ValueError):
            return True
        return finished is not None and finished < self._started - 1

    def _read(self, entry: dict[str, Any], suggestion: Suggestion, job: str | None) -> TrialResult:
        known = self._ledger.repeated(suggestion) if entry["status"] == "repeated" else None
        if known is not None and entry.get("architecture") == str(suggestion.architecture):
            return known
        return entry_to_result({**entry, "job": entry.get("job") or job}, suggestion)

    def _without_result(self, number: int, job: NniJob) -> TrialResult:
        suggestion = self._ledger.open[number]
        cause = self._cause(job)
        log.error("trial %s failed: %s", number, cause)
        return TrialResult.failed(number, suggestion.architecture, cause, suggestion.diagnostics, job=job.id)

    def _cause(self, job: NniJob) -> str:
        words = self.experiment.last_words(job.id)
        cause = _TIMED_OUT if self.experiment.timed_out(job) else _CAUSES.get(job.status, f"NNI says {job.status}")
        return cause + (f": {words[:200]}" if words else "")

    def _under_way(self) -> None:
        """Find the trials that a resumed manager runs again by itself; all other open ones are offered anew."""
        for job in self.experiment.jobs():
            if not job.ended and job.changed >= self._started - 1:
                self._out |= trials_in(job.parameters) & set(self._ledger.open)

    def _read_pictures(self) -> Pictures:
        if not self._resumed:
            return self.setup.pictures(self.experiment.path)
        record = self.folder.record()
        noisy, clean = self.folder.images()
        input_file, known = self.folder.input_file or Path(), self.folder.mask()
        return Pictures(noisy, clean, record.image, record.clean, input_file, known)

    def _make_task(self) -> TrialTask:
        """Return the task of the run, or of a new one."""
        noisy, clean = self._pictures[:2]
        if self._resumed:
            return task_of(self.folder.record(), noisy, clean, self._pictures.known)
        settings = choose_reward(self._settings, self._measurement, has_clean=clean is not None)
        return make_trial_task(self._measurement, clean, settings)

    def _write_task(self, task: TrialTask) -> str:
        """Write the file that trials read; return where they find it, relative to NNI's copy of the code if remote."""
        path = write_task(self.experiment.run, task)
        if not self._remote:
            return str(path.resolve())
        # NNI copies this folder to the workers once, after the tuner's constructor has returned.
        copied = Path(self._profile["trialCodeDirectory"])
        for old in copied.glob("task-*.safetensors"):
            if time.time() - old.stat().st_mtime > _COPIED_SECONDS:
                old.unlink(missing_ok=True)
        return write_task(copied, task).name

    @property
    def _remote(self) -> bool:
        service = self._profile.get("trainingService")
        return not (isinstance(service, dict) and service.get("platform") == "local")

    @property
    def _trials(self) -> int:
        return int(self._profile.get("maxTrialNumber") or _NO_LIMIT) * self.setup.children

    @property
    def _settings(self) -> SearchSettings:
        settings = self.setup.settings(self._trials, early_stop_of(self._profile))
        return settings.with_threads(self._share_of_cores)

    @property
    def _share_of_cores(self) -> int:
        """Cores of this machine for each of the trials at once; of others, whose cores nobody tells, one."""
        if self._remote:
            return 1
        return max(1, cores() // int(self._profile["trialConcurrency"]))

    def _provenance(self) -> dict[str, Any]:
        verb = "resume" if self._resumed else "create"
        known = os.environ.get(COMMAND)
        return {**provenance(), "command": shlex.split(known) if known else ["nnictl", verb, self.experiment.id]}


def read_curve(history: list[Any]) -> tuple[int, Curve] | None:
    """Return trial and curve of the intermediate results of one of NNI's jobs, of the last child; None if not ours."""
    points = [v for v in history if isinstance(v, Mapping) and {"trial", "step", "default"} <= set(v)]
    if not points or points[-1] is not history[-1]:
        return None
    number = points[-1]["trial"]
    return number, tuple((int(p["step"]), float(p["default"])) for p in points if p["trial"] == number)
