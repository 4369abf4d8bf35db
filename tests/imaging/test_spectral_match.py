import numpy as np
import pytest

from nasdip.errors import NasdipError
from nasdip.imaging.spectral_match import annulus_error, bandwidth, histogram_distance


def wave(frequency: float, size: int = 64) -> np.ndarray:
    return 0.5 + 0.3 * np.cos(2 * np.pi * frequency * np.arange(size)) * np.ones((size, 1))


def test_an_image_is_like_itself() -> None:
    image = np.random.default_rng(0).random((48, 64, 3))
    assert annulus_error(image, image) == histogram_distance(image, image) == 0


def test_a_factor_is_told_in_decibels() -> None:
    image = np.random.default_rng(0).random((48, 64, 3))
    assert annulus_error(0.1 * image, image) == pytest.approx(400)  # a hundredth of the power: 20 dB, squared
    assert histogram_distance(0.1 * image, image) == pytest.approx(20)


def test_only_the_annulus_counts() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((64, 64))
    inside, outside = image + wave(5 / 64), image + wave(20 / 64)
    assert annulus_error(outside, image) < 1e-6 < annulus_error(inside, image)


def test_the_histogram_does_not_ask_where_the_power_is() -> None:
    image = np.random.default_rng(0).random((64, 64))
    assert histogram_distance(image.T, image) == pytest.approx(0, abs=1e-9)
    assert annulus_error(image.T, image) > 1


@pytest.mark.parametrize("frequency", [4 / 64, 16 / 64, 30 / 64])
def test_the_bandwidth_of_a_wave_is_its_frequency(frequency: float) -> None:
    assert bandwidth(wave(frequency)) == pytest.approx(frequency)


def test_the_bandwidth_of_white_noise_covers_nearly_all_frequencies() -> None:
    noise = np.random.default_rng(0).normal(size=(64, 64))
    assert 0.62 < bandwidth(noise) < np.hypot(0.5, 0.5)
    assert bandwidth(noise, share=0.5) < 0.45


def test_flat_images_have_no_bandwidth_and_finite_errors() -> None:
    flat, image = np.full((32, 32), 0.4), np.random.default_rng(0).random((32, 32))
    assert bandwidth(flat) == 0
    assert np.isfinite(annulus_error(flat, image))


def test_bad_input_is_refused() -> None:
    image = np.random.default_rng(0).random((32, 32))
    with pytest.raises(NasdipError, match="widen the annulus"):
        annulus_error(image, image, annulus=(0.051, 0.052))
    with pytest.raises(NasdipError, match="widen the annulus"):
        annulus_error(image, image, annulus=(0.2, 0.1))
    with pytest.raises(NasdipError, match="cannot be compared"):
        histogram_distance(image, image[:16])
    with pytest.raises(NasdipError, match="between 0 and 1"):
        bandwidth(image, share=1.0)
