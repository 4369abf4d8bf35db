"""What every trial of a search shares, and the file that brings it to other processes and machines. No torch here."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_safetensors
from safetensors.numpy import save as to_safetensors

from nasdip.errors import NasdipError
from nasdip.files import replacing
from nasdip.imaging.observation import Observation
from nasdip.search.settings import ProxySettings, SearchSettings
from nasdip.seeds import derive_seed

_META = "meta"


class TrialTask(NamedTuple):
    """The cropped images, the proxy, the seed of all trials, and what rewards are measured against."""

    observation: Observation
    clean: np.ndarray | None
    proxy: ProxySettings
    seed: int
    reward: Literal["clean", "heldout"]


def make_task(noisy: np.ndarray, clean: np.ndarray | None, sigma: float, settings: SearchSettings) -> TrialTask:
    """Return the task of a search on images (H, W, C): the proxy's centre crop of both."""
    proxy = settings.proxy
    crop = noisy if proxy.crop is None else centre_crop(noisy, proxy.crop)
    clean_crop = clean if clean is None or proxy.crop is None else centre_crop(clean, proxy.crop)
    # One seed for all trials: they differ by architecture alone (common random numbers).
    seed = derive_seed(settings.seed, 0)
    reward: Literal["clean", "heldout"] = "heldout" if clean is None or settings.reward == "heldout" else "clean"
    return TrialTask(Observation(crop, sigma), clean_crop, proxy, seed, reward)


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Return the square of `size` px around the centre of an image (H, W, ...), or less where the image is smaller."""
    height, width = (min(size, side) for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def write_task(folder: Path, task: TrialTask) -> Path:
    """Write a task into a folder, under a name that tells its content apart; return the file."""
    meta = {
        "sigma": task.observation.sigma,
        "proxy": task.proxy.__dict__,
        "seed": task.seed,
        "reward": task.reward,
    }
    tensors = {"noisy": task.observation.pixels, _META: np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)}
    if task.clean is not None:
        tensors["clean"] = task.clean
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
    return TrialTask(
        Observation(tensors["noisy"], meta["sigma"]), tensors.get("clean"), proxy, meta["seed"], meta["reward"]
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
