import numpy as np
import pytest
from skimage.data import astronaut, chelsea
from skimage.util import img_as_float32

from nasdip.baselines.pairs import make_pairs


@pytest.fixture(scope="session")
def small_pairs():
    """48 pairs to train with, and 16 to validate with, smooth enough to be denoised within a few steps."""
    training = {"astronaut": img_as_float32(astronaut())}
    return make_pairs(training, {"chelsea": img_as_float32(chelsea())}, count=48, validation_count=16, factors=(2,))


@pytest.fixture
def noisy_image():
    """(50, 41, 3) float32."""
    clean = img_as_float32(chelsea()[100:150, 150:191])
    return (clean + np.random.default_rng(0).normal(0, 24 / 255, clean.shape)).astype(np.float32)
