"""What the YAML of an experiment sets for nasdip: the tuner's classArgs. No torch, no NNI here."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.io.image_file import read_image, write_image
from nasdip.io.inputs import channels_last, read_clean
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measure import observe
from nasdip.measurement.measurement import Observation
from nasdip.nas.trial_task import choose_reward
from nasdip.options.early_stop import EarlyStop
from nasdip.options.search import CostTarget, FinalSettings, ProxySettings, SearchSettings
from nasdip.zoo.catalog import find_architecture


class Pictures(NamedTuple):
    """What is searched for: (H, W, C) float32 images, their names for people, and the file of the noisy one."""

    noisy: np.ndarray
    clean: np.ndarray | None
    image: str
    clean_image: str | None
    input_file: Path


@dataclass(frozen=True)
class TunerSetup:
    """The tuner's classArgs.

    Parameters
    ----------
    searcher : {"reinforce", "evolution", "random"}
        Of the tuner's class.
    base : Path
        What relative paths start from: the tuner's codeDirectory.
    image : str
        The noisy picture: a file, or the name of a picture that scikit-image ships (astronaut, camera, ...). The
        environment variable NASDIP_IMAGE overrides it, and then `clean` and `noise` do not hold.
    clean : str or None
        The clean picture, where there is one: the reward, or (with another reward) what measures.
    noise : float or None
        Add Gaussian noise of this sigma (8-bit units) to the picture, which then is the clean one. The environment
        variable NASDIP_NOISE overrides it.
    reward, seed, crop, width, steps, heldout, threads, recipe
        As for `SearchSettings` and `ProxySettings`.
    target_ms, cost_weight : float
        As for `CostTarget`; no target_ms: steps may cost what they do.
    candidates : list of str
        Architectures that are tried first: names of the zoo, files, or text forms.
    warm_start : int
        As for `SearchSettings`.
    children : int
        Architectures that one trial evaluates, one after the other. More = less time lost in starting processes.
    device : str
        Of the trials: auto, cpu, cuda or cuda:N.
    searcher_settings : dict
        Of the searcher, like {learning_rate: 0.02}.
    """

    searcher: str
    base: Path
    image: str
    clean: str | None = None
    noise: float | None = None
    reward: str = "auto"
    seed: int = 0
    crop: int | None = 96
    width: int = 32
    steps: int = 600
    heldout: float = 0.2
    threads: int | None = None
    recipe: str = ProxySettings.recipe
    target_ms: float | None = None
    cost_weight: float = 1.0
    candidates: list[str] = field(default_factory=list)
    warm_start: int = 0
    children: int = 1
    device: str = "auto"
    searcher_settings: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def from_arguments(searcher: str, arguments: Mapping[str, Any], base: Path) -> "TunerSetup":
        """Read classArgs, and the environment; NasdipError for unknown keys and bad values."""
        known = [f.name for f in fields(TunerSetup) if f.name not in ("searcher", "base")]
        unknown = sorted(set(arguments) - set(known))
        if unknown:
            raise NasdipError(f"the tuner's classArgs have no '{unknown[0]}': use {', '.join(known)}")
        given = {**arguments, **_environment()}
        if not isinstance(given.get("image"), str) or not given["image"]:
            raise NasdipError("the tuner's classArgs name no image: add a line like 'image: photo.png'")
        setup = TunerSetup(searcher=searcher, base=base, **given)
        setup.settings(trials=1)
        return setup

    def __post_init__(self) -> None:
        if isinstance(self.children, bool) or not isinstance(self.children, int) or self.children < 1:
            raise NasdipError(f"children is {self.children!r}: give a whole number of at least 1")
        if self.noise is not None and not (isinstance(self.noise, (int, float)) and 0 < self.noise <= 255):
            raise NasdipError(f"noise is {self.noise!r}: give a sigma in 8-bit units, like 25")
        if self.noise is not None and self.clean is not None:
            raise NasdipError("noise is added to a clean picture, which image names: leave clean out")
        for name in ("seed", "width", "steps", *(k for k in ("crop", "threads") if getattr(self, k) is not None)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise NasdipError(f"{name} is {value!r}: give a whole number")
        if not isinstance(self.candidates, list) or not all(isinstance(name, str) for name in self.candidates):
            raise NasdipError(f"candidates is {self.candidates!r}: give a list of architectures, like [dip]")
        if not isinstance(self.heldout, (int, float)) or not isinstance(self.searcher_settings, dict):
            raise NasdipError("heldout must be a number, and searcher_settings a mapping")

    def settings(self, trials: int, early_stop: EarlyStop | None = None) -> SearchSettings:
        """Return the settings of the search; the final fit is left to `nasdip restore`."""
        if self.seed < 0:
            raise NasdipError(f"seed {self.seed} is negative: use 0 or more")
        return SearchSettings(
            searcher=self.searcher,
            searcher_settings=dict(self.searcher_settings),
            trials=trials,
            seed=self.seed,
            reward=self.reward,  # type: ignore[arg-type]
            proxy=ProxySettings(self.crop or None, self.width, self.steps, self.heldout, self.threads, self.recipe),
            final=FinalSettings(steps=0),
            early_stop=early_stop or EarlyStop(),
            cost=None if self.target_ms is None else CostTarget(self.target_ms, self.cost_weight),
            candidates=tuple(str(find_architecture(name)) for name in self.candidates),
            warm_start=self.warm_start,
        )

    def pictures(self, folder: Path) -> Pictures:
        """Read and check the pictures; where noise is added, the noisy one is written to `folder`.

        NasdipError where the search could not begin with them.
        """
        pictures = self._read(folder)
        for pixels in (pictures.noisy, *([] if pictures.clean is None else [pictures.clean])):
            Observation(pixels)
        if self.reward == "clean" and pictures.clean is None:
            raise NasdipError("reward 'clean' needs a clean image: name it, or use the reward auto")
        return pictures

    def _read(self, folder: Path) -> Pictures:
        file = read_image(self._find(self.image))
        if self.noise is None:
            clean_path = None if self.clean is None else self._find(self.clean)
            clean = read_clean(clean_path, file)
            clean_name = None if clean_path is None else str(clean_path)
            return Pictures(channels_last(file), clean, str(file.path), clean_name, file.path)
        noisy = add_noise(file.pixels, sigma=float(self.noise), seed=self.seed, clip=True)
        path = folder / f"{file.path.stem}_noisy.png"
        write_image(path, noisy, like=file)
        return Pictures(channels_last(read_image(path)), channels_last(file), str(path), str(file.path), path)

    def check(self) -> None:
        """Read and check the pictures, and leave nothing behind; NasdipError where the search could not begin."""
        with tempfile.TemporaryDirectory() as folder:
            noisy, clean, *_ = self.pictures(Path(folder))
        if self.reward == "estimate":
            choose_reward(self.settings(trials=1), observe(noisy)[0], has_clean=clean is not None)

    def _find(self, name: str) -> Path:
        """Return the file that `name` means: where nnictl was started (PWD), under `base`, or in scikit-image."""
        path = Path(name).expanduser()
        if path.is_absolute():
            return path
        started = Path(os.environ.get("PWD", "."))
        found = next((p for p in (started / path, self.base / path) if p.is_file()), None)
        if found is None and path.suffix == "":
            import skimage.data

            shipped = Path(str(skimage.data.__file__)).parent
            found = next((p for p in (shipped / f"{name}.png", shipped / f"{name}.jpg") if p.is_file()), None)
        return found or self.base / path


def _environment() -> dict[str, Any]:
    image, noise = os.environ.get("NASDIP_IMAGE"), os.environ.get("NASDIP_NOISE")
    given: dict[str, Any] = {"image": image, "clean": None, "noise": None} if image else {}
    if noise:
        try:
            given["noise"] = float(noise)
        except ValueError:
            raise NasdipError(f"NASDIP_NOISE is '{noise}': give a sigma in 8-bit units, like 25") from None
    return given


def early_stop_of(profile: Mapping[str, Any]) -> EarlyStop:
    """Return the rule that an experiment's assessor follows (see `assessor`), from NNI's profile."""
    assessor = profile.get("assessor") or {}
    name = str(assessor.get("className", "")).rpartition(".")[2]
    rules = {"SizeAssessor": "size", "HalvingAssessor": "halving", "MedianAssessor": "median"}
    if name not in rules:
        return EarlyStop()
    return make_early_stop(rules[name], assessor.get("classArgs") or {})


def make_early_stop(rule: str, arguments: Mapping[str, Any]) -> EarlyStop:
    """Return the rule with an assessor's classArgs; NasdipError for unknown ones."""
    unknown = sorted(set(arguments) - {"first", "factor", "trials"})
    if unknown:
        raise NasdipError(f"the assessor's classArgs have no '{unknown[0]}': use first, factor and trials")
    return EarlyStop(rule, **arguments)  # type: ignore[arg-type]
