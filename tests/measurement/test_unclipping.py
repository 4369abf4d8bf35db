import numpy as np
import pytest
from scipy.special import ndtr

from nasdip.classical.reference import make_reference
from nasdip.measurement.clipping import Limits, clipped_moments, undo_clipping
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.unclipping import clipping_limits, seen_intensities, seen_variance, true_intensities

RANGE = Limits(0.0, 1.0)


@pytest.mark.parametrize("limits", [RANGE, Limits(0.0, np.inf), Limits(-np.inf, 1.0)])
@pytest.mark.parametrize("level", [0.01, 0.1, 0.3])
def test_undoes_what_clipping_does(limits, level):
    true = np.linspace(0, 1, 101)
    found = undo_clipping(clipped_moments(true, level, limits)[0], level, limits)
    assert np.abs(found.image - true).max() < 0.01
    # The mean moves by the share of the noise that is not cut off.
    assert found.slope[50] == pytest.approx(1, abs=0.3 if level == 0.3 else 0.01)
    if np.isfinite(limits.low):
        assert found.slope[1] == pytest.approx(1 / ndtr(0.01 / level), rel=0.05)


def test_levels_that_differ_from_value_to_value():
    true, level = np.linspace(0, 1, 101), np.linspace(0.02, 0.3, 101)
    seen = np.array([clipped_moments(np.array([u]), s, RANGE)[0][0] for u, s in zip(true, level, strict=True)])
    assert np.abs(undo_clipping(seen, level, RANGE).image - true).max() < 0.01


def test_what_no_intensity_has_is_a_limit_that_moves_no_more():
    found = undo_clipping(np.array([-0.1, 0.01, 0.99, 1.1]), 0.1, RANGE)
    assert found.image.tolist() == [0, 0, 1, 1]
    assert found.slope.tolist() == [0, 0, 0, 0]


def test_nothing_is_done_without_limits_or_noise():
    seen = np.linspace(-0.1, 1.1, 50)
    assert np.array_equal(undo_clipping(seen, 0.1, Limits(-np.inf, np.inf)).image, seen)
    inside = np.linspace(0, 1, 50)
    assert np.abs(undo_clipping(inside, 0.0, RANGE).image - inside).max() < 1e-3


def test_limits_are_of_known_pixels_and_photons_have_none_below():
    pixels = np.clip(np.random.default_rng(0).normal(0.5, 0.1, (64, 64, 1)), 0, 0.7).astype(np.float32)
    assert clipping_limits(Measurement(pixels)) == (-np.inf, pytest.approx(0.7))
    hit = np.random.default_rng(1).random((64, 64)) < 0.1
    pixels[hit] = 0
    assert clipping_limits(Measurement(pixels)).low == 0
    assert clipping_limits(Measurement(pixels, NoiseModel.white(0.0, "poisson"))).low == -np.inf
    assert clipping_limits(Measurement(pixels, impulses=hit)).low == -np.inf


def test_there_and_back_and_unknown_noise():
    clean = np.tile(np.linspace(0.02, 0.5, 64, dtype=np.float32), (64, 1))[..., None]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 0.1, clean.shape), 0, 1).astype(np.float32)
    measurement = Measurement(noisy, NoiseModel.white(25.5))
    seen = seen_intensities(measurement, clean)
    assert (seen - clean)[:, 0].mean() > 0.02
    assert np.abs(true_intensities(measurement, seen).image - clean).max() < 0.005
    unknown = Measurement(noisy)
    assert true_intensities(unknown, seen).image is seen
    assert seen_intensities(unknown, clean) is clean


def test_the_variance_that_clipping_leaves():
    clean = np.tile(np.linspace(0.0, 0.6, 96, dtype=np.float32), (32, 1))[..., None]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 0.1, clean.shape), 0, 1).astype(np.float32)
    measurement = Measurement(noisy, NoiseModel.white(25.5))
    assert seen_variance(measurement, None) == pytest.approx(0.01)  # nothing tells the intensities
    left = seen_variance(measurement, make_reference(measurement).image)
    many = np.clip(clean[:1] + np.random.default_rng(2).normal(0, 0.1, (4000, 96, 1)), 0, 1)
    seen = many - seen_intensities(measurement, clean)[:1]
    for columns in (slice(6), slice(6, 16), slice(40, 96)):
        assert left[:, columns].mean() == pytest.approx(seen[:, columns].var(), rel=0.12)
    assert left[:, :6].mean() < 0.006
    unclipped = (noisy + np.random.default_rng(1).normal(0, 0.1, clean.shape)).astype(np.float32)
    within = Measurement(unclipped, NoiseModel.white(25.5))
    assert seen_variance(within, make_reference(within).image) == pytest.approx(0.01)
    assert seen_variance(Measurement(noisy), None) is None
