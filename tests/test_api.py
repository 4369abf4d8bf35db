import numpy as np
import pytest
from quick_reference import use_quick_reference
from skimage.data import astronaut
from skimage.util import img_as_float32

import nasdip

QUICK = {"steps": 3, "width": 8}
CLEAN = img_as_float32(astronaut()[96:128, 208:240])


@pytest.fixture(autouse=True)
def _quick_reference(monkeypatch):
    use_quick_reference(monkeypatch.setattr)


def picture():
    return np.random.default_rng(0).random((20, 24, 3), dtype=np.float32)


def test_arrays_in_arrays_out():
    image = picture()
    last = nasdip.restore(image, channel_axis=-1, **QUICK)
    assert last.shape == image.shape
    assert last.dtype == np.float32
    first = nasdip.restore(np.moveaxis(image, -1, 0), channel_axis=0, **QUICK)
    np.testing.assert_array_equal(np.moveaxis(first, 0, -1), last)
    assert nasdip.restore(image[..., 0], **QUICK).shape == (20, 24)


def test_tiles_are_asked_for_by_their_side():
    image = np.random.default_rng(0).random((40, 36, 3), dtype=np.float32)
    whole = nasdip.restore(image, channel_axis=-1, **QUICK)
    tiled = nasdip.restore(image, channel_axis=-1, tile=32, **QUICK)
    assert tiled.shape == image.shape
    assert not np.array_equal(tiled, whole)
    assert np.array_equal(nasdip.restore(image, channel_axis=-1, tile=np.int64(40), **QUICK), whole)


def test_integers_are_scaled_by_their_range():
    image = astronaut()[:20, :20]
    np.testing.assert_allclose(
        nasdip.restore(image, channel_axis=-1, **QUICK),
        nasdip.restore(image / np.float32(255), channel_axis=-1, **QUICK),
        atol=1e-3,
    )


def test_search_returns_the_best_and_keeps_a_run_on_demand(tmp_path):
    small = {
        "space": "tiny",
        "trials": 2,
        "crop": 16,
        "width": 16,
        "steps": 2,
        "final_steps": 2,
        "final_width": 16,
        "warm_start": 2,
        "candidates": (),
    }
    found = nasdip.search(picture(), channel_axis=-1, run=tmp_path / "run", **small)
    assert found.reward == max(trial.reward for trial in found.trials)
    assert found.image.shape == (20, 24, 3)
    assert (tmp_path / "run" / "trials.csv").exists()
    more = nasdip.search(picture(), channel_axis=-1, run=tmp_path / "run", resume=True, trials=3)
    assert more.trials[:2] == found.trials
    assert len(more.trials) == 3


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"channel_axis": None}, "channel_axis"),
        ({"channel_axis": 5}, "channel_axis 5"),
        ({"width": -4}, "width -4"),
        ({"seed": -1}, "seed -1"),
        ({"repeats": 0}, "repeats 0"),
        ({"steps": 0}, "steps 0"),
        ({"steps": 2.5}, "steps 2.5"),
        ({"architecture": "resnet"}, "resnet"),
        ({"device": "toaster"}, "toaster"),
    ],
)
def test_bad_arguments_are_one_clear_line(change, word):
    with pytest.raises(nasdip.NasdipError, match=word) as caught:
        nasdip.restore(picture(), **{"channel_axis": -1, **QUICK, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.complex64])
def test_types_without_a_known_range_are_refused(dtype):
    with pytest.raises(nasdip.NasdipError, match="range"):
        nasdip.restore((255 * picture()).astype(dtype), channel_axis=-1, **QUICK)


def test_infinity_is_refused():
    spoilt = picture()
    spoilt[0, 0] = np.inf
    with pytest.raises(nasdip.NasdipError, match="infinite"):
        nasdip.restore(spoilt, channel_axis=-1, **QUICK)
    with pytest.raises(nasdip.NasdipError, match="NaN"):
        nasdip.search(picture(), channel_axis=-1, clean=spoilt, space="tiny", trials=1)


