"""What the YAML of an experiment sets for nasdip: the tuner's classArgs. No torch, no NNI here."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.io.image_file import ImageFile, read_image, write_image
from nasdip.io.inputs import channels_last, read_clean
from nasdip.io.mask_file import MaskFile
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.holes import missing_pixels
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.operators.identity import Identity
from nasdip.measurement.operators.mask import Mask
from nasdip.nas.request import settings_of
from nasdip.nas.trial_task import choose_reward
from nasdip.options.early_stop import EarlyStop
from nasdip.options.search import FinalSettings, SearchSettings
from nasdip.options.search_request import SearchOptions


class Pictures(NamedTuple):
    """What is searched for: (H, W, C) float32 images, their names for people, and the file of the noisy one."""

    noisy: np.ndarray
    clean: np.ndarray | None
    image: str
    clean_image: str | None
    input_file: Path
    known: np.ndarray | None = None  # (H, W) bool, where pixels were measured; None: everywhere

    def measurement(self) -> Measurement:
        """Find out what noise the picture holds."""
        return measurement_of(self.noisy, known=self.known)


@dataclass(frozen=True)
class TunerSetup:
    """The tuner's classArgs: those below, and any option of `nasdip.options.search_request.SearchOptions`.

    Parameters
    ----------
    options : SearchOptions
        Of the search, its searcher that of the tuner's class.
    base : Path
        What relative paths start from: the tuner's codeDirectory.
    image : str
        The noisy picture: a file, or the name of a picture that scikit-image ships (astronaut, camera, ...). The
        environment variable NASDIP_IMAGE overrides it, and then `clean`, `noise`, `mask` and `missing` do not hold.
    clean : str or None
        The clean picture, where there is one: the reward, or (with another reward) what measures.
    noise : float or None
        Add Gaussian noise of this sigma (8-bit units) to the picture, which then is the clean one. The environment
        variable NASDIP_NOISE overrides it.
    mask, mask_known : str or None
        A black and white picture whose white pixels are missing in the image, or whose black ones are.
    missing : float or None
        Drop this share of the pixels at random from the picture, which then is the clean one.
    children : int
        Architectures that one trial evaluates, one after the other. More = less time lost in starting processes.
    device : str
        Of the trials: auto, cpu, cuda or cuda:N.
    """

    options: SearchOptions
    base: Path
    image: str
    clean: str | None = None
    noise: float | None = None
    mask: str | None = None
    mask_known: str | None = None
    missing: float | None = None
    children: int = 1
    device: str = "auto"

    @staticmethod
    def from_arguments(searcher: str, arguments: Mapping[str, Any], base: Path) -> "TunerSetup":
        """Read classArgs, and the environment; NasdipError for unknown keys and bad values."""
        own = [f.name for f in fields(TunerSetup) if f.name not in ("options", "base")]
        wanted = [name for name in SearchOptions.__dataclass_fields__ if name not in _ELSEWHERE]
        unknown = sorted(set(arguments) - {*own, *wanted})
        if unknown:
            raise NasdipError(f"the tuner's classArgs have no '{unknown[0]}': use {', '.join((*own, *wanted))}")
        given = {**arguments, **_environment()}
        if not isinstance(given.get("image"), str) or not given["image"]:
            raise NasdipError("the tuner's classArgs name no image: add a line like 'image: photo.png'")
        _check_types(given)
        options = SearchOptions(searcher=searcher, **{name: given[name] for name in wanted if name in given})
        setup = TunerSetup(options, base, **{name: given[name] for name in own if name in given})
        setup.settings(trials=1)
        return setup

    def __post_init__(self) -> None:
        if isinstance(self.children, bool) or not isinstance(self.children, int) or self.children < 1:
            raise NasdipError(f"children is {self.children!r}: give a whole number of at least 1")
        if self.noise is not None and not (isinstance(self.noise, (int, float)) and 0 < self.noise <= 255):
            raise NasdipError(f"noise is {self.noise!r}: give a sigma in 8-bit units, like 25")
        if self.missing is not None and not (isinstance(self.missing, (int, float)) and 0 < self.missing < 1):
            raise NasdipError(f"missing is {self.missing!r}: give a share of the pixels, like 0.5")
        if self._degrades and self.clean is not None:
            raise NasdipError("noise and holes are made in a clean picture, which image names: leave clean out")
        if self.missing is not None and (self.mask or self.mask_known):
            raise NasdipError("missing makes holes, and a mask names some: give one of them")

    def settings(self, trials: int, early_stop: EarlyStop | None = None) -> SearchSettings:
        """Return the settings of the search; the final fit is left to `nasdip restore`."""
        task = Identity.task if self.missing is None and not (self.mask or self.mask_known) else Mask.task
        return settings_of(
            self.options, task, trials=trials, final=FinalSettings(steps=0), early_stop=early_stop or EarlyStop(),
            parallel=1, budget=None,
        )  # fmt: skip

    @property
    def _degrades(self) -> bool:
        return self.noise is not None or self.missing is not None

    def pictures(self, folder: Path) -> Pictures:
        """Read and check the pictures; where noise is added, the noisy one is written to `folder`.

        NasdipError where the search could not begin with them.
        """
        pictures = self._read(folder)
        for pixels in (pictures.noisy, *([] if pictures.clean is None else [pictures.clean])):
            Measurement(pixels)
        if self.options.reward == "clean" and pictures.clean is None:
            raise NasdipError("reward 'clean' needs a clean image: name it, or use the reward auto")
        return pictures

    def _read(self, folder: Path) -> Pictures:
        file = read_image(self._find(self.image))
        if not self._degrades:
            clean_path = None if self.clean is None else self._find(self.clean)
            clean, known = read_clean(clean_path, file), self._known(file)
            clean_name = None if clean_path is None else str(clean_path)
            return Pictures(channels_last(file), clean, str(file.path), clean_name, file.path, known)
        degraded, known, seed = file.pixels, self._known(file), self.options.seed
        if self.noise is not None:
            degraded = add_noise(degraded, sigma=float(self.noise), seed=seed, clip=True)
        if self.missing is not None:
            known = ~missing_pixels(degraded.shape, "pixels", float(self.missing), seed=seed)
            degraded = np.where(known if degraded.ndim == 2 else known[..., None], degraded, 0)
        path = folder / f"{file.path.stem}_{'noisy' if self.missing is None else 'degraded'}.png"
        write_image(path, degraded, like=file)
        noisy = channels_last(read_image(path))
        return Pictures(noisy, channels_last(file), str(path), str(file.path), path, known)

    def _known(self, file: ImageFile) -> np.ndarray | None:
        """Return where, (H, W) bool, the pixels of the picture are known; None: everywhere."""
        mask, known = (None if name is None else self._find(name) for name in (self.mask, self.mask_known))
        holes = MaskFile.of(mask, known)
        return None if holes is None else holes.known(file)

    def check(self) -> None:
        """Read and check the pictures, and leave nothing behind; NasdipError where the search could not begin."""
        with tempfile.TemporaryDirectory() as folder:
            pictures = self.pictures(Path(folder))
        if self.options.reward == "estimate":
            choose_reward(self.settings(trials=1), pictures.measurement(), has_clean=pictures.clean is not None)

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


# Options of a search that an experiment's configuration has elsewhere, or that its trials have no use for.
_ELSEWHERE = (
    "searcher", "trials", "budget", "parallel", "early_stop", "final_steps", "final_width", "repeats",
)  # fmt: skip


def _check_types(given: Mapping[str, Any]) -> None:
    """Raise NasdipError for values of YAML that are of another type than their option."""
    for name in ("seed", "width", "steps", "crop", "threads", "warm_start"):
        value = given.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise NasdipError(f"{name} is {value!r}: give a whole number")
    candidates = given.get("candidates", [])
    if not isinstance(candidates, list) or not all(isinstance(name, str) for name in candidates):
        raise NasdipError(f"candidates is {candidates!r}: give a list of architectures, like [dip]")
    if not isinstance(given.get("heldout", 0.1), (int, float)) or not isinstance(
        given.get("searcher_settings", {}), dict
    ):
        raise NasdipError("heldout must be a number, and searcher_settings a mapping")


def _environment() -> dict[str, Any]:
    image, noise = os.environ.get("NASDIP_IMAGE"), os.environ.get("NASDIP_NOISE")
    given: dict[str, Any] = (
        dict.fromkeys(("clean", "noise", "mask", "mask_known", "missing")) | {"image": image} if image else {}
    )
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
