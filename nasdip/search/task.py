"""What every trial of a search shares, and the file that brings it to other processes and machines. No torch here."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_safetensors
from safetensors.numpy import save as to_safetensors

from nasdip.errors import NasdipError
from nasdip.files import replacing
from nasdip.imaging.nonlocal_bayes import BayesEstimate
from nasdip.imaging.observation import Observation
from nasdip.imaging.observe import observe
from nasdip.imaging.reference import allows_reference, make_reference
from nasdip.search.settings import ProxySettings, SearchSettings
from nasdip.seeds import derive_seed

_META = "meta"


Reward = Literal["clean", "estimate", "heldout"]


class TrialTask(NamedTuple):
    """The cropped images, the proxy, the seed of all trials, and what rewards are measured against.

    With the reward estimate, the observation has a reference.
    """

    observation: Observation
    clean: np.ndarray | None
    proxy: ProxySettings
    seed: int
    reward: Reward


def make_task(noisy: np.ndarray, clean: np.ndarray | None, sigma: float, settings: SearchSettings) -> TrialTask:
    """Return the task of a search on images (H, W, C): the proxy's centre crop of both.

    NasdipError where the noise of the picture allows no reference and the reward needs one.
    """
    proxy, reward = settings.proxy, settled_reward(settings, clean is not None)
    crop = noisy if proxy.crop is None else centre_crop(noisy, proxy.crop)
    clean_crop = clean if clean is None or proxy.crop is None else centre_crop(clean, proxy.crop)
    # One seed for all trials: they differ by architecture alone (common random numbers).
    seed = derive_seed(settings.seed, 0)
    observation = Observation(crop, sigma)
    if reward == "estimate":
        observation, _ = observe(crop, sigma)
        if not allows_reference(observation):
            raise NasdipError("the noise of this picture allows no reference: use the reward heldout")
        observation = replace(observation, reference=make_reference(observation))
    return TrialTask(observation, clean_crop, proxy, seed, reward)


def settled_reward(settings: SearchSettings, has_clean: bool) -> Reward:
    """Return the reward of a run's settings; where they say auto, as runs of version 0.1.0 do, what that meant then."""
    if settings.reward == "auto" or (settings.reward == "clean" and not has_clean):
        return "clean" if has_clean else "heldout"
    return settings.reward


def choose_reward(settings: SearchSettings, noisy: np.ndarray, clean: np.ndarray | None) -> SearchSettings:
    """Return the settings of a new run with the reward that it has.

    The clean image where there is one; else the estimate, where the noise of the proxy's crop allows a reference, which
    ranks architectures better than held-out pixels alone (`experiments/benchmarks/reward.py`).
    """
    if settings.reward in ("clean", "heldout") or (settings.reward == "auto" and clean is not None):
        return replace(settings, reward=settled_reward(settings, clean is not None))
    crop = noisy if settings.proxy.crop is None else centre_crop(noisy, settings.proxy.crop)
    return replace(settings, reward="estimate" if allows_reference(observe(crop)[0]) else "heldout")


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Return the square of `size` px around the centre of an image (H, W, ...), or less where the image is smaller."""
    height, width = (min(size, side) for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def write_task(folder: Path, task: TrialTask) -> Path:
    """Write a task into a folder, under a name that tells its content apart; return the file."""
    seen = task.observation
    meta = {
        "sigma": seen.sigma,
        "kind": seen.kind,
        "proxy": task.proxy.__dict__,
        "seed": task.seed,
        "reward": task.reward,
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
    proxy = ProxySettings(**meta["proxy"])
    reference = None
    if "reference" in tensors:
        reference = BayesEstimate(tensors["reference"], tensors["reference_variance"])
    observation = Observation(
        tensors["noisy"], meta["sigma"], kind=meta.get("kind", "gaussian"), variance=tensors.get("variance"),
        known=tensors.get("known"), reference=reference,
    )  # fmt: skip
    return TrialTask(observation, tensors.get("clean"), proxy, meta["seed"], meta["reward"])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
