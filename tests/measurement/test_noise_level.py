from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.util import img_as_float64

from nasdip.errors import NasdipError
from nasdip.measurement.clipping import Limits, clipped_moments, find_limits, kept_variance
from nasdip.measurement.flat_patches import take_patches
from nasdip.measurement.level import estimate_level, estimate_sigma


@pytest.mark.parametrize("sigma", [2.0, 10.0, 25.0, 75.0])
@pytest.mark.parametrize("shape", [(128, 96), (128, 96, 3)])
def test_noise_on_a_smooth_image(sigma: float, shape: tuple[int, ...]) -> None:
    ramp = np.linspace(0, 1, shape[1]).reshape(1, -1, *[1] * (len(shape) - 2))
    noisy = ramp + np.random.default_rng(0).normal(0, sigma / 255, shape)
    assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize("sigma", [10, 25, 50, 75])
@pytest.mark.parametrize("clip", [False, True])
def test_noise_on_a_photograph(sigma: int, clip: bool) -> None:
    clean = img_as_float64(data.astronaut())[:256, 128:384]
    noisy = clean + np.random.default_rng(sigma).normal(0, sigma / 255, clean.shape)
    noisy = np.round(np.clip(noisy, 0, 1) * 255) / 255 if clip else noisy
    assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.04)


def test_sixteen_pixels_suffice() -> None:
    rng = np.random.default_rng(0)
    found = [estimate_sigma(rng.normal(0.5, 25 / 255, (16, 16))) for _ in range(50)]
    assert np.mean(found) == pytest.approx(25, rel=0.05)
    assert np.std(found) < 3


@pytest.mark.parametrize("shape", [(32, 32), (40, 32, 3)])
def test_the_error_told_is_the_scatter(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    levels = [estimate_level(rng.normal(0.5, 25 / 255, shape)) for _ in range(50)]
    deviations = [(level.sigma - 25) / level.error for level in levels]
    assert 0.6 < np.std(deviations) < 2
    assert abs(np.mean(deviations)) < 0.5


def test_the_level_is_the_root_mean_square_over_channels() -> None:
    noise = np.random.default_rng(0).normal(size=(256, 256, 3)) * [10, 20, 30] / 255
    assert estimate_sigma(noise) == pytest.approx(np.sqrt((100 + 400 + 900) / 3), rel=0.02)


def test_a_grey_picture_stored_in_colour_has_its_level() -> None:
    grey = np.random.default_rng(0).normal(0.5, 0.1, (128, 128))
    assert estimate_sigma(np.dstack([grey] * 3)) == pytest.approx(estimate_sigma(grey), rel=0.01)


@pytest.mark.parametrize("clip", [False, True])
def test_scale_and_orientation(clip: bool) -> None:
    noisy = np.random.default_rng(0).normal(0.7, 0.2, (64, 80, 3))
    noisy = np.clip(noisy, 0, 1) if clip else noisy
    level = estimate_sigma(noisy)
    assert estimate_sigma(0.25 * noisy) == pytest.approx(level / 4, rel=1e-6)
    assert estimate_sigma(noisy[::-1].transpose(1, 0, 2)) == pytest.approx(level, rel=1e-6)
    assert estimate_sigma(1 - noisy) == pytest.approx(level, rel=1e-6)


def test_without_noise() -> None:
    assert estimate_sigma(np.zeros((32, 32))) == 0
    assert estimate_sigma(np.full((32, 32), 0.3)) == pytest.approx(0, abs=1e-6)
    assert estimate_sigma(np.add.outer(np.arange(32), np.arange(32)) / 64) == pytest.approx(0, abs=1e-6)


def test_saturated_areas_are_left_out() -> None:
    noisy = np.random.default_rng(0).normal(0.5, 20 / 255, (128, 128))
    noisy[:, :80] = 1
    assert estimate_sigma(noisy) == pytest.approx(20, rel=0.05)


def test_clipped_moments_are_those_of_samples() -> None:
    means, limits = np.array([-0.1, 0.2, 0.9]), Limits(0.0, 1.0)
    samples = np.clip(means + np.random.default_rng(0).normal(0, 0.3, (200_000, 3)), 0, 1)
    mean, variance = clipped_moments(means, 0.3, limits)
    np.testing.assert_allclose(mean, samples.mean(axis=0), atol=3e-3)
    np.testing.assert_allclose(variance, samples.var(axis=0), rtol=0.02)
    np.testing.assert_allclose(kept_variance(mean, 0.3, limits), variance / 0.09, rtol=0.01)


def test_limits_on_one_side() -> None:
    noisy = np.random.default_rng(0).normal(0.8, 0.1, (64, 64))
    assert find_limits(np.minimum(noisy, 0.9)) == (-np.inf, 0.9)
    assert find_limits(np.zeros((4, 4))) == (-np.inf, np.inf)


def test_patches_of_a_large_picture_are_a_sample() -> None:
    large = np.random.default_rng(0).normal(0, 0.1, (1024, 1200))
    patches = take_patches(large)
    assert len(patches.mean) < 9000
    assert patches.free == len(patches.mean)


def test_reference_images(shared_data: Path) -> None:
    with Image.open(shared_data / "f16_noisy25.png") as picture:
        assert estimate_sigma(np.asarray(picture) / 255) == pytest.approx(25, rel=0.03)


def test_too_small() -> None:
    with pytest.raises(NasdipError, match="16x16"):
        estimate_sigma(np.zeros((15, 40)))
