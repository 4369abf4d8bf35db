from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from skimage.data import astronaut, camera, coffee
from skimage.filters import gaussian
from skimage.util import img_as_float32

from nasdip.classical.reference import allows_reference, make_reference, only_impulses
from nasdip.errors import NasdipError
from nasdip.imaging.intensity import IntensityScaling
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.report.text.noise import noise_words

# px; from 97 on a sample of the patches is measured, which is quicker.
SIZE = 100


def noisy(kind, size=SIZE, **options):
    clean = img_as_float32(astronaut()[60 : 60 + size, 170 : 170 + size])
    return clean, add_noise(clean, kind, seed=3, **options).astype(np.float32)


@cache
def found_in(kind, size=SIZE, **options):
    """What is found in it; tests only look at it."""
    return measurement_of(noisy(kind, size, **options)[1])


# References take most of the time: they are made of a part of the picture that was judged.
PART = (slice(32), slice(32))


def test_white_noise_has_a_level_and_nothing_else():
    measurement = found_in("gaussian", sigma=25)
    noise = measurement.noise
    assert (measurement.kind, measurement.variance, measurement.valid) == ("gaussian", None, None)
    assert measurement.sigma == noise.sigma == pytest.approx(25, rel=0.05)
    assert noise.error > 0
    assert measurement.noise_variance() == pytest.approx((measurement.sigma / 255) ** 2)
    assert (noise.given, noise.measured_level, measurement.contradicted, measurement.scaling) == (
        False, None, False, None,
    )  # fmt: skip


def test_only_a_level_that_is_given_identifies_a_restoration():
    _, image = noisy("gaussian", sigma=25, size=32)
    assert measurement_of(image).identity() == {"noise": {"sigma": None}}
    assert measurement_of(image, 24.12345).identity() == {"noise": {"sigma": 24.1234}}
    assert Measurement(image, NoiseModel.white(25.0)).identity() == {"noise": {"sigma": None}}


def correlated(size=128, blur=1.0, sigma=30.0):
    clean = img_as_float32(coffee()[150 : 150 + size, 200 : 200 + size])
    noise = gaussian(np.random.default_rng(0).normal(size=clean.shape), blur, channel_axis=-1)
    return clean, (clean + noise * sigma / 255 / noise.std()).astype(np.float32)


@pytest.mark.parametrize("clip", [False, True])
def test_noise_that_neighbours_share_is_seen_and_no_pixel_is_an_impulse_then(clip):
    _, image = correlated()
    measurement = measurement_of(np.clip(image, 0, 1) if clip else image)
    assert (measurement.kind, measurement.variance, measurement.valid) == ("correlated", None, None)
    assert measurement.sigma == pytest.approx(30, rel=0.3)
    assert not allows_reference(measurement)
    assert "Neighbouring pixels share noise" in noise_words(measurement.noise)


def test_impulses_beside_noise_that_neighbours_share_stay():
    measurement = measurement_of(np.clip(add_noise(correlated()[1], "salt-pepper", amount=0.005, seed=1), 0, 1))
    assert (measurement.kind, measurement.impulses, measurement.noise.impulses) == ("correlated", None, 0)


@pytest.mark.parametrize("kind", ["salt-pepper", "blur-salt-pepper"])
@pytest.mark.parametrize("amount", [0.01, 2 / 35])
@pytest.mark.parametrize("picture", [astronaut, camera, coffee])
def test_impulses_are_not_taken_for_noise_that_neighbours_share(kind, amount, picture):
    clean = np.atleast_3d(img_as_float32(picture()))[100 : 100 + SIZE, 150 : 150 + SIZE]
    noise = measurement_of(add_noise(clean, kind, amount=amount, seed=5)).noise
    assert noise.kind == "impulse"
    assert 0.4 * amount < noise.impulses < 1.2 * amount  # black on black is not seen


@pytest.mark.parametrize("kind", ["poisson", "speckle"])
def test_noise_that_depends_on_the_signal_has_a_variance_for_each_value(kind):
    clean, measurement = noisy(kind, sigma=25)[0], found_in(kind, sigma=25)
    variance = measurement.variance
    true = np.mean(clean**2) if kind == "speckle" else clean.mean()
    expected = (25 / 255) ** 2 * (clean**2 if kind == "speckle" else clean) / true
    assert measurement.kind == kind
    bright = expected > np.median(expected)
    ratio = variance[bright].mean() / expected[bright].mean()
    assert 0.7 < ratio < 1.4
    assert variance[bright].mean() > 1.4 * variance[~bright].mean()
    assert measurement.noise_variance() is variance


