"""What every trial of a search shares, and the file that brings it to other processes and machines."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_safetensors
from safetensors.numpy import save as to_safetensors

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import allows_reference, make_reference, only_impulses
from nasdip.errors import NasdipError
from nasdip.files import replacing
from nasdip.fit.stopping.automatic import choose_stop
from nasdip.imaging.intensity import IntensityScaling
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.options.search import CostTarget, ProxySettings, Reward, SearchSettings, settled_reward
from nasdip.records.run_folder import RunRecord
from nasdip.seeds import derive_seed

_META = "meta"


class TrialTask(NamedTuple):
    """The cropped images, the proxy, the seed of all trials, and what rewards are measured against.

    There is a reference where the reward is the estimate, or fits are stopped by it. `smaller_first` says that a trial
    begins with a smaller fit (the rule size of `nasdip.options.early_stop`).
    """

    measurement: Measurement
    clean: np.ndarray | None
    proxy: ProxySettings
    seed: int
    reward: Reward
    cost: CostTarget | None = None
    smaller_first: bool = False
    reference: BayesEstimate | None = None

    def smaller(self) -> "TrialTask":
        """Return the task of the smaller fit: the centre of this one's crop, and of its reference."""
        shape = self.measurement.pixels.shape
        proxy = self.proxy.smaller(min(shape[:2]))
        assert proxy.crop is not None
        clean = None if self.clean is None else centre_crop(self.clean, proxy.crop)
        place = _centre(shape, proxy.crop)
        return self._replace(
            measurement=self.measurement.part(place), clean=clean, proxy=proxy, cost=None, smaller_first=False,
            reference=None if self.reference is None else self.reference.part(place),
        )  # fmt: skip


def make_trial_task(measurement: Measurement, clean: np.ndarray | None, settings: SearchSettings) -> TrialTask:
    """Return the task of a search on a whole picture, as it was observed: the proxy's centre crop of all there is.

    So trials know of the noise, and leave out of the loss, what the final fit does. The crop is fitted in its own range
    of intensities, unless that of the picture is laid down. NasdipError where the noise of the picture allows no
    reference and the reward needs one.
    """
    proxy, reward = settings.proxy, settled_reward(settings, clean is not None)
    size = max(measurement.pixels.shape[:2]) if proxy.crop is None else proxy.crop
    crop = measurement.part(_centre(measurement.pixels.shape, size))
    clean_crop = None if clean is None else centre_crop(clean, size)
    reference = None
    if reward == "estimate":
        _check_reference(measurement)
    if reward == "estimate" or choose_stop(proxy.config.stop, measurement) == "reference":
        reference = make_reference(crop)
    # One seed for all trials: they differ by architecture alone (common random numbers).
    first, seed = settings.early_stop.rule == "size", derive_seed(settings.seed, 0)
    return TrialTask(crop, clean_crop, proxy, seed, reward, settings.cost, first, reference)


def task_of(
    record: RunRecord, noisy: np.ndarray, clean: np.ndarray | None, known: np.ndarray | None = None
) -> TrialTask:
    """Return the task of a run on its whole images (H, W, C): the same in every process, and after every resumption.

    `known` is where, (H, W) bool, pixels were measured.

    Runs of version 0.1.0 note no kind of the noise: their trials fit the bare pixels, told the estimated level alone.
    """
    measurement = (
        Measurement(noisy, NoiseModel.white(record.sigma))
        if record.kind is None
        else measurement_of(noisy, known=known)
    )
    return make_trial_task(measurement, clean, record.settings)


def choose_reward(settings: SearchSettings, measurement: Measurement, *, has_clean: bool) -> SearchSettings:
    """Return the settings of a new run on a whole picture with the reward that it has.

    For auto that is the clean image where there is one; else the estimate, where the noise of the picture allows a
    reference, which ranks architectures better than held-out pixels alone (`experiments/benchmarks/reward.py`).

    Raises
    ------
    NasdipError
        Where the estimate is asked for, and the noise allows no reference.
    """
    if settings.reward in ("clean", "heldout") or (settings.reward == "auto" and has_clean):
        return replace(settings, reward=settled_reward(settings, has_clean))
    if settings.reward == "estimate":
        _check_reference(measurement)
    return replace(settings, reward="estimate" if allows_reference(measurement) else "heldout")


