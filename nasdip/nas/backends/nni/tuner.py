"""The searchers as NNI tuners: give one of these as `className` in an experiment's YAML.

Their classArgs are those of `setup.TunerSetup`. The constructor returns within NNI's ten seconds:
torch is imported later.
"""

import functools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

import psutil
from nni.tuner import Tuner

from nasdip.errors import NasdipError
from nasdip.nas.backends.nni.experiment import ExperimentFiles
from nasdip.nas.backends.nni.messages import request_to_parameters
from nasdip.nas.backends.nni.notes import log
from nasdip.nas.backends.nni.repairs import mend_dispatcher
from nasdip.nas.backends.nni.session import Session
from nasdip.nas.backends.nni.setup import TunerSetup
from nasdip.nas.backends.nni.tuner_names import tuner_names
from nasdip.records.run_folder import RunFolder
from nasdip.searchers.registry import SEARCHERS

# NNI turns ERROR half a minute after the tuner ended with a code of its own.
_EXIT = 70
_RECONCILE_SECONDS = 5.0
# A tuner whose manager was killed lives for about 15 s; NNI gives the new one's constructor 10.
_WAIT_SECONDS = 4.0

# NNI calls back on two threads, and ours is a third.
_one_at_a_time = threading.RLock()

F = TypeVar("F", bound=Callable[..., Any])

# The session of this process, for the assessor, which NNI runs in the same one.
current: Session | None = None


def ending_on_error(method: F) -> F:
    """Run a callback of NNI alone, and end the process where it fails: NNI itself would wait for ever."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            with _one_at_a_time:
                return method(*args, **kwargs)
        except BaseException as error:
            end(error)

    return wrapper  # type: ignore[return-value]


def end(error: BaseException) -> NoReturn:
    """Record why the search cannot go on, and end this process; what was found so far stays on disk."""
    try:
        plain = isinstance(error, (NasdipError, OSError))
        message = f"{error}" if plain else f"{type(error).__name__}: {error}"
        log.critical("the search ends here: %s", message, exc_info=None if plain else error)
        if current is not None:
            current.fail(message)
    except Exception:  # a full disk: the log above is all that can be left
        log.critical("and that could not be written to the run folder either")
    finally:
        os._exit(_EXIT)


class NasdipTuner(Tuner):
    """A searcher behind NNI's Tuner; subclasses name it."""

    searcher: ClassVar[str]

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        mend_dispatcher(end)
        experiment = ExperimentFiles.of_environment()
        try:
            self._session = _open_session(self.searcher, arguments, experiment)
        except Exception as error:
            _note_failure(experiment, str(error) or type(error).__name__)
            raise
        global current
        current = self._session
        self._opened = False
        self._ending = threading.Event()

    @ending_on_error
    def update_search_space(self, search_space: Any) -> None:
        """Start the search, or go on with it. A later change of the space is refused, in the log."""
        if self._opened:
            log.error("the search space was changed: the search goes on with the one it was started with")
            return
        self._session.open(search_space)
        self._opened = True
        threading.Thread(target=self._watch, daemon=True, name="reconcile").start()

    @ending_on_error
    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> dict[str, Any]:
        """Return what the next trial is asked to do, with all that is known by now."""
        self._session.reconcile()
        return request_to_parameters(self._session.request(), self._session.space)

    @ending_on_error
    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, **kwargs: Any) -> None:
        """Learn from what a trial reported; NNI's idea of what it had evaluated is left out."""
        self._session.take_of(kwargs["trial_job_id"])

    @ending_on_error
    def trial_end(self, parameter_id: int, success: bool, **kwargs: Any) -> None:
        """Look for jobs that ended without a result."""
        if self._opened:
            self._session.reconcile()

    @ending_on_error
    def import_data(self, data: list[Any]) -> None:
        """Look for results that are not known yet; those which NNI replays when it resumes are among them."""
        self._session.reconcile()

    def load_checkpoint(self) -> None:
        """Do nothing: the run folder holds the state, which `update_search_space` takes up."""

    def save_checkpoint(self) -> None:
        """Do nothing: every callback saves the state."""

    def _on_exit(self) -> None:
        self._ending.set()
        with _one_at_a_time:
            self._session.close()

    def _watch(self) -> None:
        """Reconcile now and then: NNI does not tell how trials ended which it ran again after a resume."""
        while not self._ending.wait(_RECONCILE_SECONDS):
            self._reconcile()

    @ending_on_error
    def _reconcile(self) -> None:
        if not self._ending.is_set():
            self._session.reconcile()


def __getattr__(name: str) -> type[NasdipTuner]:
    """Return the tuner of a registered searcher, such as ReinforceTuner."""
    searchers = tuner_names()
    if name not in searchers:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    entry = SEARCHERS[searchers[name]]
    description = f"{entry.summary}: see `{entry.place}`."
    return type(name, (NasdipTuner,), {"searcher": entry.name, "__doc__": description, "__module__": __name__})


def _open_session(searcher: str, arguments: dict[str, Any], experiment: ExperimentFiles) -> Session:
    profile = experiment.profile()
    base = Path(profile.get("tuner", {}).get("codeDirectory") or profile.get("trialCodeDirectory") or ".")
    setup = TunerSetup.from_arguments(searcher, arguments, base)
    deadline = time.monotonic() + _WAIT_SECONDS
    while RunFolder(experiment.run).is_running() and time.monotonic() < deadline:
        time.sleep(0.2)
    return Session(experiment, setup, psutil.Process().create_time())


def _note_failure(experiment: ExperimentFiles, message: str) -> None:
    """Leave word of a tuner that could not start."""
    log.critical("the search cannot start: %s", message)
    folder = RunFolder(experiment.run)
    if not folder.is_running():
        folder.path.mkdir(parents=True, exist_ok=True)
        notes = {"service": "nni", "experiment": experiment.id, **folder.service(), "failure": message}
        folder.write_service(notes)
