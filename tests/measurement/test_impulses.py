import tracemalloc

import numpy as np
import pytest
from skimage import data
from skimage.util import img_as_float64

from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.impulses import fill_impulses, impulse_mask


@pytest.fixture(scope="module")
def colour() -> np.ndarray:
    return img_as_float64(data.coffee())[100:228, 150:278]


def places(shape: tuple[int, ...], amount: float, seed: int) -> np.ndarray:
    """Where `add_noise` puts its impulses."""
    return add_noise(np.full(shape[:2], 0.5), "salt-pepper", amount=amount, seed=seed) != 0.5


def visible(noisy: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Where an impulse differs from the clean picture: black on black is neither seen nor harmful."""
    difference = np.abs(noisy - clean)
    return np.asarray((difference if difference.ndim == 2 else difference.max(axis=2)) > 0.15)


@pytest.mark.parametrize("kind", ["salt-pepper", "blur-salt-pepper"])
@pytest.mark.parametrize("amount", [2 / 35, 0.3])
@pytest.mark.parametrize("grey", [False, True])
def test_impulses_are_found(colour: np.ndarray, kind: str, amount: float, grey: bool) -> None:
    clean = colour.mean(axis=2) if grey else colour
    noisy = add_noise(clean, kind, amount=amount, seed=3)
    mask = impulse_mask(noisy)
    true = places(clean.shape, amount, seed=3)
    assert mask[true & visible(noisy, clean)].mean() > 0.95
    assert mask[~true].mean() < 2e-3


def test_impulses_beside_other_noise(colour: np.ndarray) -> None:
    noisy = add_noise(add_noise(colour, sigma=15, seed=1, clip=True), "salt-pepper", amount=0.06, seed=2)
    mask, true = impulse_mask(noisy), places(colour.shape, 0.06, seed=2)
    assert mask[true].mean() > 0.9
    assert mask[~true].mean() < 5e-3


def test_salt_alone_and_values_near_the_ends(colour: np.ndarray) -> None:
    true = np.random.default_rng(0).random(colour.shape[:2]) < 0.03
    noisy = 0.8 * colour + 0.02
    noisy[true] = 250 / 255
    mask = impulse_mask(noisy)
    assert mask[true].mean() > 0.9
    assert not mask[~true].any()


@pytest.mark.parametrize("sigma", [5, 25, 50, 75])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("brightness", [0.5, 1.0])
def test_no_false_alarm_in_clipped_noise(colour: np.ndarray, sigma: int, grey: bool, brightness: float) -> None:
    clean = brightness + (colour - 0.5) * (1 - brightness / 2)  # 1: much of it saturated
    noisy = add_noise(clean.mean(axis=2) if grey else clean, sigma=sigma, seed=sigma, clip=True)
    assert not impulse_mask(np.round(noisy * 255) / 255).any()


@pytest.mark.parametrize("name", ["camera", "chelsea", "coins", "hubble_deep_field", "page", "text"])
def test_no_false_alarm_in_clean_pictures(name: str) -> None:
    assert not impulse_mask(img_as_float64(getattr(data, name)())[:256, :256]).any()


def test_a_background_is_no_impulse() -> None:
    true = np.random.default_rng(0).random((64, 64)) < 0.04
    assert not impulse_mask(np.where(true, 1.0, 0.4))[~true].any()


def lone(places: list[tuple[int, int]], level: float = 0.06) -> np.ndarray:
    """Noise far below a few pixels at 1."""
    image = np.random.default_rng(0).uniform(0, level, (64, 64))
    image[tuple(np.transpose(places))] = 1
    return image


def test_a_few_pixels_far_above_all_others() -> None:
    mask = impulse_mask(lone([(0, 0), (20, 30), (20, 31), (63, 5)]))
    assert np.argwhere(mask).tolist() == [[0, 0], [20, 30], [20, 31], [63, 5]]
    assert (impulse_mask(1 - lone([(9, 9)])) == (lone([(9, 9)]) == 1)).all()


def test_a_thing_far_above_all_others_is_none_nor_are_highlights() -> None:
    assert not impulse_mask(lone([(y, x) for y in range(10, 13) for x in range(10, 13)])).any()
    assert not impulse_mask(lone([(10, 10), (20, 30)], level=0.6)).any()
    assert not impulse_mask(lone([(10, 10), (20, 30)], level=0.0)).any()  # dots on nothing


def test_filling_takes_little_memory() -> None:
    image = np.random.default_rng(0).random((256, 256, 3), np.float32)
    mask = image[..., 0] < 0.05
    tracemalloc.start()
    fill_impulses(image, mask)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * mask.size  # bytes; the image takes 12 a pixel


def test_a_flat_picture_and_a_small_one() -> None:
    assert not impulse_mask(np.full((32, 32), 0.5)).any()
    assert impulse_mask(np.random.default_rng(0).random((8, 9, 3))).shape == (8, 9)


@pytest.mark.parametrize("amount", [0.0, 0.04])
def test_a_large_picture(amount: float) -> None:
    true = np.random.default_rng(0).random((1040, 1040)) < amount
    ramp = np.tile(np.linspace(0, 0.7, 1040), (1040, 1))
    assert (impulse_mask(np.where(true, 1.0, ramp)) == true).mean() > 0.999


def test_filling_reaches_the_middle_of_a_hole() -> None:
    ramp = np.tile(np.linspace(0, 1, 32), (32, 1))
    hole = np.zeros((32, 32), bool)
    hole[10:17, 10:17] = True
    filled = fill_impulses(np.where(hole, 1.0, ramp), hole)
    np.testing.assert_array_equal(filled[~hole], ramp[~hole])
    assert np.abs(filled - ramp).max() < 0.15


def test_filling_nothing_and_everything() -> None:
    image = np.random.default_rng(0).random((8, 8, 3))
    np.testing.assert_array_equal(fill_impulses(image, np.zeros((8, 8), bool)), image)
    np.testing.assert_array_equal(fill_impulses(image, np.ones((8, 8), bool)), image)
