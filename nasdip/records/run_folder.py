"""The folder of a search, readable by a person, by `nasdip status` and by reports. No torch here.

::

    run.json               command, seeds, versions, device, settings, image, estimates
    space.json             the search space (NNI format)
    observation/           noisy.tif clean.tif (whole images, float32), mask.tif (1 where pixels were measured; none
                           where all were), and a copy of the input file
    trials/0001.json       one file per trial, written when it ends
    trials.csv             all of them
    searcher.safetensors   the searcher, and what it proposed and learned, in order
    service.json           of the service that runs the trials, if there is one (NNI)
    best.json              the best architecture so far
    final/                 the best architecture fitted to the whole image (see nasdip.records.restoration_folder)
    report.html figures/   made by `nasdip report`
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.files import is_locked, locked, make_folder, read_json, replacing, write_csv, write_json
from nasdip.options.search import SearchSettings
from nasdip.records.restoration_folder import RestorationFolder, read_array, write_array
from nasdip.records.trial_result import TrialResult
from nasdip.space.search_space import SearchSpace

_COLUMNS = (
    "trial", "architecture", "status", "reward", "heldout_psnr", "clean_psnr", "estimated_psnr",
    "parameters", "seconds", "steps", "step_ms", "penalty", "repeat_of", "error", "job", "finished",
)  # fmt: skip


class RunRecord(NamedTuple):
    """What `run.json` holds."""

    settings: SearchSettings
    image: str  # path as given
    clean: str | None
    sigma: float  # noise level, 8-bit units: that of the measurement, which is without impulses
    device: str  # in words
    provenance: list[dict[str, Any]]  # of the start, and of every resumption
    kind: str | None = None  # of the noise, see `Measurement`; None in runs of version 0.1.0


class RunFolder:
    """Writes and reads the folder of a search at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def searcher_file(self) -> Path:
        """Where the searcher's state is."""
        return self.path / "searcher.safetensors"

    @property
    def final(self) -> RestorationFolder:
        """The restoration with the best architecture."""
        return RestorationFolder(self.path / "final")

    def exists(self) -> bool:
        """Whether a search was started here."""
        return (self.path / "run.json").is_file()

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder's lock, so that two processes cannot run one search; NasdipError where it is held."""
        return locked(self.path, "search")

    def is_running(self) -> bool:
        """Whether a process holds the folder's lock."""
        return is_locked(self.path)

    @property
    def input_file(self) -> Path | None:
        """The copy of the file that was given; None for a search on an array."""
        return next(iter(sorted((self.path / "observation").glob("input.*"))), None)

    def create(
        self,
        record: RunRecord,
        space: SearchSpace,
        noisy: np.ndarray,
        clean: np.ndarray | None,
        input_file: Path | None = None,
        mask: np.ndarray | None = None,
    ) -> None:
        """Lay the folder out, with a copy of the file of the image; run.json, which marks it as a run, comes last."""
        make_folder(self.path)
        for name in ("observation", "trials"):
            make_folder(self.path / name)
        write_json(self.path / "space.json", space.to_json())
        write_array(self.path / "observation/noisy.tif", noisy)
        if clean is not None:
            write_array(self.path / "observation/clean.tif", clean)
        if mask is not None:
            write_array(self.path / "observation/mask.tif", mask[..., None].astype(np.float32))
        if input_file is not None:
            with replacing(self.path / f"observation/input{input_file.suffix}") as temporary:
                shutil.copyfile(input_file, temporary)
        self.write_record(record, space.name)

    def write_record(self, record: RunRecord, space_name: str) -> None:
        """Write run.json."""
        data = {**record._asdict(), "settings": record.settings.to_json(), "space": space_name}
        write_json(self.path / "run.json", data)

    def record(self) -> RunRecord:
        """Read run.json; NasdipError where this is not the folder of a search."""
        if not self.exists():
            raise NasdipError(f"{self.path} is not the folder of a search (it has no run.json): check the path")
        data = read_json(self.path / "run.json")
        data.pop("space")
        return RunRecord(**{**data, "settings": SearchSettings.from_json(data["settings"])})

    def space(self) -> SearchSpace:
        """Read the search space, with the name that the run knows it by."""
        return SearchSpace.from_json(
            read_json(self.path / "space.json"), name=read_json(self.path / "run.json")["space"]
        )

    def images(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Read the noisy and, where given, the clean image: (H, W, C) float32."""
        clean = self.path / "observation/clean.tif"
        return read_array(self.path / "observation/noisy.tif"), read_array(clean) if clean.exists() else None

    def mask(self) -> np.ndarray | None:
        """Return where, (H, W) bool, pixels were measured; None where all were."""
        path = self.path / "observation/mask.tif"
        return read_array(path)[..., 0] > 0.5 if path.exists() else None

    def service(self) -> dict[str, Any]:
        """Return what the service that runs the trials noted of itself; {} where there is none."""
        path = self.path / "service.json"
        return read_json(path) if path.exists() else {}

    def write_service(self, notes: Mapping[str, Any]) -> None:
        """Write the notes of the service that runs the trials."""
        write_json(self.path / "service.json", notes)

    def write_trial(self, result: TrialResult) -> None:
        """Write a trial that has ended."""
        write_json(self.path / f"trials/{result.trial:04d}.json", result.to_json())

    def write_tables(self, trials: Sequence[TrialResult]) -> None:
        """Write what follows from all trials: trials.csv, and best.json for `nasdip restore --architecture`."""
        write_csv(self.path / "trials.csv", _COLUMNS, ([getattr(t, name) for name in _COLUMNS] for t in trials))
        best = best_of(trials)
        if best is not None:
            architecture = best.architecture
            data = {"architecture": str(architecture), "trial": best.trial, "reward": best.reward}
            write_json(self.path / "best.json", {**data, "architecture_json": architecture.to_json()})

    def trials(self) -> list[TrialResult]:
        """Read all trials that have ended, in order."""
        paths = sorted(self.path.glob("trials/[0-9]*.json"), key=lambda path: int(path.stem))
        return [TrialResult.from_json(read_json(path)) for path in paths]

    def missing(self) -> list[int]:
        """Return the trials that the settings ask for and that have not ended, in order."""
        return sorted(set(range(1, self.record().settings.trials + 1)) - {trial.trial for trial in self.trials()})

    def best(self) -> TrialResult | None:
        """Return the best trial so far; None if none was fitted."""
        return best_of(self.trials())


def picked_with_clean(record: RunRecord) -> bool:
    """Whether the best architecture was picked with the clean image, so that its figures are oracle ones."""
    return record.clean is not None and record.settings.reward in ("auto", "clean")


def best_of(trials: Sequence[TrialResult]) -> TrialResult | None:
    """Return the trial with the largest reward (the first of equal ones); None if none was fitted."""
    return max((trial for trial in trials if trial.status == "ok"), key=lambda trial: trial.reward, default=None)
