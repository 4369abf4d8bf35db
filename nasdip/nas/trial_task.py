"""What every trial of a search shares, and the file that brings it to other processes and machines. No torch here."""

import hashlib
import json
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
from nasdip.imaging.intensity import Stretch
from nasdip.measurement.measure import observe
from nasdip.measurement.measurement import Observation
from nasdip.options.search import CostTarget, ProxySettings, Reward, SearchSettings, settled_reward
from nasdip.records.run_folder import RunRecord
from nasdip.seeds import derive_seed

_META = "meta"


class TrialTask(NamedTuple):
    """The cropped images, the proxy, the seed of all trials, and what rewards are measured against.

    The observation has a reference where the reward is the estimate, or fits are stopped by it. `smaller_first` says
    that a trial begins with a smaller fit (the rule size of `nasdip.options.early_stop`).
    """

    observation: Observation
    clean: np.ndarray | None
    proxy: ProxySettings
    seed: int
    reward: Reward
    cost: CostTarget | None = None
    smaller_first: bool = False

    def smaller(self) -> "TrialTask":
        """Return the task of the smaller fit: the centre of this one's crop, and of its reference."""
        shape = self.observation.pixels.shape
        proxy = self.proxy.smaller(min(shape[:2]))
        assert proxy.crop is not None
        clean = None if self.clean is None else centre_crop(self.clean, proxy.crop)
        seen = self.observation.part(_centre(shape, proxy.crop))
        return self._replace(observation=seen, clean=clean, proxy=proxy, cost=None, smaller_first=False)


def make_task(observation: Observation, clean: np.ndarray | None, settings: SearchSettings) -> TrialTask:
    """Return the task of a search on a whole picture, as it was observed: the proxy's centre crop of all there is.

    So trials know of the noise, and leave out of the loss, what the final fit does. The crop is fitted in its own range
    of intensities, unless that of the picture is laid down. NasdipError where the noise of the picture allows no
    reference and the reward needs one.
    """
    proxy, reward = settings.proxy, settled_reward(settings, clean is not None)
    size = max(observation.pixels.shape[:2]) if proxy.crop is None else proxy.crop
    seen = observation.part(_centre(observation.pixels.shape, size))
    clean_crop = None if clean is None else centre_crop(clean, size)
    if reward == "estimate":
        _check_reference(observation)
    if reward == "estimate" or choose_stop(proxy.config.stop, observation) == "reference":
        seen = replace(seen, reference=make_reference(seen))
    # One seed for all trials: they differ by architecture alone (common random numbers).
    smaller_first = settings.early_stop.rule == "size"
    return TrialTask(seen, clean_crop, proxy, derive_seed(settings.seed, 0), reward, settings.cost, smaller_first)


def task_of(record: RunRecord, noisy: np.ndarray, clean: np.ndarray | None) -> TrialTask:
    """Return the task of a run on its whole images (H, W, C): the same in every process, and after every resumption.

    Runs of version 0.1.0 note no kind of the noise: their trials fit the bare pixels, told the estimated level alone.
    """
    observation = Observation(noisy, record.sigma) if record.kind is None else observe(noisy)[0]
    return make_task(observation, clean, record.settings)


def choose_reward(settings: SearchSettings, observation: Observation, *, has_clean: bool) -> SearchSettings:
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
        _check_reference(observation)
    return replace(settings, reward="estimate" if allows_reference(observation) else "heldout")


def _check_reference(observation: Observation) -> None:
    """Raise NasdipError where the noise allows no reference."""
    if allows_reference(observation):
        return
    cause = "it holds hardly any noise"
    if observation.kind == "correlated":
        cause = "its noise is correlated between pixels"
    elif only_impulses(observation):
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
    seen = task.observation
    meta = {
        "sigma": seen.sigma,
        "sigma_error": seen.sigma_error,
        "kind": seen.kind,
        "working": seen.working,
        "proxy": task.proxy.__dict__,
        "seed": task.seed,
        "reward": task.reward,
        "cost": None if task.cost is None else vars(task.cost),
        "smaller_first": task.smaller_first,
    }
    tensors = {"noisy": seen.pixels, _META: np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)}
    images = {"clean": task.clean, "variance": seen.variance, "known": seen.known}
    if seen.reference is not None:
        images |= {"reference": seen.reference.image, "reference_variance": seen.reference.variance}
    tensors |= {name: image for name, image in images.items() if image is not None}
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
    # Trials that an earlier version started may still read its file.
    working = meta.get("working")
    cost = CostTarget(**meta["cost"]) if meta.get("cost") else None
    observation = Observation(
        tensors["noisy"], meta["sigma"], kind=meta.get("kind", "gaussian"), sigma_error=meta.get("sigma_error", 0.0),
        working=None if working is None else Stretch(*working), variance=tensors.get("variance"),
        known=tensors.get("known"), reference=reference,
    )  # fmt: skip
    first = bool(meta.get("smaller_first"))
    return TrialTask(observation, tensors.get("clean"), proxy, meta["seed"], meta["reward"], cost, first)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
