"""How long the slow methods will take, measured on a few steps before they start."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nasdip.baselines.zero_shot import STEPS, zero_shot
from nasdip.classical.reference import reference_seconds
from nasdip.compare.methods import RESTORE, Method
from nasdip.compare.prior_runner import prior_plan, prior_task
from nasdip.compare.settings import Settings
from nasdip.fit.device import memory_told
from nasdip.measurement.measurement import Observation
from nasdip.restoration.run import count_weights
from nasdip.restoration.task import Task
from nasdip.restoration.working_time import working_time

_SIDE, _STEPS = 96, 5  # px and steps that are measured


def check_prior(method: Method, settings: Settings, observation: Observation) -> None:
    """Raise NasdipError where an architecture of the zoo cannot be built with these settings."""
    task = _task(method, settings, observation)
    count_weights(task.architecture, observation.pixels.shape[2], task.config, task.width)


def prior_seconds(method: Method, settings: Settings, observation: Observation) -> float:
    """Return about the most seconds that an architecture of the zoo takes; NasdipError where memory is short."""
    task = _task(method, settings, observation)
    workers = torch.get_num_threads()
    with _measuring(settings):
        plan = prior_plan(task)
        return working_time(task, plan, None, lambda: reference_seconds(observation, workers=workers)).total


def zero_shot_seconds(settings: Settings, observation: Observation) -> float:
    """Return about the seconds that zero-shot Noise2Noise takes, both of its runs."""
    pixels = observation.pixels[:_SIDE, :_SIDE]
    with _measuring(settings):
        zero_shot(pixels, steps=1, device=settings.device)
        start = time.perf_counter()
        zero_shot(pixels, steps=_STEPS, device=settings.device)
        step = (time.perf_counter() - start) / _STEPS
    share = math.prod(pixels.shape[:2]) / math.prod(observation.pixels.shape[:2])
    return 2 * (settings.steps or STEPS) * step / share


@contextmanager
def _measuring(settings: Settings) -> Iterator[None]:
    """Tell in a line where memory runs out; give a GPU's back in the end, which the methods' processes need."""
    try:
        with memory_told(f"on {settings.device} while its time was measured"):
            yield
    finally:
        if settings.device != "cpu":
            torch.cuda.empty_cache()


def _task(method: Method, settings: Settings, observation: Observation) -> Task:
    return prior_task(method.source, settings, observation, refine=method.kind == RESTORE)
