"""Noise that is drawn is what the model says."""

import json
from dataclasses import replace

import numpy as np
import pytest

from nasdip.errors import NasdipError
from nasdip.imaging.whiteness import whiteness
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.noise_model import NoiseModel

# Three areas of one intensity each.
LEVELS = (0.4, 0.5, 0.8)
IMAGE = np.repeat(np.array(LEVELS), 100)[None, :, None] * np.ones((300, 1, 2))
LAWS = {
    "gaussian": NoiseModel.white(25.0),
    "poisson": NoiseModel("poisson", 25.0, 0.0, offset=0.0, gain=0.02),
    "speckle": NoiseModel("speckle", 25.0, 0.0, offset=0.0, square=0.04),
    "all": NoiseModel("poisson", 25.0, 0.0, offset=0.002, gain=0.01, square=0.02),
    # The same law of what lies above a black of 0.3: 0.002 + 0.01 (x - 0.3) + 0.02 (x - 0.3)^2.
    "other black": NoiseModel("poisson", 25.0, 0.0, offset=0.0008, gain=-0.002, square=0.02, bounds=(0.3, 1.3)),
}
COVARIANCE = ((1.0, 0.5, 0.2), (0.5, 1.0, -0.3), (0.2, -0.3, 1.0))
ROWS, COLUMNS = np.array([0.4, 1.0, 0.4]), np.array([0.2, 1.0, 0.2])
AUTOCORRELATION = tuple(map(tuple, np.outer(ROWS, COLUMNS).tolist()))
SHARED = NoiseModel(
    "correlated", 25.0, 0.0, offset=0.002, gain=0.02, covariance=COVARIANCE, autocorrelation=AUTOCORRELATION
)  # fmt: skip
RAMP = np.linspace(0.1, 0.9, 256)[:, None, None] * np.ones((1, 256, 3))


@pytest.mark.parametrize("name", LAWS)
def test_mean_and_variance_at_every_intensity(name: str) -> None:
    noise = LAWS[name]
    left = noise.sample(IMAGE, seed=1) - IMAGE
    for level in LEVELS:
        values, variance = left[level == IMAGE], float(noise.variance(np.array(level)))
        assert values.mean() == pytest.approx(0, abs=5 * np.sqrt(variance / values.size))
        assert values.var() == pytest.approx(variance, rel=0.05)


def test_photons_are_counted() -> None:
    counts = LAWS["poisson"].sample(IMAGE[..., 0], seed=1) / 0.02
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)


def test_impulses_replace_whole_pixels() -> None:
    noisy = replace(LAWS["gaussian"], kind="impulse", impulses=0.1, bounds=(-1.0, 2.0)).sample(IMAGE, seed=2)
    tolerance = 5 * np.sqrt(0.05 / IMAGE[..., 0].size)
    for bound in (-1.0, 2.0):
        hit = noisy == bound
        assert np.array_equal(hit.any(axis=2), hit.all(axis=2))
        assert hit.mean() == pytest.approx(0.05, abs=tolerance)


def test_values_are_clipped_to_the_bounds_where_the_model_says_so() -> None:
    noise = NoiseModel.white(120.0)
    free = noise.sample(IMAGE, seed=3)
    assert free.min() < 0
    assert free.max() > 1
    clipped = replace(noise, clipped=True, bounds=(0.1, 0.9)).sample(IMAGE, seed=3)
    assert np.array_equal(clipped, np.clip(free, 0.1, 0.9))


def test_channels_share_what_was_asked_for() -> None:
    noise = replace(SHARED, autocorrelation=None)
    white = (noise.sample(RAMP, seed=4) - RAMP) / np.sqrt(noise.variance(RAMP))
    np.testing.assert_allclose(np.cov(white.reshape(-1, 3).T), COVARIANCE, atol=0.02)
    assert whiteness(white).is_white


def test_neighbours_share_what_was_asked_for() -> None:
    shared = (SHARED.sample(RAMP, seed=5) - RAMP) / np.sqrt(SHARED.variance(RAMP))
    assert shared.var() == pytest.approx(1, abs=0.02)
    for row, column in ((0, 1), (1, 0), (1, 1), (-1, 1), (0, 2), (2, 0)):
        found = np.mean(shared * np.roll(shared, (row, column), axis=(0, 1)))
        asked = AUTOCORRELATION[1 + row][1 + column] if max(abs(row), abs(column)) < 2 else 0.0
        assert found == pytest.approx(asked, abs=0.02), (row, column)
    power = SHARED.power_spectrum((31, 40))
    assert power.mean() == pytest.approx(1)
    assert power[0, 0] == pytest.approx(ROWS.sum() * COLUMNS.sum())


@pytest.mark.parametrize("noise", [SHARED, *LAWS.values()], ids=["shared", *LAWS])
def test_a_whitened_sample_is_white_and_of_variance_one(noise: NoiseModel) -> None:
    image = noise.bounds[0] + RAMP
    left = noise.sample(image, seed=6) - image
    white = noise.whiten(left, image)
    assert white.shape == image.shape
    assert whiteness(white).is_white
    np.testing.assert_allclose(np.cov(white.reshape(-1, 3).T), np.eye(3), atol=0.02)
    assert white[:64].var() == pytest.approx(white[-64:].var(), rel=0.05)
    assert whiteness(left).is_white == (noise is not SHARED)


@pytest.mark.parametrize("noise", [SHARED, replace(LAWS["all"], impulses=0.1)], ids=["shared", "independent"])
def test_the_same_seed_gives_the_same_noise(noise: NoiseModel) -> None:
    first = noise.sample(RAMP, seed=7)
    assert np.array_equal(first, noise.sample(RAMP, seed=7))
    assert np.array_equal(first, noise.sample(RAMP, np.random.default_rng(7)))
    assert not np.array_equal(first, noise.sample(RAMP, seed=8))


def test_more_photons_than_can_be_counted_are_refused() -> None:
    with pytest.raises(NasdipError, match="too faint for photon counts"):
        NoiseModel("poisson", 1.0, 0.0, offset=0.0, gain=1e-20).sample(IMAGE)


@pytest.mark.parametrize(
    "noise",
    [*LAWS.values(), SHARED, replace(LAWS["all"], given=True, measured_level=NoiseLevel(9.0, 0.5), clipped=True)],
)
def test_a_file_gives_the_model_back(noise: NoiseModel) -> None:
    again = NoiseModel.from_json(json.loads(json.dumps(noise.to_json())))
    assert again == noise
    assert type(again.measured_level) is type(noise.measured_level)
    assert again.contradicted == noise.contradicted
