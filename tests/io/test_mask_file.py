import imageio.v3 as iio
import numpy as np
import pytest

from nasdip.errors import NasdipError
from nasdip.io.image_file import read_image
from nasdip.io.mask_file import MaskFile


@pytest.fixture
def picture(tmp_path):
    iio.imwrite(tmp_path / "photo.png", np.full((20, 24), 90, np.uint8))
    return read_image(tmp_path / "photo.png")


def write(tmp_path, values):
    iio.imwrite(tmp_path / "mask.png", values)
    return tmp_path / "mask.png"


def holes():
    values = np.zeros((20, 24), np.uint8)
    values[4:8, 5:9] = 255
    return values


@pytest.mark.parametrize("colour", [False, True])
def test_white_is_missing_or_known(tmp_path, picture, colour):
    values = np.repeat(holes()[..., None], 3, axis=2) if colour else holes()
    path = write(tmp_path, values)
    assert np.array_equal(MaskFile.of(path, None).known(picture), holes() == 0)
    assert np.array_equal(MaskFile.of(None, path).known(picture), holes() == 255)


def test_nearly_black_and_white_will_do(tmp_path, picture):
    path = write(tmp_path, np.where(holes() > 0, 252, 3).astype(np.uint8))
    assert np.array_equal(MaskFile.of(path, None).known(picture), holes() == 0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((20, 23), np.uint8), "20x23 px, .* is 20x24 px: give one size"),
        (np.full((20, 24), 128, np.uint8), "not black and white: 480 pixels are neither"),
        (np.zeros((20, 24), np.uint8), "calls none of the pixels missing: missing ones are white .*--mask-known"),
        (np.full((20, 24), 255, np.uint8), "calls all pixels missing"),
    ],
)
def test_what_is_no_mask_is_one_clear_line(tmp_path, picture, values, words):
    with pytest.raises(NasdipError, match=words) as caught:
        MaskFile.of(write(tmp_path, values), None).known(picture)
    assert "\n" not in str(caught.value)


def test_two_masks_are_one_too_many(tmp_path):
    with pytest.raises(NasdipError, match="give one of them"):
        MaskFile.of(tmp_path / "a.png", tmp_path / "b.png")
