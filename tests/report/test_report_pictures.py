import base64
import io

import numpy as np
import pytest
from example_runs import clean_image
from PIL import Image

from nasdip.imaging.spectrum import log_spectrum
from nasdip.report.pictures import Display, Picture, residual_picture, residual_pixels, spectrum_picture


def decode(picture: Picture) -> Image.Image:
    head, data = picture.uri.split(",", 1)
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_photograph_is_shown_pixel_by_pixel() -> None:
    image = clean_image(64)
    display = Display.of(image)
    assert display.notes == ()
    shown = np.asarray(decode(display.picture("clean", image, "alt")))
    np.testing.assert_array_equal(shown, np.rint(255 * image).astype(np.uint8))


@pytest.mark.parametrize(("channels", "words"), [(1, None), (2, "first of 2 channels"), (5, "first of 5 channels")])
def test_one_channel_stands_for_several(channels: int, words: str | None) -> None:
    image = np.linspace(0, 1, 20 * 24 * channels).reshape(20, 24, channels)
    display = Display.of(image)
    picture = display.picture("noisy", image, "alt")
    assert (picture.width, picture.height) == (24, 20)
    np.testing.assert_array_equal(np.asarray(decode(picture)), np.rint(255 * image[:, :, 0]).astype(np.uint8))
    assert (words in " ".join(display.notes)) if words else display.notes == ()


def test_a_narrow_range_is_stretched_and_said() -> None:
    image = np.linspace(0.01, 0.06, 256).reshape(16, 16, 1)
    display = Display.of(image)
    pixels = display.pixels(image)
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert "0.01 to 0.06" in display.notes[0]


def test_a_large_image_is_reduced_and_said() -> None:
    image = np.zeros((1, 2048, 1))
    display = Display.of(image)
    assert (display.picture("noisy", image, "alt").width, len(display.notes)) == (1024, 1)
    assert "50 %" in display.notes[0]


def test_residuals_are_grey_about_zero() -> None:
    residual = np.array([[[-0.2], [-0.1], [0.0], [0.1], [0.2]]])
    assert residual_pixels(residual, 0.1).tolist() == [[0, 0, 128, 255, 255]]
    assert decode(residual_picture(residual, 0.1)).mode == "L"


def test_spectra_are_reduced_and_coloured() -> None:
    spectrum = log_spectrum(np.random.default_rng(0).random((300, 600)))
    picture = spectrum_picture("noisy", spectrum, 0.0, float(spectrum.max()))
    assert (picture.width, picture.height) == (256, 128)
    assert decode(picture).mode == "P"


def test_hot_pixels_do_not_leave_the_rest_black():
    restored = np.random.default_rng(0).uniform(0.0, 0.06, (32, 32, 1)).astype(np.float32)
    noisy = restored.copy()
    noisy[::8, ::8] = 1
    assert Display.of(noisy).pixels(restored).mean() < 10
    assert Display.of(noisy, restored).pixels(restored).mean() > 100
    assert Display.of(restored, restored).scaling == Display.of(restored).scaling
