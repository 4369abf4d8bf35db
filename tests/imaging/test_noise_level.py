from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasdip.errors import NasdipError
from nasdip.imaging.noise_level import estimate_sigma


@pytest.mark.parametrize("sigma", [2.0, 10.0, 25.0, 75.0])
@pytest.mark.parametrize("shape", [(128, 96), (128, 96, 3)])
def test_noise_on_a_smooth_image(sigma: float, shape: tuple[int, ...]) -> None:
    ramp = np.linspace(0, 1, shape[1]).reshape(1, -1, *[1] * (len(shape) - 2))
    noisy = ramp + np.random.default_rng(0).normal(0, sigma / 255, shape)
    assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.05)


def test_sixteen_pixels_suffice() -> None:
    rng = np.random.default_rng(0)
    found = [estimate_sigma(rng.normal(0.5, 25 / 255, (16, 16))) for _ in range(50)]
    assert np.mean(found) == pytest.approx(25, rel=0.05)
    assert np.std(found) < 5


def test_the_filter_is_orthonormal_and_blind_to_ramps() -> None:
    from nasdip.imaging.noise_level import _HIGH_PASS

    assert np.sum(_HIGH_PASS**2) == pytest.approx(1)
    assert np.sum(_HIGH_PASS[:2] * _HIGH_PASS[2:]) == pytest.approx(0)
    assert np.sum(_HIGH_PASS) == pytest.approx(0)
    assert np.sum(_HIGH_PASS * np.arange(4)) == pytest.approx(0)


def test_channels_are_averaged() -> None:
    noise = np.random.default_rng(0).normal(size=(256, 256))
    assert estimate_sigma(np.dstack([0.02 * noise, 0.04 * noise])) == pytest.approx(0.03 * 255, rel=0.02)


def test_without_noise() -> None:
    assert estimate_sigma(np.full((32, 32), 0.3)) == 0
    assert estimate_sigma(np.add.outer(np.arange(32), np.arange(32)) / 64) == pytest.approx(0, abs=1e-6)


def test_saturated_areas_are_left_out() -> None:
    noisy = np.random.default_rng(0).normal(0.5, 20 / 255, (128, 128))
    noisy[:, :80] = 1
    assert estimate_sigma(noisy) == pytest.approx(20, rel=0.1)


def test_reference_images(shared_data: Path) -> None:
    with Image.open(shared_data / "f16_noisy25.png") as picture:
        assert estimate_sigma(np.asarray(picture) / 255) == pytest.approx(25, rel=0.1)


def test_too_small() -> None:
    with pytest.raises(NasdipError, match="16x16"):
        estimate_sigma(np.zeros((15, 40)))
