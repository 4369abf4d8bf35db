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

CLEAN = img_as_float32(camera())[180:276, 200:296, None]


def filled(known, heldout):
    """Return a picture whose holes, and held-out pixels, were filled from the others."""
    return inpaint_biharmonic(CLEAN[..., 0], ~known | heldout)[..., None].astype(np.float32)


def case(kind, share, sigma=0.0):
    known = ~missing_pixels(CLEAN.shape, kind, share, seed=1)
    heldout = known & (np.random.default_rng(2).random(known.shape) < 0.05)
    measurement = Measurement(np.where(known[..., None], CLEAN, 0), NoiseModel.white(sigma), Mask(known))
    return measurement, known, heldout, filled(known, heldout)


@pytest.mark.parametrize(("kind", "share"), [("pixels", 0.5), ("pixels", 0.8), ("text", 0.1), ("blocks", 0.1)])
def test_held_out_pixels_tell_what_missing_ones_are_worth(kind, share):
    measurement, known, heldout, image = case(kind, share)
    made = np.where(known[..., None], CLEAN, image)
    told = estimate_hole_error(measurement, made, [HeldOutErrors(heldout, image)], kept=True)
    true = psnr(CLEAN, made, data_range=1.0)
    assert told.low < true < told.high
    assert abs(told.psnr - true) < (6 if kind == "blocks" else 2.5)
    assert told.deviation[known].max() == 0


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
