"""A picture never comes back worse than it was, nor than without a network."""

import numpy as np
import pytest

from nasdip.classical.error_estimate import ErrorJudge
from nasdip.classical.reference import make_reference
from nasdip.measurement.measure import measurement_of
from nasdip.restoration.choice import choose
from nasdip.restoration.combination import combine


@pytest.fixture(scope="module")
def stars():
    """A dark sky with stars, its noise, and what is found of it."""
    rng, (rows, columns) = np.random.default_rng(0), np.mgrid[:64, :64]
    clean = np.full((64, 64), 0.1)
    for _ in range(12):
        row, column, peak = rng.uniform(4, 60), rng.uniform(4, 60), rng.uniform(0.1, 0.8)
        clean += peak * np.exp(-4 * np.log(2) * ((rows - row) ** 2 + (columns - column) ** 2) / 2.5**2)
    noisy = (clean + rng.normal(0, 6 / 255, clean.shape)).astype(np.float32)[..., None]
    measurement = measurement_of(noisy)
    reference = make_reference(measurement)
    return clean[..., None], measurement, reference, ErrorJudge.of(measurement, reference)


def rms(image, clean):
    return float(np.sqrt(np.mean((image - clean) ** 2)))


def kept(stars, fitted):
    clean, measurement, reference, judge = stars
    made = combine(measurement, fitted, reference, refine=True)
    choice = choose(measurement, made, reference, judge, refined=True)
    return choice, rms(choice.image, clean), min(rms(measurement.pixels, clean), rms(reference.image, clean))


def test_a_fit_that_holds_no_star_takes_none_of_their_light(stars):
    clean = stars[0]
    choice, error, other = kept(stars, np.full(clean.shape, 0.1))
    assert error <= 1.01 * other
    bright = clean > 0.3
    light, without = ((image - 0.1)[bright].sum() for image in (choice.image, stars[2].image))
    assert light == pytest.approx(without, rel=0.01)
    assert light == pytest.approx((clean - 0.1)[bright].sum(), rel=0.03)


def test_a_fit_of_something_else_is_not_taken(stars):
    rng = np.random.default_rng(1)
    _, error, other = kept(stars, rng.uniform(0, 1, stars[0].shape))
    assert error <= 1.01 * other


def test_a_good_fit_is_mixed(stars):
    clean, _, reference, _ = stars
    good = clean + 0.5 * (reference.image - clean)[::-1, ::-1]  # errors of that size, in other places
    choice, error, other = kept(stars, good)
    assert choice.kept == "result"
    assert choice.gained == 0
    assert error < 0.98 * other


def test_the_picture_itself_is_taken_where_all_else_is_worse(stars):
    clean, measurement, _, _ = stars
    wrong = make_reference(measurement)._replace(image=np.full(clean.shape, 0.1, np.float32))
    judge = ErrorJudge.of(measurement, wrong)
    made = combine(measurement, np.full(clean.shape, 0.1), wrong, refine=True)
    choice = choose(measurement, made, wrong, judge, refined=True)
    assert choice.kept == "input"
    assert choice.gained > 1
    assert np.array_equal(choice.image, measurement.pixels)
    assert choice.expected.low < -20 * np.log10(rms(measurement.pixels, clean)) < choice.expected.high
