"""Trials that were all made beforehand: searchers are compared over many seeds in seconds."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Literal

from nasdip.errors import NasdipError
from nasdip.nas.backends.backend import TrialJob
from nasdip.records.trial_result import FLOOR_REWARD, TrialResult
from nasdip.searchers.searcher import Outcome, Searcher
from nasdip.space.architecture import Architecture

Measure = Literal["psnr", "estimated_psnr", "heldout_psnr"]


class TabularTrial:
    """Looks the reward of an architecture up, where `nasdip.nas.trial.run_trial` would fit it.

    Parameters
    ----------
    rewards : mapping of str to float
        By text form of the architecture, in dB.

    Attributes
    ----------
    best : float
        The largest reward.

    Examples
    --------
    >>> trial = TabularTrial({"bilinear:1": 27.5, "nearest:1": 28.0})
    >>> trial(Architecture.from_text("bilinear:1")), trial.best
    (27.5, 28.0)
    """

    def __init__(self, rewards: Mapping[str, float]) -> None:
        if not rewards:
            raise NasdipError("the table of trials is empty: choose an image and a seed that it holds")
        self.rewards = dict(rewards)
        self.best = max(self.rewards.values())

    @staticmethod
    def load(
        folder: str | Path, *, measure: Measure = "estimated_psnr", image: str | None = None, seed: int | None = None
    ) -> "TabularTrial":
        """Read `folder`/fits.csv of a tabular benchmark: lines of '#' before a header and rows.

        Parameters
        ----------
        folder : str or Path
            Holds fits.csv.
        measure : {"psnr", "estimated_psnr", "heldout_psnr"}
            The column that is the reward: PSNR against the clean image, or what a search without one knows.
        image : str or None
            Of the fits; None for the mean over all.
        seed : int or None
            Of the fits; None for the mean over all.

        Raises
        ------
        NasdipError
            Where the file cannot be read, or holds no such fits.
        """
        path = Path(folder) / "fits.csv"
        values: dict[str, list[float]] = defaultdict(list)
        for row in _rows(path):
            if image not in (None, row["image"]) or (seed is not None and int(row["seed"]) != seed):
                continue
            values[row["architecture"]].append(float(row[measure]) if row["status"] == "ok" else FLOOR_REWARD)
        return TabularTrial({text: mean(found) for text, found in values.items()})

    def __call__(self, architecture: Architecture) -> float:
        """Return the reward (dB); NasdipError where the table lacks the architecture."""
        try:
            return self.rewards[str(architecture)]
        except KeyError:
            raise NasdipError(
                f"the table has no trial of {architecture}: search the space that it was made of"
            ) from None

    def search(self, searcher: Searcher, trials: int, *, batch: int = 1) -> list[tuple[str, float]]:
        """Let a searcher try `trials` architectures, `batch` at a time; return their text forms and rewards."""
        done: list[tuple[str, float]] = []
        while len(done) < trials:
            asked = searcher.suggest(min(batch, trials - len(done)))
            searcher.update([Outcome(architecture, self(architecture)) for architecture in asked])
            done += [(str(architecture), self(architecture)) for architecture in asked]
        return done


class TabularBackend:
    """A backend whose trials were all made beforehand: runs of a whole search in seconds."""

    def __init__(self, trial: TabularTrial) -> None:
        self._trial = trial
        self._job: TrialJob | None = None

    @property
    def is_free(self) -> bool:
        """Whether it can take another trial."""
        return self._job is None

    def submit(self, job: TrialJob) -> None:
        """Take a trial."""
        self._job = job

    def wait(self) -> TrialResult:
        """Look the trial up; one that the table lacks has failed."""
        assert self._job is not None
        (number, architecture, diagnostics), self._job = self._job.suggestion, None
        try:
            reward = self._trial(architecture)
        except NasdipError as error:
            return TrialResult.failed(number, architecture, str(error), diagnostics)
        nothing = TrialResult.failed(number, architecture, "", diagnostics)
        return replace(nothing, status="ok", reward=reward, estimated_psnr=reward, error=None)


def _rows(path: Path) -> Iterable[dict[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NasdipError(f"cannot read the table of trials {path} ({error.strerror}): check the folder") from None
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    if not rows or not {"architecture", "image", "seed", "status", "psnr"} <= rows[0].keys():
        raise NasdipError(f"{path} is not a table of trials: give the folder of a tabular benchmark")
    return rows
