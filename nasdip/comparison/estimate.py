"""How long the slow methods will take, measured on a few steps before they start."""

import math
import time

import numpy as np
import torch

from nasdip.baselines.zero_shot import STEPS, zero_shot
from nasdip.comparison.prior_runner import prior_plan, prior_task
from nasdip.comparison.settings import Settings
from nasdip.imaging.observation import Observation
from nasdip.imaging.reference import reference_seconds
from nasdip.prior.restoration import count_weights
from nasdip.prior.working_time import working_time

_SIDE, _STEPS = 96, 5  # px and steps that are measured


def check_prior(entry: str, settings: Settings, observation: Observation) -> None:
    """Raise NasdipError where an architecture of the zoo cannot be built with these settings."""
    task = prior_task(entry, settings, observation)
    count_weights(task.architecture, observation.pixels.shape[2], task.config, task.width)


def prior_seconds(entry: str, settings: Settings, observation: Observation) -> float:
    """Return about the most seconds that an architecture of the zoo takes; NasdipError where memory is short."""
    task = prior_task(entry, settings, observation)
    workers = torch.get_num_threads()
    return working_time(task, prior_plan(task), None, lambda: reference_seconds(observation, workers=workers)).total


def zero_shot_seconds(settings: Settings, observation: Observation) -> float:
    """Return about the seconds that zero-shot Noise2Noise takes, both of its runs."""
    pixels = observation.pixels[:_SIDE, :_SIDE]
    zero_shot(pixels, steps=1, device=settings.device)
    start = time.perf_counter()
    zero_shot(pixels, steps=_STEPS, device=settings.device)
    share = (time.perf_counter() - start) / _STEPS * math.prod(observation.pixels.shape[:2]) / np.prod(pixels.shape[:2])
    return float(2 * (settings.steps or STEPS) * share)
