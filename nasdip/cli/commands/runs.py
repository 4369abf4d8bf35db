"""Which run a person means: a folder, or an NNI experiment by its folder or its id."""

from pathlib import Path

from nasdip.errors import NasdipError
from nasdip.files import is_locked
from nasdip.records.run_folder import RunFolder
from nasdip.report.numbers.service import last_status
from nasdip.report.text.words import plain


def find_run(text: str) -> Path:
    """Return the folder of a search or a restoration.

    Parameters
    ----------
    text : str
        That folder; the folder of an NNI experiment; or the experiment's id.

    Raises
    ------
    NasdipError
        Where there is none, or the experiment's search has not begun.
    """
    path = locate_run(text)
    words = unbegun(path)
    if words is not None:
        raise NasdipError(words)
    return path


def locate_run(text: str) -> Path:
    """Return the folder of a run as `find_run` does, also of an experiment whose search has not begun."""
    path = search_of(text)
    if path is None:
        raise NasdipError(
            f"{text} is not the folder of a search or a restoration (it has no run.json or record.json), nor the "
            "folder or id of an NNI experiment (ids are in nnictl's list, ~/nni-experiments or ./runs): check it"
        )
    return path


def search_of(text: str) -> Path | None:
    """Return the run that a text means; None where it means none."""
    path = Path(text)
    try:
        if (path / "run.json").is_file() or (path / "record.json").is_file():
            return path
        if _is_experiment(path):
            return path / "run"
        if path.resolve().name == "run" and _is_experiment(path.resolve().parent):
            return path
        return _run_of_id(text)
    except OSError:  # no path can be this text
        return None


def unbegun(path: Path) -> str | None:
    """Return what is to be said of an experiment whose search has not begun; None where `path` holds a run."""
    if (path / "run.json").is_file() or (path / "record.json").is_file():
        return None
    experiment = path.resolve().parent
    logs = f"its logs are in {experiment / 'log'}"
    failure = RunFolder(path).service().get("failure")
    if failure:
        return f"experiment {experiment.name} could not start its search: {plain(failure)} ({logs})"
    if is_locked(path):
        return f"experiment {experiment.name} is starting its search: wait a moment ({logs})"
    status = last_status(experiment)
    error = ", and NNI ended with an error" if status == "ERROR" else ""
    return f"experiment {experiment.name} has not begun its search{error}: {logs}"


def _is_experiment(path: Path) -> bool:
    return any((path / name).is_file() for name in ("run/run.json", "run/service.json", "db/nni.sqlite"))


def _run_of_id(text: str) -> Path | None:
    try:
        from nasdip.nas.backends.nni.experiment import find_experiment
    except ImportError:
        return None
    found = find_experiment(text)
    return None if found is None else found.run
