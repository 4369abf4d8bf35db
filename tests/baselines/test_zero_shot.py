import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.util import img_as_float32
from torch import nn

from nasdip.baselines.zero_shot import noise_network, pair, zero_shot, zero_shot_loss
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.measurement.add_noise import add_noise

CLEAN = img_as_float32(astronaut()[96:128, 208:240])


def test_the_halves_are_the_means_of_diagonals():
    image = torch.arange(2 * 5 * 6, dtype=torch.float32).reshape(1, 2, 5, 6)  # the fifth row has no partner
    first, second = pair(image)
    a, b, c, d = (image[0, :, y:4:2, x::2] for y in (0, 1) for x in (0, 1))
    assert torch.equal(first, (b + c) / 2)
    assert torch.equal(second, (a + d) / 2)


def test_the_loss_is_the_published_one():
    torch.manual_seed(0)
    network, y = noise_network(2, seed=1), torch.rand(1, 2, 16, 18)
    first, second = pair(y).split(1)
    mse, denoised = nn.functional.mse_loss, y - network(y)
    one, two = first - network(first), second - network(second)
    again_one, again_two = pair(denoised).split(1)
    residual = (mse(one, second) + mse(two, first)) / 2
    consistency = (mse(one, again_one) + mse(two, again_two)) / 2
    assert zero_shot_loss(network, y).item() == pytest.approx((residual + consistency).item(), rel=1e-5)


def test_it_denoises_and_the_same_seed_gives_the_same_image():
    noisy = add_noise(CLEAN, sigma=25, seed=0)
    restored = zero_shot(noisy, steps=150, seed=3)
    assert restored.dtype == np.float32
    assert restored.shape == noisy.shape
    assert psnr(CLEAN, restored, data_range=1.0) > psnr(CLEAN, noisy, data_range=1.0) + 3
    state = torch.random.get_rng_state()
    assert np.array_equal(zero_shot(noisy, steps=10, seed=3), zero_shot(noisy, steps=10, seed=3))
    assert not np.array_equal(zero_shot(noisy, steps=10, seed=3), zero_shot(noisy, steps=10, seed=4))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_any_channels_odd_sides_and_narrow_ranges(channels):
    noisy = np.random.default_rng(0).normal(0.03, 0.003, (17, 19, channels))
    restored = zero_shot(noisy, steps=30)
    assert restored.shape == noisy.shape
    assert noisy.min() - 1e-6 <= restored.min() <= restored.max() <= noisy.max() + 1e-6
    assert restored.std() < noisy.std()


def test_progress_is_told_every_ten_steps_and_at_the_end():
    told = []
    zero_shot(np.zeros((16, 16, 1)), steps=25, progress=told.append)
    assert told == [10, 20, 25]


@pytest.mark.parametrize(
    ("image", "steps", "words"),
    [
        (np.zeros((16, 16)), 1, "has no two halves"),
        (np.zeros((16, 16, 1)), 0, "0 steps are too few"),
        (np.full((16, 16, 1), np.nan), 1, "NaN or infinite"),
    ],
)
def test_bad_input(image, steps, words):
    with pytest.raises(NasdipError, match=words):
        zero_shot(image, steps=steps)
