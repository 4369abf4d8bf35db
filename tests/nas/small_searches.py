"""Small searches for tests."""

import numpy as np
import torch
from skimage.data import camera
from skimage.util import img_as_float32

from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measure import measurement_of
from nasdip.nas.runner import start_run
from nasdip.options.search import FinalSettings, ProxySettings, SearchSettings
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import FLOOR_REWARD, TrialResult
from nasdip.space.search_space import SearchSpace

CPU = torch.device("cpu")
TINY = SearchSpace.load("tiny")
# Settings by which searchers learn from the results of few trials.
QUICK_TO_LEARN = {"reinforce": {"batch_size": 4}, "evolution": {"population": 4, "tournament": 2}, "random": {}}


def settings(**changes):
    quick = ProxySettings(crop=16, width=16, steps=4, heldout=0.1)
    defaults = {"trials": 4, "proxy": quick, "final": FinalSettings(steps=4, width=16), "seed": 3}
    return SearchSettings(**{**defaults, **changes})


def pictures():
    clean = img_as_float32(camera()[100:132, 200:232])[..., None]
    return clean, add_noise(clean, sigma=25, seed=0).astype(np.float32)


def start(path, chosen=None, space=TINY, with_clean=True):
    clean, noisy = pictures()
    folder = RunFolder(path)
    measurement = measurement_of(noisy)
    start_run(folder, chosen or settings(), space, measurement, clean if with_clean else None, CPU, image="camera.png")
    return folder


def comparable(trials):
    return [(t.trial, t.architecture, t.reward, t.status) for t in trials]


def made_up_reward(architecture):
    """Return a reward that depends on the architecture alone, so that results need no fit."""
    return 20 + sum(map(ord, architecture)) % 97 / 10


def made_up_result(suggestion, **changes):
    """Return a result without a fit."""
    values = {
        "trial": suggestion.trial, "architecture": suggestion.architecture, "status": "ok",
        "reward": made_up_reward(str(suggestion.architecture)), "heldout_psnr": 20.0, "clean_psnr": None,
        "estimated_psnr": 25.0, "parameters": 1000, "seconds": 1.5, "repeat_of": None, "error": None,
        "diagnostics": suggestion.diagnostics, "finished": "2026-01-01T00:00:00+00:00", "steps": 4,
    }  # fmt: skip
    if changes.get("status") == "failed":
        values["reward"] = FLOOR_REWARD
    return TrialResult(**{**values, **changes})
