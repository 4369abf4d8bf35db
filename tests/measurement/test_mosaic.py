import numpy as np
import pytest
from skimage.data import astronaut, camera, coffee
from skimage.util import img_as_float64

from nasdip.errors import NasdipError
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.mosaic import check_no_mosaic, looks_like_mosaic

PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")
GAINS = {"R": 0.5, "G": 1.0, "B": 0.6}  # of a sensor, before white balance


def mosaic(colours, pattern):
    grey = np.empty(colours.shape[:2])
    for number, letter in enumerate(pattern):
        place = np.s_[number // 2 :: 2, number % 2 :: 2]
        grey[place] = GAINS[letter] * colours[..., "RGB".index(letter)][place]
    return grey[..., None]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("picture", [astronaut, coffee])
def test_sensors_are_recognised(picture, pattern):
    colours = img_as_float64(picture())[:128, :160]
    noise = np.random.default_rng(0).normal(0, 0.01, (128, 160, 1))
    assert looks_like_mosaic(mosaic(colours, pattern) + noise)
    with pytest.raises(NasdipError, match="develop it to colours first, or restore it as it is with --mosaic keep"):
        check_no_mosaic(Measurement((mosaic(colours, pattern) + noise).astype(np.float32)))


def test_grey_pictures_are_none():
    for seed in range(20):
        assert not looks_like_mosaic(np.random.default_rng(seed).random((64, 64, 1)))
    assert not looks_like_mosaic(img_as_float64(camera())[..., None])
    stripes = np.tile([[0.2], [0.8]], (48, 96))[..., None] + np.random.default_rng(0).normal(0, 0.05, (96, 96, 1))
    assert not looks_like_mosaic(stripes)
    assert not looks_like_mosaic(stripes.transpose(1, 0, 2))
    assert not looks_like_mosaic(mosaic(img_as_float64(astronaut()), "RGGB").repeat(3, axis=2))
    assert not looks_like_mosaic(np.full((64, 64, 1), 0.5))