def test_values_far_from_0_keep_their_detail():
    detail = np.sin(np.arange(32) / 4)[:, None] * np.ones((32, 32)) + np.random.default_rng(0).normal(0, 0.1, (32, 32))
    restored = nasdip.restore(1e7 + detail, steps=4, width=8)
    assert restored.dtype == np.float64
    assert np.abs(restored - 1e7 - detail).mean() < 0.15
    assert np.unique(restored).size > 1000


@pytest.mark.parametrize("mark", [np.nan, -9999.0])
def test_missing_data_come_back(mark):
    image = np.random.default_rng(0).normal(0.5, 0.1, (24, 24, 2)).astype(np.float32)
    image[3:6, 4:7] = mark
    restored = nasdip.restore(image, channel_axis=-1, steps=3, width=8)
    assert np.array_equal(restored[3:6, 4:7], image[3:6, 4:7], equal_nan=True)
    assert np.isfinite(np.delete(restored, np.s_[3:6], axis=0)).all()


def test_masked_pixels_tell_nothing_and_stay_masked():
    values = np.random.default_rng(0).normal(0.5, 0.02, (24, 24))
    mask = np.zeros((24, 24), bool)
    mask[5:9, 5:9] = True
    image = np.ma.MaskedArray(np.where(mask, 0.9, values), mask)
    restored = nasdip.restore(image, steps=3, width=8)
    assert np.array_equal(restored.mask, mask)
    assert (restored.data[mask] == np.float32(0.9)).all()


def test_what_cannot_gain_comes_back_as_it_is():
    smooth = 0.5 + 0.3 * np.sin(np.arange(40) / 6)[:, None] * np.cos(np.arange(40) / 7)
    clear = smooth + np.random.default_rng(0).normal(0, 0.2 / 255, smooth.shape)
    assert np.array_equal(nasdip.restore(clear), clear.astype(np.float32))
    assert (nasdip.restore(np.full((20, 20), 0.25)) == 0.25).all()


def test_full_output_tells_what_the_command_line_tells():
    noisy = nasdip.add_noise(CLEAN, sigma=25, seed=1)
    told = nasdip.restore(noisy, channel_axis=-1, steps=8, width=8, full_output=True)
    assert np.array_equal(told.image, nasdip.restore(noisy, channel_axis=-1, steps=8, width=8))
    assert told.noise.sigma == pytest.approx(25, rel=0.3)
    assert "noise" in told.words
    psnr, low, high = told.expected
    assert low < psnr < high
    assert told.deviation.shape == noisy.shape
    assert told.kept in ("result", "estimate", "input")
    assert len(told.restoration.repetitions) == 1
    untouched = nasdip.restore(np.full((32, 32), 0.5), full_output=True)
    assert untouched.restoration is None
    assert "of one colour" in untouched.cautions[0]
    assert np.array_equal(untouched.image, np.full((32, 32), 0.5, np.float32))


def test_a_level_in_the_wrong_unit_is_told():
    noisy = nasdip.add_noise(CLEAN, sigma=25, seed=1)
    with pytest.warns(UserWarning, match="8-bit units: the level was given as 0.098, .* would be 25"):
        nasdip.inspect(noisy, channel_axis=-1, sigma=25 / 255)
    with pytest.warns(UserWarning, match="8-bit units"):
        nasdip.restore(noisy, channel_axis=-1, sigma=25 / 255, **QUICK)


def test_inspect_tells_the_noise_and_the_plan_without_a_fit():
    noisy = nasdip.add_noise(CLEAN, sigma=25, seed=1)
    found = nasdip.inspect(noisy, channel_axis=-1, steps=77)
    assert found.noise.sigma == pytest.approx(25, rel=0.3)
    assert found.levels == pytest.approx([25] * 3, rel=0.4)
    assert (found.fit.steps, found.untouched, found.refused) == (77, None, None)
    holes = np.zeros(noisy.shape[:2], bool)
    holes[4:8] = True
    assert nasdip.inspect(noisy, channel_axis=-1, mask=holes).missing == holes.sum()
