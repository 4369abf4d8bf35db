"""Architectures scored without a fit, by which a searcher starts (ISNAS-DIP, CVPR 2022)."""

import csv
import math
from collections.abc import Callable

import numpy as np

from nasdip.errors import NasdipError
from nasdip.files import write_csv
from nasdip.fit.untrained import untrained_output
from nasdip.imaging.spectral_match import annulus_error
from nasdip.measurement.impulses import fill_impulses
from nasdip.nas.trial_task import TrialTask, task_of
from nasdip.records.run_folder import RunFolder
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture
from nasdip.threads import use_threads

# Architectures and their scores, larger = better.
Scored = list[tuple[Architecture, float]]

_FILE = "warm_start.csv"


def left_to_score(folder: RunFolder) -> int:
    """Return how many architectures `warm_start` has to score: none where that was done."""
    return 0 if (folder.path / _FILE).exists() else folder.record().settings.warm_start


def warm_start(folder: RunFolder, notify: Callable[[int], None] | None = None) -> Scored:
    """Return what the searcher of a run starts by: architectures drawn at random, with their scores.

    They are on disk (`warm_start.csv`) once all are known, and read from there afterwards. `notify` is called with the
    number of those that are done.
    """
    record, path = folder.record(), folder.path / _FILE
    if record.settings.warm_start == 0:
        return []
    if not path.exists():
        space, rng = folder.space(), np.random.default_rng(derive_seed(record.settings.seed, 2))
        drawn = dict.fromkeys(space.sample(rng) for _ in range(record.settings.warm_start))
        task, scored = task_of(record, *folder.images(), folder.mask()), []
        for architecture in drawn:
            scored.append((architecture, training_free_score(architecture, task)))
            if notify is not None:
                notify(len(scored))
        write_csv(path, ("architecture", "score"), [(str(a), f"{score:.6f}") for a, score in scored])
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(Architecture.from_text(row["architecture"]), float(row["score"])) for row in csv.DictReader(file)]
    return [(architecture, score) for architecture, score in rows if math.isfinite(score)]


def training_free_score(architecture: Architecture, task: TrialTask) -> float:
    """Return how much the untrained network's output is like the noisy image: minus `annulus_error`, in dB squared.

    -inf where the network cannot be built, or the image is too small for its annulus.
    """
    measurement = task.measurement
    pixels = measurement.pixels
    if measurement.is_masked and measurement.valid is not None:
        pixels = fill_impulses(pixels, ~measurement.valid)  # holes have a spectrum of their own
    try:
        with use_threads(1):
            output = untrained_output(architecture, pixels.shape, width=task.proxy.width, seed=task.seed)
        return -annulus_error(output, pixels)
    except NasdipError:
        return -math.inf
