"""The search of an NNI experiment: what its tuner and assessor share. No NNI here.

It holds the searcher's ledger, and gives trials to NNI's jobs by `backend.NniBackend`.
"""

import os
import shlex
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from nasdip.errors import NasdipError
from nasdip.files import make_folder
from nasdip.measurement.measurement import Measurement
from nasdip.nas.backends.backend import TrialJob
from nasdip.nas.backends.nni.backend import NniBackend
from nasdip.nas.backends.nni.experiment import ExperimentFiles
from nasdip.nas.backends.nni.launch import COMMAND
from nasdip.nas.backends.nni.messages import TrialRequest
from nasdip.nas.backends.nni.notes import ServiceNotes, log
from nasdip.nas.backends.nni.setup import Pictures, TunerSetup, early_stop_of
from nasdip.nas.trial_task import TrialTask, choose_reward, make_trial_task, task_of, write_task
from nasdip.options.early_stop import Curve
from nasdip.options.search import SearchSettings
from nasdip.provenance import cores, provenance
from nasdip.records.run_folder import RunFolder
from nasdip.space.search_space import SearchSpace

# By then NNI has copied a folder to all machines.
_COPIED_SECONDS = 1800
# For an experiment with a time limit alone.
_NO_LIMIT = 10**6


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
            self._measurement = None if self._resumed else self._pictures.measurement()
            self._task = self._write_task(self._make_task(self._measurement))
            self._held = held.pop_all()
        self.notes = ServiceNotes(self.folder, experiment.id)
        self.backend = NniBackend(experiment, self.notes, started)
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
            assert self._measurement is not None
            pictures, space = self._pictures, SearchSpace.from_json(space_json, name=space_file.stem)
            start_run(
                self.folder, self._settings, space, self._measurement, pictures.clean,
                find_device("auto" if self._remote else self.setup.device), image=pictures.image,
                clean_image=pictures.clean_image, input_file=pictures.input_file, started=self._provenance(),
            )  # fmt: skip
        self._ledger = Ledger(self.folder)
        self._space, self._run_settings = self.folder.space(), self.folder.record().settings
        self.backend.resume(self._ledger.open.values(), self._ledger.repeated)
        self.reconcile()

    @property
    def space(self) -> SearchSpace:
        """The search space of the run."""
        return self._space

    def request(self) -> TrialRequest:
        """Return what the next of NNI's trials is asked to do."""
        for _ in range(self.setup.children):
            self.backend.submit(TrialJob(self._ledger.suggest(self.backend.given), {}))
        return self.backend.request(self._task, self.setup.device)

    def take(self, value: Any, job: str | None = None) -> None:
        """Take a result that a trial reported; see `NniBackend.take`."""
        self.backend.take(value, job)
        self._learn()

    def take_of(self, job: str) -> None:
        """Take all that a job has reported so far."""
        self.backend.take_of(job)
        self._learn()

    def reconcile(self) -> None:
        """Compare with NNI's records, and learn from what was found there."""
        self.backend.reconcile()
        self._learn()
        self._follow_profile()

    def _learn(self) -> None:
        for result in self.backend.pending():
            try:
                self._ledger.learn(result)
            except NasdipError as error:
                log.error("a result of trial %s was left out: %s", result.trial, error)

    def judge(self, number: int, curve: Curve) -> str | None:
        """Return why trial `number` should be stopped at the end of its `curve`; None to let it go on."""
        self.backend.running[number] = curve
        others = {n: trial.curve for n, trial in self._ledger.results.items()} | self.backend.running
        others.pop(number)
        cause = self._run_settings.early_stop.judge(curve, others, self._run_settings.proxy.steps)
        if cause is not None:
            self.backend.stop_causes[number] = cause
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

    def _read_pictures(self) -> Pictures:
        if not self._resumed:
            return self.setup.pictures(self.experiment.path)
        record = self.folder.record()
        noisy, clean = self.folder.images()
        input_file, known = self.folder.input_file or Path(), self.folder.mask()
        return Pictures(noisy, clean, record.image, record.clean, input_file, known)

    def _make_task(self, measurement: Measurement | None) -> TrialTask:
        """Return the task of the run, or of a new one on a measurement."""
        noisy, clean = self._pictures[:2]
        if measurement is None:
            return task_of(self.folder.record(), noisy, clean, self._pictures.known)
        settings = choose_reward(self._settings, measurement, has_clean=clean is not None)
        return make_trial_task(measurement, clean, settings)

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
