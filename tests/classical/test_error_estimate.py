from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from skimage import data
from skimage.filters import gaussian
from skimage.util import img_as_float32

from nasdip.classical import error_estimate as model
from nasdip.classical.error_estimate import Cells, ErrorEstimate, Grid, coefficients, estimate_error, reference_error
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import make_reference
from nasdip.errors import NasdipError
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.unclipping import true_intensities


class Picture(NamedTuple):
    measurement: Measurement
    reference: BayesEstimate

    @property
    def restored(self) -> np.ndarray:
        return np.clip(self.reference.image, 0, 1)


def portrait(channels: int = 1) -> np.ndarray:
    pixels = img_as_float32(data.astronaut()[90:138, 190:238])
    return np.repeat(pixels, 2, axis=2)[..., :channels] if channels > 3 else pixels[..., :channels]


def picture_of(clean: np.ndarray, kind: str = "gaussian", seed: int = 3, **others: Any) -> Picture:
    noisy = add_noise(clean, kind, sigma=25, seed=seed).astype(np.float32)
    measurement = Measurement(noisy, NoiseModel.white(25.0, kind), **others)
    return Picture(measurement, make_reference(measurement))


def expected(picture: Picture, image: np.ndarray, *, refined: bool = True, workers: int = 1) -> ErrorEstimate:
    found = estimate_error(*picture, image, refined=refined, workers=workers)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def grey() -> Picture:
    return picture_of(portrait())


@pytest.fixture(scope="module")
def greys_measurements(grey: Picture) -> model.Measurements:
    return model.measure(*grey)