def _check_reference(measurement: Measurement) -> None:
    """Raise NasdipError where the noise allows no reference."""
    if allows_reference(measurement):
        return
    cause = "it holds hardly any noise"
    if measurement.is_masked:
        cause = "parts of it are missing"
    elif not find_kind(measurement.kind).is_white:
        cause = "its noise is correlated between pixels"
    elif only_impulses(measurement):
        cause = "impulses are all the noise it holds"
    raise NasdipError(
        f"the reward estimate needs a reference, and this picture allows none ({cause}): use the reward heldout"
    )


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Return the square of `size` px around the centre of an image (H, W, ...), or less where the image is smaller."""
    return image[_centre(image.shape, size)]


def _centre(shape: tuple[int, ...], size: int) -> tuple[slice, slice]:
    """Return the rows and columns of the square of `size` px around the centre, or of what there is of it."""
    height, width = (min(size, side) for side in shape[:2])
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    return slice(top, top + height), slice(left, left + width)


def write_task(folder: Path, task: TrialTask) -> Path:
    """Write a task into a folder, under a name that tells its content apart; return the file."""
    facts, arrays = task.measurement.to_tensors()
    meta = {
        "measurement": facts,
        "proxy": task.proxy.__dict__,
        "seed": task.seed,
        "reward": task.reward,
        "cost": None if task.cost is None else vars(task.cost),
        "smaller_first": task.smaller_first,
    }
    tensors = {_META: np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)}
    tensors |= {f"measurement.{name}": array for name, array in arrays.items()}
    if task.clean is not None:
        tensors["clean"] = task.clean
    if task.reference is not None:
        tensors |= {"reference": task.reference.image, "reference_variance": task.reference.variance}
    data = to_safetensors({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    path = folder / f"task-{_digest(data)}.safetensors"
    if not path.exists():
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    return path


def read_task(path: Path) -> TrialTask:
    """Read what `write_task` wrote; NasdipError where it is missing or not whole."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NasdipError(
            f"cannot read the task {path} ({error.strerror}): the search's folder must be visible to its trials"
        ) from None
    if path.stem != f"task-{_digest(data)}":
        raise NasdipError(f"the task {path} is not whole: copy it again")
    try:
        tensors = from_safetensors(data)
        meta: dict[str, Any] = json.loads(tensors[_META].tobytes())
    except (SafetensorError, KeyError, ValueError) as error:
        raise NasdipError(f"{path} is not a task of this version ({type(error).__name__}): start a new run") from None
    proxy = ProxySettings.from_json(meta["proxy"])
    reference = None
    if "reference" in tensors:
        reference = BayesEstimate(tensors["reference"], tensors["reference_variance"])
    cost = CostTarget(**meta["cost"]) if meta.get("cost") else None
    first = bool(meta.get("smaller_first"))
    return TrialTask(
        _measurement(meta, tensors), tensors.get("clean"), proxy, meta["seed"], meta["reward"], cost, first, reference
    )


def _measurement(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Measurement:
    if "measurement" in meta:
        mine = {name.partition(".")[2]: t for name, t in tensors.items() if name.startswith("measurement.")}
        return Measurement.from_tensors(meta["measurement"], mine)
    # Trials that an earlier version started may still read its file.
    working, kind, known = meta.get("working"), meta.get("kind", "gaussian"), tensors.get("known")
    noise = None
    if meta["sigma"] is not None:
        noise = replace(NoiseModel.white(meta["sigma"], kind), error=meta.get("sigma_error", 0.0))
    return Measurement(
        tensors["noisy"], noise, scaling=None if working is None else IntensityScaling(*working),
        variance=tensors.get("variance"), impulses=None if known is None else ~known,
    )  # fmt: skip


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
