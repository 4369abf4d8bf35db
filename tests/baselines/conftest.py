from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.data import astronaut, chelsea
from skimage.util import img_as_float32

from nasdip.baselines.model_folder import ModelFolder
from nasdip.baselines.pairs import Pairs, make_pairs
from nasdip.baselines.registry import find_baseline
from nasdip.baselines.training import TrainingSettings, train
from nasdip.threads import use_threads


@pytest.fixture(autouse=True)
def one_thread():
    """Batches are so small here that a second thread waits more than it works, above all beside other tests."""
    with use_threads(1):
        yield


@pytest.fixture(scope="session")
def small_pairs():
    """48 pairs to train with, and 16 to validate with, smooth enough to be denoised within a few steps."""
    training = {"astronaut": img_as_float32(astronaut())}
    return make_pairs(training, {"chelsea": img_as_float32(chelsea())}, count=48, validation_count=16, factors=(2,))


@pytest.fixture(scope="session")
def few_pairs(small_pairs):
    """8 of them, and 5 to validate with, for trainings that need not come to anything."""
    training, validation = (
        Pairs(*(array[:count] for array in pairs))
        for pairs, count in ((small_pairs.training, 8), (small_pairs.validation, 5))
    )
    return replace(small_pairs, training=training, validation=validation)


@pytest.fixture(scope="session")
def model(small_pairs, tmp_path_factory):
    """The folder of a network that was trained on them."""
    folder = ModelFolder(tmp_path_factory.mktemp("model"))
    folder.open({"baseline": "noise2noise-half", "learning_rate": 0.005, "size": 32}, {})
    settings = TrainingSettings(16, 8, 0.005, 0)
    with use_threads(1):
        train(find_baseline("noise2noise-half"), small_pairs, settings, folder, torch.device("cpu"))
    return folder.path


@pytest.fixture
def noisy_image():
    """(50, 41, 3) float32."""
    clean = img_as_float32(chelsea()[100:150, 150:191])
    return (clean + np.random.default_rng(0).normal(0, 24 / 255, clean.shape)).astype(np.float32)