@pytest.mark.parametrize(
    ("kind", "options"), [("gaussian", {"sigma": 25}), ("poisson", {"sigma": 25}), ("salt-pepper", {})]
)
def test_a_picture_in_a_corner_of_its_range_is_judged_as_if_it_filled_it(kind, options):
    _, image = noisy(kind, **options, clip=True)
    bright = found_in(kind, **options, clip=True)
    dim = measurement_of((0.02 + 0.004 * image).astype(np.float32))
    assert dim.kind == bright.kind
    assert dim.sigma == pytest.approx(0.004 * bright.sigma, rel=0.02)
    assert dim.relative_sigma == pytest.approx(bright.relative_sigma, rel=0.02)
    assert allows_reference(dim) == allows_reference(bright)
    if dim.variance is not None:
        assert np.allclose(dim.variance / 0.004**2, bright.variance, rtol=0.05)
        middle = dim.noise.variance(np.array(0.02 + 0.004 * 0.5)) / 0.004**2
        assert middle == pytest.approx(bright.noise.variance(np.array(0.5)), rel=0.1)
    if allows_reference(dim):
        small, large = (make_reference(measurement.part(PART)).image for measurement in (dim, bright))
        assert np.allclose((small - 0.02) / 0.004, large, atol=0.02)


def test_impulses_tell_nothing():
    clean, image = noisy("salt-pepper")
    measurement = measurement_of(image)
    assert measurement.kind == "impulse"
    changed = (clean != image).any(axis=2)
    assert measurement.impulses[changed].mean() > 0.9
    assert measurement.valid[~changed].mean() > 0.995


def test_a_level_that_is_given_is_taken_and_the_kind_is_found_all_the_same():
    _, image = noisy("poisson", sigma=25)
    found, told = found_in("poisson", sigma=25), measurement_of(image, 50.0)
    assert (told.kind, told.sigma, told.noise.error) == ("poisson", 50.0, 0.0)
    assert np.allclose(told.variance / found.variance, (50 / found.sigma) ** 2, rtol=0.01)
    assert noise_words(told.noise)
    assert measurement_of(image, 0.0).variance is None


@pytest.mark.parametrize(("sigma", "wrong"), [(5.0, True), (0.0, True), (50.0, True), (24.0, False), (27.0, False)])
def test_a_level_that_the_picture_contradicts(sigma, wrong):
    _, image = noisy("gaussian", sigma=25)
    found, told = found_in("gaussian", sigma=25).noise, measurement_of(image, sigma)
    words = noise_words(told.noise)
    assert (told.noise.given, told.sigma, told.noise.error) == (True, sigma, 0.0)
    assert told.noise.measured_level == NoiseLevel(found.sigma, found.error)
    assert told.contradicted == told.noise.contradicted == wrong
    assert (f"given as {sigma}, but the picture looks like {found.sigma:.1f} ±" in words) == wrong
    assert f"of level {sigma:.1f}, as given" in words
    assert not wrong or "±" not in words.split(" The level was given")[0]


def test_a_wrong_level_of_little_noise_is_no_contradiction():
    clean = np.tile(np.linspace(0.2, 0.8, 96), (96, 1))[..., None]
    wide, narrow = (add_noise(range_ * clean, sigma=1.5, seed=0).astype(np.float32) for range_ in (1, 0.1))
    assert not measurement_of(wide, 0.5).contradicted
    assert measurement_of(narrow, 0.5).contradicted


@pytest.mark.parametrize("kind", ["poisson", "salt-pepper"])
def test_contradictions_are_seen_beside_other_kinds(kind):
    clean, image = noisy("poisson", sigma=25)
    if kind == "salt-pepper":
        image = add_noise(add_noise(clean, sigma=25, seed=1, clip=True), kind, amount=0.05, seed=2).astype(np.float32)
    told = measurement_of(image, 8.0)
    assert told.kind == ("impulse" if kind == "salt-pepper" else kind)
    assert told.contradicted
    assert told.noise.measured_level.sigma == pytest.approx(25, rel=0.15)
    assert "given as 8.0, but the picture looks like" in noise_words(told.noise)


