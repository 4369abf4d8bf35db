"""One trial: an architecture, fitted by a proxy, gets a reward."""

import time
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import numpy as np
import torch

from nasdip.errors import NasdipError
from nasdip.imaging.observation import Observation
from nasdip.network.build import build_network
from nasdip.network.operations import count_parameters
from nasdip.prior.config import FitConfig
from nasdip.prior.device import is_out_of_memory
from nasdip.prior.fit import fit
from nasdip.search.settings import ProxySettings, SearchSettings
from nasdip.search.trial_result import FLOOR_REWARD, TrialResult
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture


class TrialTask(NamedTuple):
    """What every trial of a search shares: the cropped images, the proxy and the seed."""

    observation: Observation
    clean: np.ndarray | None
    proxy: ProxySettings
    seed: int
    device: torch.device
    reward: Literal["clean", "heldout"]


def make_task(
    noisy: np.ndarray, clean: np.ndarray | None, sigma: float, settings: SearchSettings, device: torch.device
) -> TrialTask:
    """Return the task of a search on images (H, W, C): the proxy's centre crop of both."""
    proxy = settings.proxy
    crop = noisy if proxy.crop is None else centre_crop(noisy, proxy.crop)
    clean_crop = clean if clean is None or proxy.crop is None else centre_crop(clean, proxy.crop)
    # One seed for all trials: they differ by architecture alone (common random numbers).
    seed = derive_seed(settings.seed, 0)
    reward: Literal["clean", "heldout"] = "heldout" if clean is None or settings.reward == "heldout" else "clean"
    return TrialTask(Observation(crop, sigma), clean_crop, proxy, seed, device, reward)


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Return the square of `size` px around the centre of an image (H, W, ...), or less where the image is smaller."""
    height, width = (min(size, side) for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def run_trial(number: int, architecture: Architecture, task: TrialTask, diagnostics: dict[str, float]) -> TrialResult:
    """Fit `architecture` by the proxy and return its reward.

    The reward is the PSNR (dB) of the averaged image of the last step: against the clean image where there is one,
    else (or where the task says so) against the noisy one on held-out pixels. A fit that fails (diverges, runs out of
    memory, cannot be built) is recorded with its cause and the floor reward.
    """
    start = time.perf_counter()
    parameters = heldout = estimated = clean_psnr = error = None
    try:
        config = FitConfig(steps=task.proxy.steps, heldout=task.proxy.heldout)
        network = build_network(
            architecture,
            in_channels=config.input_channels,
            out_channels=task.observation.pixels.shape[2],
            width=task.proxy.width,
            seed=task.seed,
        )
        parameters = count_parameters(network)
        result = fit(
            network, architecture, task.observation, config, seed=task.seed, clean=task.clean, device=task.device
        )
        heldout, estimated = result.heldout_psnr, result.estimated_psnr
        clean_psnr = result.psnr_averaged
    except (NasdipError, RuntimeError, MemoryError) as failure:
        error = "out of memory" if is_out_of_memory(failure) else f"{type(failure).__name__}: {failure}"
    reward = clean_psnr if task.reward == "clean" else heldout
    if error is None and (reward is None or not np.isfinite(reward)):
        error = f"the reward is {reward}"
    return TrialResult(
        trial=number,
        architecture=str(architecture),
        status="ok" if error is None else "failed",
        reward=FLOOR_REWARD if error is not None or reward is None else reward,
        heldout_psnr=heldout,
        clean_psnr=clean_psnr,
        estimated_psnr=estimated,
        parameters=parameters,
        seconds=time.perf_counter() - start,
        repeat_of=None,
        error=error,
        diagnostics=diagnostics,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
