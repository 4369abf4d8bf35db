from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from skimage import data
from skimage.filters import gaussian
from skimage.util import img_as_float32

from nasdip.classical import error_estimate as model
from nasdip.classical.error_estimate import Cells, Expectation, Grid, coefficients, expectation, reference_error
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import make_reference
from nasdip.errors import NasdipError
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Observation
from nasdip.measurement.unclipping import true_intensities


def scene(channels: int = 1) -> np.ndarray:
    picture = img_as_float32(data.astronaut()[90:138, 190:238])
    return np.repeat(picture, 2, axis=2)[..., :channels] if channels > 3 else picture[..., :channels]


def observed(clean: np.ndarray, kind: str = "gaussian", seed: int = 3, **known: Any) -> Observation:
    noisy = add_noise(clean, kind, sigma=25, seed=seed).astype(np.float32)
    observation = Observation(noisy, 25.0, kind=kind, **known)
    return replace(observation, reference=make_reference(observation))


def expected(observation: Observation, image: np.ndarray, **options: Any) -> Expectation:
    found = expectation(observation, image, **{"refined": True, **options})
    assert found is not None
    return found


@pytest.fixture(scope="module")
def grey() -> Observation:
    return observed(scene())


def restored(observation: Observation) -> np.ndarray:
    assert observation.reference is not None
    return np.clip(observation.reference.image, 0, 1)


def test_interval_holds_the_true_psnr_and_the_map_adds_up_to_it() -> None:
    clean = scene(3)
    observation = observed(clean)
    image = restored(observation)
    found = expected(observation, image)
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


def test_a_worse_fit_is_expected_to_be_worse(grey: Observation) -> None:
    good = restored(grey)
    rough = good + np.random.default_rng(5).normal(0, 0.06, good.shape).astype(np.float32)
    better, worse = (expectation(grey, image, refined=False) for image in (good, rough))
    assert better is not None
    assert worse is not None
    assert worse.psnr < better.psnr - 2


def test_more_doubt_about_the_level_widens_the_interval(grey: Observation) -> None:
    image = restored(grey)
    sure, unsure = (expected(replace(grey, sigma_error=error), image) for error in (0.0, 2.0))
    assert unsure.high - unsure.low > 1.05 * (sure.high - sure.low)


def test_the_same_for_any_number_of_workers_and_of_the_fits_themselves_when_they_are_the_image(
    grey: Observation,
) -> None:
    image = restored(grey)
    one, two = (expected(grey, image, workers=workers) for workers in (1, 2))
    assert one[:3] == two[:3]
    assert np.array_equal(one.deviation, two.deviation)
    fit = expectation(grey, image, refined=False)
    assert fit is not None
    assert fit.psnr != one.psnr


def test_dim_pictures_are_as_bright_ones_in_their_own_units(grey: Observation) -> None:
    # 16-bit pictures that use a hundredth of the range: noise far below a grey level of 8 bits is still noise.
    dim = 0.1
    assert grey.reference is not None
    reference = BayesEstimate(grey.reference.image * np.float32(dim), grey.reference.variance * np.float32(dim**2))
    scaled = replace(grey, pixels=grey.pixels * np.float32(dim), sigma=25 * dim, reference=reference)
    bright = expected(grey, restored(grey))
    dark = expected(scaled, restored(grey) * np.float32(dim))
    assert dark.psnr == pytest.approx(bright.psnr + 20, abs=0.05)
    assert np.allclose(dark.deviation, dim * bright.deviation, rtol=0.1)


@pytest.mark.parametrize("channels", [2, 5])
def test_any_number_of_channels(channels: int) -> None:
    clean = scene(channels)
    observation = observed(clean)
    image = restored(observation)
    found = expected(observation, image)
    assert found.deviation.shape == clean.shape
    assert abs(found.psnr + 10 * np.log10(np.mean((image - clean) ** 2))) < 3


def test_noise_that_depends_on_the_intensity_and_impulses() -> None:
    clean = scene()
    law = (25 / 255) ** 2 * clean / clean.mean()
    smooth = gaussian(law, sigma=2, channel_axis=-1)
    poisson = observed(clean, "poisson", variance=smooth)
    sharp = model.true_variance(poisson)
    assert sharp.mean() == pytest.approx((25 / 255) ** 2)
    assert np.abs(sharp - law).mean() < 1.2 * np.abs(smooth - law).mean()
    known = np.random.default_rng(0).random(clean.shape[:2]) > 0.1
    gaps = observed(clean, known=known)
    assert not model.usable_values(gaps)[~known].any()
    cells = model.measure(gaps).cells
    assert (cells.values == 0).all()
    assert (cells.bootstrap > 0).all()
    found = expected(gaps, restored(gaps))
    assert np.isfinite(found.deviation).all()
    assert found.low < found.psnr < found.high


def test_nothing_is_expected_without_a_reference_or_of_correlated_noise(grey: Observation) -> None:
    assert expectation(replace(grey, reference=None), grey.pixels, refined=True) is None
    assert expectation(replace(grey, kind="correlated"), grey.pixels, refined=True) is None


def test_images_of_another_shape_are_refused(grey: Observation) -> None:
    with pytest.raises(NasdipError, match=r"must have the shape of the observation, \(48, 48, 1\)"):
        expectation(grey, grey.pixels[:40], refined=True)


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


def test_an_image_that_came_out_badly_is_not_expected_to_be_good(grey: Observation) -> None:
    blurred = gaussian(restored(grey), sigma=3, channel_axis=-1).astype(np.float32)
    for refined in (True, False):
        good, bad = (expectation(grey, image, refined=refined) for image in (restored(grey), blurred))
        assert good is not None
        assert bad is not None
        true = -10 * np.log10(np.mean((blurred - scene()) ** 2))
        assert bad.psnr < good.psnr - 2
        assert bad.low < true < bad.high


def test_clipped_noise_in_a_dark_picture() -> None:
    clean = 0.12 * scene(3)
    noisy = add_noise(clean, sigma=25, seed=3, clip=True).astype(np.float32)
    observation = Observation(noisy, 25.0)
    observation = replace(observation, reference=make_reference(observation))
    assert observation.reference is not None
    seen = observation.reference.image
    image = true_intensities(observation, seen).image
    true, left = (-10 * np.log10(np.mean((each - clean) ** 2)) for each in (image, seen))
    assert true > left + 1  # the mean of clipped noise is too bright
    undone, as_seen = (expected(observation, seen, refined=refined) for refined in (True, False))
    assert undone.low < true < undone.high
    assert as_seen.low < left < as_seen.high


def test_pieces_stand_for_a_large_image(monkeypatch) -> None:
    clean = np.tile(scene(3), (2, 3, 1))
    observation = observed(clean)
    image = restored(observation)
    assert model.sample(clean.shape) is None
    whole = expected(observation, image)
    monkeypatch.setattr(model, "MOST_PIXELS", 48 * 72)
    monkeypatch.setattr(model, "_PIECE", 24)
    rows, columns = model.sample(clean.shape)
    assert len(rows) * columns.shape[1] < 0.6 * clean.shape[0] * clean.shape[1]
    found = expected(observation, image)
    assert found.psnr == pytest.approx(whole.psnr, abs=1)
    assert found.deviation.shape == clean.shape
    assert -10 * np.log10(np.mean(found.deviation.astype(float) ** 2)) == pytest.approx(found.psnr, abs=1e-3)
