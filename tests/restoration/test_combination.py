from dataclasses import replace

import numpy as np
import pytest
from small_fits import measured, picture

from nasdip.classical.reference import make_reference
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.options.quality import QUALITIES, Quality, find_quality
from nasdip.restoration.combination import combine


def test_without_a_reference_or_refinement_it_is_the_fit():
    _, noisy = picture(32)
    fit = np.full_like(noisy, 0.3)
    for refine in (False, True):
        made = combine(measured(noisy), fit, None, refine=refine)
        assert np.array_equal(made.image, fit)
        assert np.array_equal(made.seen, fit)


def test_fits_and_reference_are_better_together():
    clean, noisy = picture(40)
    measurement = measured(noisy)
    reference = make_reference(measurement)
    # A stand-in for a fit, whose errors are not the reference's: smooth, and of about its size.
    rng = np.random.default_rng(0)
    size = np.sqrt(np.mean((reference.image - clean) ** 2))
    fit = (clean + size * rng.normal(size=clean.shape)).astype(np.float32)
    refined, plain = (combine(measurement, fit, reference, refine=refine).image for refine in (True, False))
    assert np.array_equal(plain, fit)
    assert refined.dtype == np.float32
    alone = max(psnr(clean, image, data_range=1.0) for image in (fit, reference.image))
    assert psnr(clean, refined, data_range=1.0) > alone + 1


def test_impulses_beside_other_noise_do_not_come_back():
    clean, noisy = picture(48)
    rng = np.random.default_rng(2)
    hit = rng.random(clean.shape[:2]) < 0.1
    noisy[hit] = rng.integers(0, 2, (hit.sum(), 1))
    measurement = Measurement(noisy, NoiseModel.white(25.0, "impulse"), impulses=hit)
    reference = make_reference(measurement)
    image = combine(measurement, reference.image, reference, refine=True).image
    at_impulses, elsewhere = (np.sqrt(np.mean((image - clean)[where] ** 2)) for where in (hit, ~hit))
    assert at_impulses < 2 * elsewhere


def test_clipping_is_undone():
    clean = 0.1 * picture(64)[0]
    noisy = add_noise(clean, sigma=25, seed=1, clip=True).astype(np.float32)
    measurement = measured(noisy)
    reference = make_reference(measurement)
    made = combine(measurement, reference.image, reference, refine=True)
    before, after = (psnr(clean, image, data_range=1.0) for image in made)
    assert after > before + 2
    assert made.image.min() >= 0


def test_pixels_without_noise_are_kept_and_fits_fill_the_gaps():
    clean = picture(64)[0]
    spoilt = add_noise(clean, "salt-pepper", seed=0)
    measurement = measurement_of(spoilt)
    valid = measurement.valid
    faint, strong = (replace(measurement, noise=replace(measurement.noise, sigma=sigma)) for sigma in (0.3, 10.0))
    fit = np.full_like(clean, 0.5)
    image = combine(faint, fit, None, refine=True).image
    assert np.array_equal(image[valid], spoilt[valid])
    assert (image[~valid] == 0.5).all()
    assert np.array_equal(combine(faint, fit, None, refine=False).image, fit)
    # Where the other pixels are noisy too, the fit smooths them.
    assert np.array_equal(combine(strong, fit, None, refine=True).image, fit)


def test_qualities_cost_more_and_can_be_changed():
    repeats = [quality.repeats for quality in QUALITIES.values()]
    assert repeats == sorted(set(repeats))
    assert find_quality("balanced", recipe="published").refine
    assert find_quality(None, recipe="fast", repeats=5, refine=False) == Quality(5, False)
    with pytest.raises(NasdipError, match="unknown quality 'superb': use fast, balanced, best"):
        find_quality("superb", recipe="fast")
