from dataclasses import replace

import numpy as np
import pytest
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.imaging.noise import add_noise
from nasdip.imaging.observe import observe, parse_sigma
from nasdip.imaging.reference import allows_reference, make_reference


def noisy(kind, size=96, **options):
    clean = img_as_float32(astronaut()[60 : 60 + size, 170 : 170 + size])
    return clean, add_noise(clean, kind, seed=3, **options).astype(np.float32)


def test_white_noise_has_a_level_and_nothing_else():
    _, image = noisy("gaussian", sigma=25)
    seen, found = observe(image)
    assert (seen.kind, seen.variance, seen.known) == ("gaussian", None, None)
    assert seen.sigma == found.sigma == pytest.approx(25, rel=0.05)
    assert seen.sigma_error == found.error > 0
    assert seen.noise_variance() == pytest.approx((seen.sigma / 255) ** 2)
    assert seen.noise_facts() == {"kind": "gaussian", "sigma": round(seen.sigma, 4)}


@pytest.mark.parametrize("kind", ["poisson", "speckle"])
def test_noise_that_depends_on_the_signal_has_a_variance_for_each_value(kind):
    clean, image = noisy(kind, sigma=25)
    seen, _ = observe(image)
    true = np.mean(clean**2) if kind == "speckle" else clean.mean()
    expected = (25 / 255) ** 2 * (clean**2 if kind == "speckle" else clean) / true
    assert seen.kind == kind
    bright = expected > np.median(expected)
    ratio = seen.variance[bright].mean() / expected[bright].mean()
    assert 0.7 < ratio < 1.4
    assert seen.variance[bright].mean() > 1.4 * seen.variance[~bright].mean()
    assert seen.noise_variance() is seen.variance


@pytest.mark.parametrize(
    ("kind", "options"), [("gaussian", {"sigma": 25}), ("poisson", {"sigma": 25}), ("salt-pepper", {})]
)
def test_a_picture_in_a_corner_of_its_range_is_judged_as_if_it_filled_it(kind, options):
    _, image = noisy(kind, **options, clip=True)
    bright, _ = observe(image)
    dim, found = observe((0.02 + 0.004 * image).astype(np.float32))
    assert dim.kind == bright.kind
    assert dim.sigma == pytest.approx(0.004 * bright.sigma, rel=0.02)
    assert dim.relative_sigma == pytest.approx(bright.relative_sigma, rel=0.02)
    assert allows_reference(dim) == allows_reference(bright)
    if dim.variance is not None:
        assert np.allclose(dim.variance / 0.004**2, bright.variance, rtol=0.05)
        middle = found.variance(np.array(0.02 + 0.004 * 0.5)) / 0.004**2
        assert middle == pytest.approx(observe(image)[1].variance(np.array(0.5)), rel=0.1)
    if allows_reference(dim):
        assert np.allclose((make_reference(dim).image - 0.02) / 0.004, make_reference(bright).image, atol=0.02)


def test_impulses_tell_nothing():
    clean, image = noisy("salt-pepper")
    seen, _ = observe(image)
    assert seen.kind == "impulse"
    changed = (clean != image).any(axis=2)
    assert (~seen.known)[changed].mean() > 0.9
    assert seen.known[~changed].mean() > 0.995


def test_a_level_that_is_given_is_taken_and_the_kind_is_found_all_the_same():
    _, image = noisy("poisson", sigma=25)
    seen, _ = observe(image)
    told, found = observe(image, 50.0)
    assert (told.kind, told.sigma, told.sigma_error) == ("poisson", 50.0, 0.0)
    assert np.allclose(told.variance / seen.variance, (50 / seen.sigma) ** 2, rtol=0.01)
    assert found.words
    assert observe(image, 0.0)[0].variance is None


@pytest.mark.parametrize("sigma", [-1.0, np.nan, np.inf])
def test_a_level_that_is_none_is_refused(sigma):
    with pytest.raises(NasdipError, match="no noise level: use a number from 0"):
        observe(noisy("gaussian", sigma=25, size=32)[1], sigma)


def test_what_a_person_types():
    assert parse_sigma("auto") is None
    assert parse_sigma("12.5") == 12.5
    with pytest.raises(NasdipError, match="sigma 'much' is no noise level"):
        parse_sigma("much")


def test_parts_hold_their_share_of_everything():
    _, image = noisy("poisson", sigma=25, size=64)
    seen, _ = observe(image)
    place = (slice(8, 40), slice(0, 20))
    part = seen.part(place)
    assert np.array_equal(part.pixels, image[place])
    assert np.array_equal(part.variance, seen.variance[place])
    assert part.known is None
    assert part.sigma == seen.sigma


def test_the_reference_of_an_image_with_impulses_fills_them():
    clean, image = noisy("gaussian", sigma=15)
    spoilt = add_noise(image, "salt-pepper", amount=0.1, seed=4)
    seen, _ = observe(spoilt)
    assert seen.kind == "impulse"
    assert allows_reference(seen)
    error = np.mean((make_reference(seen).image - clean) ** 2)
    assert error < 2 * np.mean((make_reference(observe(image)[0]).image - clean) ** 2)


def test_no_reference_without_a_level_or_for_correlated_noise():
    seen, _ = observe(noisy("gaussian", sigma=25, size=32)[1])
    assert allows_reference(seen)
    assert not allows_reference(replace(seen, kind="correlated"))
    assert not allows_reference(replace(seen, sigma=None))
    assert not allows_reference(replace(seen, sigma=0.1))
