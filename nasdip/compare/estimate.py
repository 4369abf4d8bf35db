"""How long the slow methods will take, measured on a few steps before they start."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nasdip.baselines.zero_shot import STEPS, zero_shot
from nasdip.compare.methods import RESTORE, Method
from nasdip.compare.prior_runner import prior_plan
from nasdip.compare.settings import Settings
from nasdip.fit.device import memory_told
from nasdip.measurement.measurement import Measurement
from nasdip.network.build import count_weights
from nasdip.options.fit import FitConfig
from nasdip.zoo.catalog import zoo_entry

_SIDE, _STEPS = 96, 5  # px and steps that are measured


def check_prior(method: Method, settings: Settings, measurement: Measurement) -> None:
    """Raise NasdipError where an architecture of the zoo cannot be built with these settings."""
    architecture, config = zoo_entry(method.source).architecture, FitConfig()
    count_weights(architecture, measurement.image_shape[2], config.input_channels, settings.width)


def prior_seconds(method: Method, settings: Settings, measurement: Measurement) -> float:
    """Return about the most seconds that an architecture of the zoo takes; NasdipError where memory is short."""
    with _measuring(settings):
        return prior_plan(method.source, settings, measurement, refine=method.kind == RESTORE).time().total


def zero_shot_seconds(settings: Settings, measurement: Measurement) -> float:
    """Return about the seconds that zero-shot Noise2Noise takes, both of its runs."""
    pixels = measurement.pixels[:_SIDE, :_SIDE]
    with _measuring(settings):
        zero_shot(pixels, steps=1, device=settings.device)
        start = time.perf_counter()
        zero_shot(pixels, steps=_STEPS, device=settings.device)
        step = (time.perf_counter() - start) / _STEPS
    share = math.prod(pixels.shape[:2]) / math.prod(measurement.pixels.shape[:2])
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
