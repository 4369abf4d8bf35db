from dataclasses import replace

import numpy as np
import pytest
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.classical.reference import make_reference
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measure import observe
from nasdip.measurement.measurement import Observation
from nasdip.options.quality import QUALITIES, Quality, find_quality
from nasdip.restoration.combination import combine


def picture(size=64):
    clean = img_as_float32(astronaut()[90 : 90 + size, 200 : 200 + size])
    return clean, add_noise(clean, sigma=25, seed=1).astype(np.float32)


def test_without_a_reference_or_refinement_it_is_the_fit():
    _, noisy = picture(32)
    fit = np.full_like(noisy, 0.3)
    for refine in (False, True):
        made = combine(Observation(noisy, 25.0), fit, refine=refine)
        assert np.array_equal(made.image, fit)
        assert np.array_equal(made.seen, fit)


def test_fits_and_reference_are_better_together():
    clean, noisy = picture()
    seen = Observation(noisy, 25.0)
    seen = replace(seen, reference=make_reference(seen))
    # A stand-in for a fit, whose errors are not the reference's: smooth, and of about its size.
    rng = np.random.default_rng(0)
    size = np.sqrt(np.mean((seen.reference.image - clean) ** 2))
    fit = (clean + size * rng.normal(size=clean.shape)).astype(np.float32)
    refined, plain = (combine(seen, fit, refine=refine).image for refine in (True, False))
    assert np.array_equal(plain, fit)
    assert refined.dtype == np.float32
    alone = max(psnr(clean, image, data_range=1.0) for image in (fit, seen.reference.image))
    assert psnr(clean, refined, data_range=1.0) > alone + 1


def test_impulses_beside_other_noise_do_not_come_back():
    clean, noisy = picture(96)
    rng = np.random.default_rng(2)
    hit = rng.random(clean.shape[:2]) < 0.1
    noisy[hit] = rng.integers(0, 2, (hit.sum(), 1))
    seen = Observation(noisy, 25.0, kind="impulse", known=~hit)
    seen = replace(seen, reference=make_reference(seen))
    image = combine(seen, seen.reference.image, refine=True).image
    at_impulses, elsewhere = (np.sqrt(np.mean((image - clean)[where] ** 2)) for where in (hit, ~hit))
    assert at_impulses < 2 * elsewhere


def test_clipping_is_undone():
    clean = 0.1 * picture()[0]
    noisy = add_noise(clean, sigma=25, seed=1, clip=True).astype(np.float32)
    seen = Observation(noisy, 25.0)
    seen = replace(seen, reference=make_reference(seen))
    made = combine(seen, seen.reference.image, refine=True)
    before, after = (psnr(clean, image, data_range=1.0) for image in made)
    assert after > before + 2
    assert made.image.min() >= 0


def test_pixels_without_noise_are_kept_and_fits_fill_the_gaps():
    clean = picture(64)[0]
    spoilt = add_noise(clean, "salt-pepper", seed=0)
    seen, _ = observe(spoilt)
    seen = replace(seen, sigma=0.3)
    fit = np.full_like(clean, 0.5)
    image = combine(seen, fit, refine=True).image
    assert np.array_equal(image[seen.known], spoilt[seen.known])
    assert (image[~seen.known] == 0.5).all()
    assert np.array_equal(combine(seen, fit, refine=False).image, fit)
    # Where the other pixels are noisy too, the fit smooths them.
    noisy = replace(seen, sigma=10.0, reference=None)
    assert np.array_equal(combine(noisy, fit, refine=True).image, fit)


def test_qualities_cost_more_and_can_be_changed():
    repeats = [quality.repeats for quality in QUALITIES.values()]
    assert repeats == sorted(set(repeats))
    assert find_quality("balanced", recipe="published").refine
    assert find_quality(None, recipe="fast", repeats=5, refine=False) == Quality(5, False)
    with pytest.raises(NasdipError, match="unknown quality 'superb': use fast, balanced, best"):
        find_quality("superb", recipe="fast")
