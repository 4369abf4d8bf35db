import numpy as np
import pytest
from skimage.filters import gaussian

from nasdip.errors import NasdipError
from nasdip.imaging.whiteness import whiteness


@pytest.mark.parametrize("shape", [(32, 32), (31, 40), (33, 33)])
def test_white_noise_passes_at_about_the_nominal_rate(shape: tuple[int, int]) -> None:
    rejected = [not whiteness(np.random.default_rng(seed).normal(size=shape)).is_white for seed in range(400)]
    assert 0.02 < np.mean(rejected) < 0.09


def test_colour_noise_passes_however_its_channels_depend() -> None:
    noise = [np.random.default_rng(seed).normal(size=(32, 32, 3)) for seed in range(150)]
    assert np.mean([whiteness(residual).is_white for residual in noise]) > 0.9
    grey = [np.repeat(residual[:, :, :1], 3, axis=2) for residual in noise]
    assert np.mean([whiteness(residual).is_white for residual in grey]) > 0.9


@pytest.mark.parametrize("shape", [(8, 8), (7, 10), (9, 5)])
def test_against_the_definition(shape: tuple[int, int]) -> None:
    residual = np.random.default_rng(0).normal(3, 1, shape)
    height, width = shape
    rows, columns = (np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) for n in shape)
    power = np.abs(rows @ residual @ columns) ** 2
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for i in range(height):
        for j in range(width):
            if (i, j) != (0, 0) and (-i % height, -j % width) not in found:
                radius = np.hypot(min(i, height - i) / height, min(j, width - j) / width)
                found[i, j] = (radius, power[i, j])
    result = whiteness(residual)
    assert len(result.frequency) == len(found)
    np.testing.assert_allclose(result.frequency, sorted(radius for radius, _ in found.values()))
    total = sum(p for _, p in found.values())
    for radius in {round(radius, 9) for radius, _ in found.values()}:
        share = sum(p for r, p in found.values() if r <= radius + 1e-6) / total
        last = np.searchsorted(result.frequency, radius + 1e-6) - 1
        assert result.cumulative[last] == pytest.approx(share)
    line = np.arange(1, len(found) + 1) / len(found)
    assert result.statistic == pytest.approx(np.abs(result.cumulative - line).max())
    assert result.threshold == pytest.approx(1.36 / np.sqrt(len(found)))


def test_blurred_noise_and_structure_fail_above_the_line() -> None:
    noise = np.random.default_rng(0).normal(size=(64, 64))
    ramp = np.add.outer(np.arange(64.0), np.arange(64.0))
    for residual in (gaussian(noise, 1), noise + 0.1 * ramp, np.sin(ramp / 8)):
        result = whiteness(residual)
        assert not result.is_white
        assert np.median(result.cumulative - np.linspace(0, 1, len(result.cumulative))) > 0


def test_high_frequencies_fail_below_the_line() -> None:
    noise = np.random.default_rng(0).normal(size=(64, 64))
    result = whiteness(noise - gaussian(noise, 1))
    assert not result.is_white
    assert np.median(result.cumulative - np.linspace(0, 1, len(result.cumulative))) < 0


def test_scale_and_mean_do_not_matter() -> None:
    noise = np.random.default_rng(0).normal(size=(20, 30, 3))
    assert whiteness(1e-3 * noise + 7).statistic == pytest.approx(whiteness(noise).statistic)


def test_a_constant_residual_is_refused() -> None:
    with pytest.raises(NasdipError, match="constant residual"):
        whiteness(np.full((16, 16, 3), [0.1, 0.2, 0.3]))
