from typing import Any

import numpy as np
import pytest
from skimage.filters import gaussian

from nasdip.errors import NasdipError
from nasdip.measurement.add_noise import KINDS, add_noise

RNG = np.random.default_rng(0)
GREY = np.clip(gaussian(RNG.random((128, 128)), 4) * 6 - 2.5, 0, 1)
COLOUR = np.dstack([GREY, GREY.T, 1 - GREY])


def rms(noise: np.ndarray) -> float:
    return float(255 * np.sqrt(np.mean(noise**2)))


@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("kind", ["gaussian", "poisson", "speckle", "salt-pepper"])
@pytest.mark.parametrize("sigma", [5, 25, 60])
def test_sigma_is_the_root_mean_square(image: np.ndarray, kind: str, sigma: float) -> None:
    noisy = add_noise(image, kind, sigma=sigma, seed=1)
    assert noisy.shape == image.shape
    assert rms(noisy - image) == pytest.approx(sigma, rel=0.04 if kind != "salt-pepper" else 0.15)


def test_blur_salt_pepper_sigma_is_relative_to_the_blurred_image() -> None:
    blurred = gaussian(COLOUR, 2, mode="reflect", channel_axis=-1)
    noisy = add_noise(COLOUR, "blur-salt-pepper", sigma=50, blur=2, seed=1)
    untouched = (noisy == blurred).all(axis=2)
    assert 0.5 < untouched.mean() < 1
    assert rms(noisy - blurred) == pytest.approx(50, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
def test_the_seed_decides(kind: str, image: np.ndarray) -> None:
    sigma = None if "pepper" in kind else 25
    first = add_noise(image, kind, sigma=sigma, seed=3)
    np.testing.assert_array_equal(first, add_noise(image, kind, sigma=sigma, seed=3))
    np.testing.assert_array_equal(first, add_noise(image, kind, sigma=sigma, seed=np.random.default_rng(3)))
    assert not np.array_equal(first, add_noise(image, kind, sigma=sigma, seed=4))
    assert add_noise(image.astype(np.float32), kind, sigma=sigma).dtype == np.float32


def test_the_input_stays_as_it_is() -> None:
    before = COLOUR.copy()
    for kind in KINDS:
        add_noise(COLOUR, kind, sigma=20)
    np.testing.assert_array_equal(COLOUR, before)


@pytest.mark.parametrize(("kind", "power"), [("gaussian", 0), ("poisson", 1), ("speckle", 2)])
def test_variance_depends_on_the_signal_as_stated(kind: str, power: int) -> None:
    image = np.repeat([0.2, 0.8], 20000).reshape(200, 200)
    noise = add_noise(image, kind, sigma=10, seed=0) - image
    dark, bright = noise[image == 0.2], noise[image == 0.8]
    assert bright.var() / dark.var() == pytest.approx(4**power, rel=0.05)
    assert abs(dark.mean()) < 5 * dark.std() / np.sqrt(dark.size)


def test_poisson_values_are_photon_counts() -> None:
    image = np.full((64, 64), 0.5)
    level = 25 / 255
    counts = add_noise(image, "poisson", sigma=25) * image.mean() / level**2
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)


def test_poisson_leaves_negative_pixels_alone() -> None:
    image = np.where(GREY < 0.3, -0.01, GREY)
    noisy = add_noise(image, "poisson", sigma=25)
    np.testing.assert_array_equal(noisy[image < 0], -0.01)
    assert rms(noisy - image) == pytest.approx(25, rel=0.04)


@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("amount", [None, 0.3, 1.0])
def test_salt_pepper_replaces_whole_pixels(image: np.ndarray, amount: float | None) -> None:
    image = 0.25 + 0.5 * image
    noisy = np.atleast_3d(add_noise(image, "salt-pepper", amount=amount, seed=2))
    black, white = (noisy == 0).all(axis=2).mean(), (noisy == 1).all(axis=2).mean()
    expected = (2 / 35 if amount is None else amount) / 2
    tolerance = 5 * np.sqrt(expected / GREY.size)
    assert black == pytest.approx(expected, abs=tolerance)
    assert white == pytest.approx(expected, abs=tolerance)
    same = (noisy == np.atleast_3d(image)).all(axis=2)
    assert same.mean() + black + white == pytest.approx(1)


def test_clipping() -> None:
    assert add_noise(GREY, sigma=50).min() < 0
    clipped = add_noise(GREY, sigma=50, clip=True)
    assert (clipped.min(), clipped.max()) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("pink", {}, "choose one of gaussian, poisson"),
        ("gaussian", {}, "needs a sigma above 0"),
        ("poisson", {"sigma": 0}, "needs a sigma above 0"),
        ("speckle", {"sigma": float("nan")}, "needs a sigma above 0"),
        ("gaussian", {"sigma": 25, "amount": 0.1}, "takes no amount"),
        ("poisson", {"sigma": 1e-9}, "too small"),
        ("salt-pepper", {"sigma": 25, "amount": 0.1}, "not both"),
        ("salt-pepper", {"sigma": -1}, "above 0"),
        ("salt-pepper", {"sigma": 250}, "cannot exceed sigma"),
        ("salt-pepper", {"amount": 0}, "at most 1"),
        ("salt-pepper", {"amount": 1.5}, "at most 1"),
        ("blur-salt-pepper", {"blur": -1}, "0 or more"),
    ],
)
def test_impossible_requests(kind: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(NasdipError, match=words):
        add_noise(GREY, kind, **options)


@pytest.mark.parametrize("kind", ["poisson", "speckle"])
def test_a_black_image_carries_no_signal_dependent_noise(kind: str) -> None:
    with pytest.raises(NasdipError, match="this image is black: use gaussian noise"):
        add_noise(np.zeros((16, 16)), kind, sigma=25)


@pytest.mark.parametrize("image", [np.zeros(5), np.zeros((4, 4), np.uint8), np.full((4, 4), np.nan), np.zeros((0, 4))])
def test_what_is_no_image(image: np.ndarray) -> None:
    with pytest.raises(NasdipError):
        add_noise(image, sigma=25)
