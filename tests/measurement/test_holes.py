import numpy as np
import pytest

from nasdip.errors import NasdipError
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.holes import HOLE_KINDS, missing_pixels
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.operators.mask import Mask

RAMP = np.tile(np.linspace(0.1, 0.9, 96, dtype=np.float32), (96, 1))[..., None]


@pytest.mark.parametrize("kind", HOLE_KINDS)
def test_holes_have_the_share_that_was_asked_for(kind):
    share = HOLE_KINDS[kind].share
    missing = missing_pixels((120, 160, 3), kind, seed=1)
    assert missing.shape == (120, 160)
    assert missing.mean() == pytest.approx(share, rel=0.3)
    assert np.array_equal(missing, missing_pixels((120, 160), kind, seed=1))
    assert not np.array_equal(missing, missing_pixels((120, 160), kind, seed=2))


@pytest.mark.parametrize(("kind", "share", "words"), [("stripes", 0.5, "unknown holes"), ("pixels", 1.0, "between 0")])
def test_what_makes_no_holes_is_refused(kind, share, words):
    with pytest.raises(NasdipError, match=words):
        missing_pixels((32, 32), kind, share)


@pytest.mark.parametrize("kind", HOLE_KINDS)
@pytest.mark.parametrize("sigma", [8.0, 25.0])
def test_the_noise_is_found_beside_the_holes(kind, sigma):
    noisy = add_noise(RAMP, sigma=sigma, seed=2)
    known = ~missing_pixels(RAMP.shape, kind, seed=3)
    found = measurement_of(noisy, known=known).noise
    assert found.kind == "gaussian"
    assert found.sigma == pytest.approx(sigma, rel=0.08)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_little_noise_is_found_where_the_picture_is_steep(share):
    noisy = add_noise(RAMP, sigma=1.0, seed=2)
    found = measurement_of(noisy, known=~missing_pixels(RAMP.shape, "pixels", share, seed=3)).noise
    assert found.sigma == pytest.approx(1.0, rel=0.1)
    # Texture may count as noise: how well the level is known says so.
    assert found.error > 0.3


def test_holes_in_a_picture_without_texture_change_nothing_but_the_sample():
    noisy = add_noise(np.full((128, 128, 3), 0.5), sigma=20.0, seed=2)
    levels = [
        measurement_of(noisy, known=~missing_pixels(noisy.shape, "pixels", share, seed=3)).noise.sigma
        for share in (0.2, 0.5, 0.9)
    ]
    assert levels == pytest.approx([20.0] * 3, rel=0.05)


def test_what_holes_hold_does_not_matter():
    known = ~missing_pixels(RAMP.shape, "blocks", seed=1)
    black, wild = (measurement_of(np.where(known[..., None], RAMP, held), known=known) for held in (0, np.nan))
    assert np.array_equal(black.pixels, wild.pixels)
    assert black.noise == wild.noise
    assert black.working == wild.working
    assert isinstance(wild.operator, Mask)
    assert np.array_equal(wild.valid, known)


def test_a_mask_without_holes_is_none():
    whole = measurement_of(RAMP, known=np.ones((96, 96), bool))
    assert not whole.is_masked
    with pytest.raises(NasdipError, match="give one size"):
        measurement_of(RAMP, known=np.zeros((96, 95), bool))