@pytest.fixture
def measured_once(greys_measurements: model.Measurements, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what is concluded about grey: its reference is restored again only once for all of them."""
    monkeypatch.setattr(model, "measure", lambda *_, **__: greys_measurements)


def test_interval_holds_the_true_psnr_and_the_map_adds_up_to_it() -> None:
    clean = portrait(3)
    picture = picture_of(clean)
    image = picture.restored
    found = expected(picture, image)
    true = -10 * np.log10(np.mean((image - clean) ** 2))
    assert found.low < true < found.high
    assert found.low < found.psnr < found.high
    assert abs(found.psnr - true) < 1.5
    assert found.deviation.shape == clean.shape
    assert found.deviation.dtype == np.float32
    assert -10 * np.log10(np.mean(found.deviation.astype(float) ** 2)) == pytest.approx(found.psnr, abs=1e-3)
    order = np.argsort(found.deviation.ravel())
    errors = np.abs(image - clean).ravel()[order]
    assert errors[-1000:].mean() > 1.5 * errors[:1000].mean()


@pytest.mark.usefixtures("measured_once")
def test_a_worse_fit_is_expected_to_be_worse(grey: Picture) -> None:
    good = grey.restored
    rough = good + np.random.default_rng(5).normal(0, 0.06, good.shape).astype(np.float32)
    better, worse = (expected(grey, image, refined=False) for image in (good, rough))
    assert worse.psnr < better.psnr - 2


@pytest.mark.usefixtures("measured_once")
def test_more_doubt_about_the_level_widens_the_interval(grey: Picture) -> None:
    image = grey.restored
    noise = grey.measurement.noise
    sure, unsure = (
        expected(grey._replace(measurement=replace(grey.measurement, noise=replace(noise, error=error))), image)
        for error in (0.0, 2.0)
    )
    assert unsure.high - unsure.low > 1.05 * (sure.high - sure.low)


def test_the_same_for_any_number_of_workers_and_of_the_fits_themselves_when_they_are_the_image(
    grey: Picture, request: pytest.FixtureRequest
) -> None:
    image = grey.restored
    two = expected(grey, image, workers=2)
    request.getfixturevalue("measured_once")  # by one worker
    one = expected(grey, image)
    assert one[:3] == two[:3]
    assert np.array_equal(one.deviation, two.deviation)
    fit = expected(grey, image, refined=False)
    assert fit.psnr != one.psnr


def test_dim_pictures_are_as_bright_ones_in_their_own_units(grey: Picture, request: pytest.FixtureRequest) -> None:
    # 16-bit pictures that use a hundredth of the range: noise far below a grey level of 8 bits is still noise.
    dim = 0.1
    reference = BayesEstimate(grey.reference.image * np.float32(dim), grey.reference.variance * np.float32(dim**2))
    scaled = Picture(Measurement(grey.measurement.pixels * np.float32(dim), NoiseModel.white(25 * dim)), reference)
    dark = expected(scaled, grey.restored * np.float32(dim))
    request.getfixturevalue("measured_once")
    bright = expected(grey, grey.restored)
    assert dark.psnr == pytest.approx(bright.psnr + 20, abs=0.05)
    assert np.allclose(dark.deviation, dim * bright.deviation, rtol=0.1)


@pytest.mark.parametrize("channels", [2, 5])
def test_any_number_of_channels(channels: int) -> None:
    clean = portrait(channels)[8:40, 8:40]
    picture = picture_of(clean)
    image = picture.restored
    found = expected(picture, image)
    assert found.deviation.shape == clean.shape
    assert abs(found.psnr + 10 * np.log10(np.mean((image - clean) ** 2))) < 3


def test_noise_that_depends_on_the_intensity_and_impulses() -> None:
    clean = portrait()
    law = (25 / 255) ** 2 * clean / clean.mean()
    smooth = gaussian(law, sigma=2, channel_axis=-1)
    poisson = picture_of(clean, "poisson", variance=smooth)
    sharp = model.true_variance(*poisson)
    assert sharp.mean() == pytest.approx((25 / 255) ** 2)
    assert np.abs(sharp - law).mean() < 1.2 * np.abs(smooth - law).mean()
    impulses = np.random.default_rng(0).random(clean.shape[:2]) <= 0.1
    gaps = picture_of(clean, impulses=impulses)
    assert not model.usable_values(gaps.measurement)[impulses].any()
    cells = model.measure(*gaps).cells
    assert (cells.values == 0).all()
    assert (cells.bootstrap > 0).all()
    found = expected(gaps, gaps.restored)
    assert np.isfinite(found.deviation).all()
    assert found.low < found.psnr < found.high


def test_nothing_is_expected_without_a_reference_or_of_correlated_noise(grey: Picture) -> None:
    pixels = grey.measurement.pixels
    assert estimate_error(grey.measurement, None, pixels, refined=True) is None
    correlated = replace(grey.measurement, noise=NoiseModel.white(25.0, "correlated"))
    assert estimate_error(correlated, grey.reference, pixels, refined=True) is None


def test_images_of_another_shape_are_refused(grey: Picture) -> None:
    with pytest.raises(NasdipError, match=r"must have the shape of the measurement, \(48, 48, 1\)"):
        expected(grey, grey.measurement.pixels[:40])


def test_cosine_transforms_keep_powers_and_leave_out_a_margin() -> None:
    image = np.random.default_rng(0).standard_normal((19, 26, 3))
    found = coefficients(image)
    assert found.shape == (2 * 3, 3 * 64)
    assert np.sum(found**2) == pytest.approx(np.sum(image[:16, :24] ** 2))
    flat = coefficients(np.full((8, 8, 3), 2.0))
    assert flat[0, 0] == pytest.approx(2 * np.sqrt(192))
    assert np.abs(flat[0, 1:]).max() < 1e-12


def test_white_noise_has_a_power_of_one_in_every_cell_and_clipped_blocks_are_left_out() -> None:
    rng = np.random.default_rng(0)
    level = np.tile(np.linspace(0.1, 0.4, 96)[:, None, None] ** 2, (1, 96, 3))
    noise = np.sqrt(level) * rng.standard_normal(level.shape)
    usable = np.ones(level.shape, bool)
    usable[:8, :8, 1] = False
    grid = Grid(level, 0.1 * level, usable)
    assert grid.weight.sum() == pytest.approx(1)
    assert grid.values.sum() == (144 - 1) * 192
    assert set(zip(grid.kind, grid.band, strict=True)) == {(kind, band) for kind in (1, 2) for band in range(5)}
    assert np.all(np.abs(grid.power(noise, noise) - 1) < 5 * np.sqrt(2 / grid.values))
    noise[:8, :8] = 1e6
    assert np.all(np.abs(grid.usable_power(noise, noise) - 1) < 5 * np.sqrt(2 / grid.values))


def test_the_unbiased_estimate_counts_the_more_the_more_values_it_is_of() -> None:
    bands = np.arange(5.0)
    none = Cells(
        0 * bands, bands, 0 * bands + 0.1, 0 * bands + 0.2, 0.1 + 0 * bands, 0.3 + 0 * bands, 0 * bands, 0 * bands
    )
    found = [reference_error(none._replace(values=0 * bands + count), 0.0, 0.0) for count in (0, 1e3, 1e9)]
    errors, spreads = zip(*found, strict=True)
    assert errors[0] < errors[1] < errors[2] == pytest.approx(0.3, rel=1e-3)
    assert spreads[0] > spreads[1] > spreads[2]
    doubtful = reference_error(none._replace(values=0 * bands + 1e9), 0.5, 0.0)
    assert doubtful[0] < 0.29
    assert doubtful[1] > 10 * spreads[2]


@pytest.mark.usefixtures("measured_once")
def test_an_image_that_came_out_badly_is_not_expected_to_be_good(grey: Picture) -> None:
    blurred = gaussian(grey.restored, sigma=3, channel_axis=-1).astype(np.float32)
    for refined in (True, False):
        good, bad = (expected(grey, image, refined=refined) for image in (grey.restored, blurred))
        true = -10 * np.log10(np.mean((blurred - portrait()) ** 2))
        assert bad.psnr < good.psnr - 2
        assert bad.low < true < bad.high


def test_clipped_noise_in_a_dark_picture() -> None:
    clean = 0.12 * portrait(3)[:32, :40]
    noisy = add_noise(clean, sigma=25, seed=3, clip=True).astype(np.float32)
    measurement = Measurement(noisy, NoiseModel.white(25.0))
    reference = make_reference(measurement)
    seen = reference.image
    image = true_intensities(measurement, seen).image
    true, left = (-10 * np.log10(np.mean((each - clean) ** 2)) for each in (image, seen))
    assert true > left + 1  # the mean of clipped noise is too bright
    undone, as_seen = (expected(Picture(measurement, reference), seen, refined=refined) for refined in (True, False))
    assert undone.low < true < undone.high
    assert as_seen.low < left < as_seen.high


def test_pieces_stand_for_a_large_image(monkeypatch) -> None:
    clean = np.tile(portrait(3), (1, 2, 1))
    picture = picture_of(clean)
    image = picture.restored
    assert model.sample(clean.shape) is None
    whole = expected(picture, image)
    monkeypatch.setattr(model, "MOST_PIXELS", 48 * 48)
    monkeypatch.setattr(model, "_PIECE", 24)
    rows, columns = model.sample(clean.shape)
    assert len(rows) * columns.shape[1] < 0.6 * clean.shape[0] * clean.shape[1]
    found = expected(picture, image)
    assert found.psnr == pytest.approx(whole.psnr, abs=1)
    assert found.deviation.shape == clean.shape
    assert -10 * np.log10(np.mean(found.deviation.astype(float) ** 2)) == pytest.approx(found.psnr, abs=1e-3)
