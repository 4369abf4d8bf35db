from dataclasses import replace

import numpy as np
import pytest
from skimage.data import camera
from skimage.restoration import inpaint_biharmonic
from skimage.util import img_as_float32

from nasdip.classical.hole_error import HeldOutErrors, estimate_hole_error
from nasdip.imaging.metrics import psnr
from nasdip.measurement.holes import missing_pixels
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.operators.mask import Mask

CAMERA = img_as_float32(camera())
CLEAN = CAMERA[180:276, 200:296, None]
KINDS = [("pixels", 0.5), ("pixels", 0.8), ("text", 0.1), ("blocks", 0.1)]
PLACES = [(180, 200), (0, 0), (380, 60), (120, 260), (300, 330)]


def filled(clean, known, heldout):
    """Return a picture whose holes, and held-out pixels, were filled from the others."""
    return inpaint_biharmonic(clean[..., 0], ~known | heldout)[..., None].astype(np.float32)


def case(kind, share, sigma=0.0, clean=CLEAN):
    known = ~missing_pixels(clean.shape, kind, share, seed=1)
    heldout = known & (np.random.default_rng(2).random(known.shape) < 0.05)
    measurement = Measurement(np.where(known[..., None], clean, 0), NoiseModel.white(sigma), Mask(known))
    return measurement, known, heldout, filled(clean, known, heldout)


def test_the_interval_holds_the_true_psnr_in_nine_of_ten_cases():
    inside, errors = [], []
    for top, left in PLACES:
        clean = CAMERA[top : top + 80, left : left + 80, None]
        for kind, share in KINDS:
            measurement, known, heldout, image = case(kind, share, clean=clean)
            made = np.where(known[..., None], clean, image)
            told = estimate_hole_error(measurement, made, [HeldOutErrors(heldout, image)], kept=True)
            true = psnr(clean, made, data_range=1.0)
            inside.append(told.low < true < told.high)
            errors.append(told.psnr - true)
            assert told.deviation[known].max() == 0
    assert sum(inside) >= 0.8 * len(inside)  # 90 % are meant; of 20, 16 or more are then inside in 99 of 100 tries
    assert abs(np.mean(errors)) < 1.5
    assert np.median(np.abs(errors)) < 1.5


def test_more_error_is_expected_where_the_level_of_the_noise_is_not_known_well():
    measurement, known, heldout, image = case("pixels", 0.5)
    level = 0.9 * np.sqrt(np.mean((image - CLEAN)[heldout] ** 2))  # so that little is left for the fit's error
    expected = []
    for error in (0.0, 0.3):
        noise = NoiseModel("gaussian", 255 * level, error * 255 * level, level**2, 0.0, 0.0)
        told = estimate_hole_error(replace(measurement, noise=noise), image, [HeldOutErrors(heldout, image)], kept=True)
        expected.append(told.deviation[~known].mean())
    assert expected[1] > 1.2 * expected[0]


def test_the_middle_of_a_large_hole_is_trusted_less():
    measurement, known, heldout, image = case("blocks", 0.1)
    deviation = estimate_hole_error(measurement, image, [HeldOutErrors(heldout, image)], kept=True).deviation[..., 0]
    top, left = (int(v[0]) for v in np.nonzero(~known))
    assert deviation[top + 6, left + 6] > 1.3 * deviation[top, left]


def test_noise_is_what_known_pixels_err_by_where_they_are_kept():
    measurement, known, heldout, image = case("pixels", 0.5, sigma=5.0)
    told = estimate_hole_error(measurement, image, [HeldOutErrors(heldout, image)], kept=True)
    assert told.deviation[known] == pytest.approx(5 / 255)


def test_without_held_out_pixels_nothing_is_told():
    measurement, known, _, image = case("pixels", 0.5)
    nothing = np.zeros_like(known)
    assert estimate_hole_error(measurement, image, [HeldOutErrors(nothing, image)], kept=True) is None
