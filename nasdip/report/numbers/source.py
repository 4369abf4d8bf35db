"""What a report is made from: whatever a run has written so far."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.files import read_json
from nasdip.options.search import Reward, settled_reward
from nasdip.records.restoration_folder import RestorationFolder, read_array
from nasdip.records.results import Restoration
from nasdip.records.run_folder import RunFolder, RunRecord, best_of
from nasdip.records.trial_result import FLOOR_REWARD, TrialResult
from nasdip.report.numbers.service import Service, read_service
from nasdip.searchers.registry import find_searcher
from nasdip.space.search_space import SearchSpace


class SearchRun(NamedTuple):
    """A search as far as it got; `running`: a process works on it; `service`: what runs its trials, if not that one."""

    record: RunRecord
    space: SearchSpace
    trials: list[TrialResult]
    running: bool
    service: Service | None = None

    @property
    def planned(self) -> int | None:
        """Trials at which the search ends; None where time alone ends it."""
        if self.service is None or self.service.jobs is None:
            return self.record.settings.trials
        return self.service.limit

    @property
    def reward(self) -> Reward:
        """What rewards were measured against: the clean image, its estimate, or held-out pixels."""
        return settled_reward(self.record.settings, self.record.clean is not None)


class Fit(NamedTuple):
    """A restoration as far as it got.

    Attributes
    ----------
    record : dict
        Its record.json.
    repetitions_done : int
        How many are on disk.
    restoration : Restoration or None
        None until all are.
    """

    record: dict[str, Any]
    repetitions_done: int
    restoration: Restoration | None


class Source(NamedTuple):
    """Everything that a folder holds.

    Attributes
    ----------
    noisy, clean : ndarray or None
        (H, W, C) float32.
    search : SearchRun or None
        None for the folder of a restoration alone.
    fit : Fit or None
        The final fit of a search, or the restoration itself; None where it was not started.
    mask : ndarray or None
        (H, W) bool, True where pixels were measured; None where all were.
    """

    folder: Path
    noisy: np.ndarray
    clean: np.ndarray | None
    search: SearchRun | None
    fit: Fit | None
    mask: np.ndarray | None = None

    @property
    def image(self) -> str | None:
        """The path of the picture, as it was given; None where it is not known."""
        if self.search is not None:
            return self.search.record.image or None
        return self.fit.record.get("image") if self.fit else None

    @property
    def restoration(self) -> Restoration | None:
        """The finished restoration, if there is one."""
        return self.fit.restoration if self.fit else None


def read_source(folder: Path) -> Source:
    """Read the folder of a search or of a restoration; NasdipError where it is neither."""
    run = RunFolder(folder)
    if run.exists():
        return Source(folder, *run.images(), read_search(run), read_fit(run.final.path), run.mask())
    fit = read_fit(folder)
    if fit is None:
        raise NasdipError(
            f"{folder} is neither the folder of a search (run.json) nor of a restoration (record.json): check the path"
        )
    clean, mask = folder / "clean.tif", RestorationFolder(folder).mask()
    noisy = read_array(folder / "noisy.tif")
    return Source(folder, noisy, read_array(clean) if clean.exists() else None, None, fit, mask)


def read_search(run: RunFolder) -> SearchRun:
    """Read a search without its images; NasdipError where there is none."""
    return SearchRun(run.record(), run.space(), run.trials(), run.is_running(), read_service(run))


def read_fit(folder: Path) -> Fit | None:
    """Read a restoration as far as it got; None where none was started."""
    if not (folder / "record.json").is_file():
        return None
    record = read_json(folder / "record.json")
    finished = record.get("result") is not None
    done = len(list(folder.glob("repetition-[0-9]*")))
    return Fit(record, done, RestorationFolder(folder).read() if finished else None)


def read_random_rewards(folder: Path, source: Source) -> list[float]:
    """Return the rewards of a random search, comparable with those of `source`.

    NasdipError where it is not a random search, or had another image, space or proxy fit: rewards of different
    tasks cannot be compared.
    """
    if source.search is None:
        raise NasdipError("a restoration alone has no rewards to compare with a random search: leave that out")
    other = read_source(folder)
    if other.search is None or find_searcher(other.search.record.settings.searcher).learns:
        raise NasdipError(f"{folder} is not a run of the random searcher: give one made with --searcher random")
    ours, theirs = source.search, other.search
    differences = {
        "search space": ours.space.to_json() != theirs.space.to_json(),
        "proxy fit": ours.record.settings.proxy != theirs.record.settings.proxy,
        "noisy image": not np.array_equal(source.noisy, other.noisy),
        "kind of reward": ours.reward != theirs.reward,
    }
    different = [name for name, differs in differences.items() if differs]
    if different:
        raise NasdipError(
            f"the random run {folder} has another {' and another '.join(different)}: repeat it with this run's settings"
        )
    return _rewards(theirs.trials)


def _rewards(trials: list[TrialResult]) -> list[float]:
    """Return the rewards of trials; one that was stopped early is never the best, whatever its curve once had."""
    best = best_of(trials)
    most = best.reward if best is not None else FLOOR_REWARD
    return [min(trial.reward, most) if trial.status == "stopped" else trial.reward for trial in trials]
