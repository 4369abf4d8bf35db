import numpy as np
import pytest
from skimage.data import astronaut, camera
from skimage.util import img_as_float32

from nasdip.classical import nonlocal_bayes as module
from nasdip.classical.nonlocal_bayes import nonlocal_bayes
from nasdip.classical.patches import Canvas, Patches, nearest, strips
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.measurement.add_noise import add_noise

VARIANCE = (25 / 255) ** 2


def picture(size):
    clean = img_as_float32(astronaut()[90 : 90 + size, 200 : 200 + size])
    return clean, add_noise(clean, sigma=25, seed=1)


def test_denoises_and_knows_its_error():
    clean, noisy = picture(48)
    estimate = nonlocal_bayes(noisy, VARIANCE)
    assert psnr(clean, estimate.image, data_range=1.0) > psnr(clean, noisy, data_range=1.0) + 7
    error = np.mean((estimate.image - clean) ** 2)
    assert 0.5 * error < estimate.variance.mean() < 2 * error
    # Where the model expects larger errors, they are.
    order = np.argsort(estimate.variance.ravel())
    squares = ((estimate.image - clean) ** 2).ravel()[order]
    assert squares[-len(squares) // 4 :].mean() > 3 * squares[: len(squares) // 4].mean()


def test_the_third_step_improves_the_second(monkeypatch):
    clean, noisy = picture(48)
    three = nonlocal_bayes(noisy, VARIANCE).image
    monkeypatch.setattr(module, "_THIRD", module._SECOND)
    same_again = nonlocal_bayes(noisy, VARIANCE).image
    assert psnr(clean, three, data_range=1.0) > psnr(clean, same_again, data_range=1.0) + 0.1


def test_any_number_of_workers_gives_the_same_image(monkeypatch):
    monkeypatch.setattr("nasdip.classical.patches._MOST_DISTANCES", 2**15)  # several strips
    _, noisy = picture(28)
    one, three = (nonlocal_bayes(noisy, VARIANCE, workers=n) for n in (1, 3))
    assert np.array_equal(one.image, three.image)
    assert np.array_equal(one.variance, three.variance)


def test_strips_do_not_change_the_image(monkeypatch):
    _, noisy = picture(28)
    whole = nonlocal_bayes(noisy, VARIANCE)
    monkeypatch.setattr("nasdip.classical.patches._MOST_DISTANCES", 2**15)
    assert np.allclose(nonlocal_bayes(noisy, VARIANCE).image, whole.image, atol=1e-9)


def test_units_do_not_matter():
    _, noisy = picture(24)
    small = nonlocal_bayes(0.1 * noisy + 0.3, 0.01 * VARIANCE)
    assert np.allclose((small.image - 0.3) / 0.1, nonlocal_bayes(noisy, VARIANCE).image, atol=1e-4)


def test_noise_of_two_levels_is_treated_by_its_level():
    clean, _ = picture(40)
    variance = np.full(clean.shape, (10 / 255) ** 2)
    variance[:, 20:] = (50 / 255) ** 2
    noisy = clean + np.random.default_rng(0).normal(size=clean.shape) * np.sqrt(variance)
    told, mean = (nonlocal_bayes(noisy, v).image for v in (variance, float(variance.mean())))
    assert psnr(clean, told, data_range=1.0) > psnr(clean, mean, data_range=1.0) + 0.5


@pytest.mark.parametrize("channels", [1, 2, 4, 9])
def test_any_number_of_channels(channels):
    clean = img_as_float32(camera()[100:128, 200:224])[..., None] * np.linspace(0.6, 1, channels)
    noisy = add_noise(clean, sigma=25, seed=0)
    image = nonlocal_bayes(noisy, VARIANCE).image
    assert image.shape == clean.shape
    assert psnr(clean, image, data_range=1.0) > psnr(clean, noisy, data_range=1.0) + 3


def test_the_smallest_image_and_no_noise():
    clean = picture(16)[0]
    assert np.abs(nonlocal_bayes(clean, 0.0).image - clean).max() < 0.01


@pytest.mark.parametrize(
    ("image", "variance", "message"),
    [
        (np.zeros((15, 40, 1)), 0.01, "at least 16x16"),
        (np.zeros((40, 40)), 0.01, r"\(H, W, C\)"),
        (np.zeros((40, 40, 1)), -0.01, "not below 0"),
        (np.zeros((40, 40, 1)), np.nan, "finite"),
    ],
)
def test_bad_input_is_refused(image, variance, message):
    with pytest.raises(NasdipError, match=message):
        nonlocal_bayes(image, variance)


def test_patches_are_those_of_the_image():
    image = np.random.default_rng(0).random((9, 7, 2))
    patches = Patches(image, 3)
    assert patches.grid == (7, 5)
    assert np.array_equal(patches[np.array([5 * 4 + 2])][0], np.moveaxis(image[4:7, 2:5], 2, 0).ravel())


def test_nearest_finds_what_a_search_through_all_finds():
    image = np.random.default_rng(0).random((20, 18, 2)).round(3)
    patches, reach, count = Patches(image, 3), 4, 6
    (strip,) = strips(patches.grid, 5, reach)
    found = nearest(image, 3, strip, reach=reach, count=count)
    everything = patches[np.arange(18 * 16)]
    rows, columns = np.divmod(np.arange(18 * 16), 16)
    for reference, group in zip(np.stack(np.meshgrid(*strip, indexing="ij"), -1).reshape(-1, 2), found, strict=True):
        near = np.maximum(abs(rows - reference[0]), abs(columns - reference[1])) <= reach
        distance = np.square(everything - everything[reference[0] * 16 + reference[1]]).sum(axis=1)
        best = np.sort(distance[near])[:count]
        assert np.allclose(np.sort(distance[group]), best, atol=1e-5)


def test_a_canvas_gives_back_what_was_laid_on_it():
    image = np.random.default_rng(0).random((8, 9, 2))
    patches, canvas = Patches(image, 3), Canvas(image.shape, 3, range(8))
    numbers = np.arange(6 * 7)
    canvas.add(numbers, patches[numbers], 2 * patches[numbers])
    first, second = canvas.means()
    assert np.allclose(first, image)
    assert np.allclose(second, 2 * image)