def twelve_bits(share, *, dead=0.0, seed=0):
    """A 12-bit picture in a 16-bit file with hot pixels: clean, noisy, and where they are."""
    rng = np.random.default_rng(seed)
    clean = img_as_float32(camera()[100:228, 180:308])[..., None] * 0.8 + 0.1
    noisy = np.round(np.clip(clean + rng.normal(0, 25 / 255, clean.shape), 0, 1) * 4095) / 65535
    hot, cold = rng.random(clean.shape[:2]) < share, rng.random(clean.shape[:2]) < dead
    noisy[cold] = 0
    noisy[hot] = 1
    return clean * 4095 / 65535, noisy.astype(np.float32), hot, cold


@pytest.mark.parametrize("share", [0.0002, 0.005, 0.03])
def test_hot_pixels_do_not_hide_the_noise_of_a_narrow_range(share):
    clean, image, hot, _ = twelve_bits(share)
    measurement = measurement_of(image)
    words = noise_words(measurement.noise)
    assert measurement.kind == "impulse"
    assert np.array_equal(measurement.impulses, hot)
    assert measurement.scaling == pytest.approx(IntensityScaling(0.0, 4095 / 65535), abs=1e-4)
    assert measurement.relative_sigma == pytest.approx(25, rel=0.1)
    assert measurement.sigma == pytest.approx(25 * 4095 / 65535, rel=0.1)
    assert allows_reference(measurement)
    assert not only_impulses(measurement)
    assert "hold noise of level 1.5" in words
    assert "10 % of the picture's range" in words
    error = (make_reference(measurement.part(PART)).image - clean[PART]) * 255 * 65535 / 4095
    assert np.sqrt(np.mean(error**2)) < 13
    assert not hot[PART].any() or np.abs(error[hot[PART]]).mean() < 25


def test_dead_pixels_beside_hot_ones_are_found_in_the_range_of_the_others():
    clean, image, hot, dead = twelve_bits(0.005, dead=0.02)
    missing = measurement_of(image).impulses
    assert missing[hot].all()
    assert missing[dead & (clean[..., 0] > 0.03)].mean() > 0.85
    assert missing[~hot & ~dead].mean() < 5e-3


def test_a_level_that_is_given_is_judged_in_the_range_without_hot_pixels():
    image = twelve_bits(0.005)[1]
    assert not measurement_of(image, 1.5).contradicted
    assert measurement_of(image, 1.0).contradicted


def test_noise_in_a_narrow_range_is_not_called_little():
    words = noise_words(measurement_of(twelve_bits(0.0)[1]).noise)
    assert words.startswith("The noise is like white Gaussian noise of level 1.5")
    assert "(in 8-bit units; 10 % of the picture's range)" in words


@pytest.mark.parametrize("sigma", [-1.0, np.nan, np.inf])
def test_a_level_that_is_none_is_refused(sigma):
    with pytest.raises(NasdipError, match="no noise level: use a number from 0"):
        measurement_of(noisy("gaussian", sigma=25, size=32)[1], sigma)


def test_parts_hold_their_share_of_everything():
    _, image = noisy("poisson", sigma=25, size=64)
    measurement = measurement_of(image)
    place = (slice(8, 40), slice(0, 20))
    part = measurement.part(place)
    assert np.array_equal(part.pixels, image[place])
    assert np.array_equal(part.variance, measurement.variance[place])
    assert part.valid is None
    assert part.sigma == measurement.sigma


def test_parts_keep_what_holds_for_the_whole():
    measurement = measurement_of(twelve_bits(0.005)[1], 5.0)
    place = (slice(8, 40), slice(0, 20))
    part = measurement.part(place)
    assert np.array_equal(part.valid, measurement.valid[place])
    assert (part.noise, part.scaling) == (measurement.noise, measurement.scaling)
    assert part.scaling is not None
    assert part.contradicted
    assert part.relative_sigma == measurement.relative_sigma


def test_the_reference_of_an_image_with_impulses_fills_them():
    clean, image = noisy("gaussian", sigma=15)
    spoilt = add_noise(image, "salt-pepper", amount=0.1, seed=4)
    measurement = measurement_of(spoilt)
    assert measurement.kind == "impulse"
    assert allows_reference(measurement)
    error, least = (
        np.mean((make_reference(each.part(PART)).image - clean[PART]) ** 2)
        for each in (measurement, found_in("gaussian", sigma=15))
    )
    assert error < 2 * least


def test_no_reference_without_a_level_or_for_correlated_noise():
    measurement = found_in("gaussian", sigma=25, size=32)
    assert allows_reference(measurement)
    for noise in (NoiseModel.white(25.0, "correlated"), None, NoiseModel.white(0.1)):
        assert not allows_reference(replace(measurement, noise=noise))
