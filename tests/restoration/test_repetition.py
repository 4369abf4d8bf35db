from dataclasses import replace

import numpy as np
import pytest
from small_fits import SMALL, measured, picture, restore

from nasdip.errors import NasdipError
from nasdip.fit.fit import fit
from nasdip.fit.rollback import FitDiverged
from nasdip.imaging.intensity import IntensityScaling, working_range
from nasdip.imaging.tiles import Tiling, cover
from nasdip.measurement import measurement as measurement_room
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.operators.operator import Operator
from nasdip.network.build import build_network
from nasdip.options.fit import FitConfig
from nasdip.restoration import repetition as room
from nasdip.restoration.fit_task import make_fit_task
from nasdip.restoration.repetition import fit_repetition, tile_seed


def task(pixels=None, *, steps=6, clean=None, **options):
    measurement = replace(measured(picture(40)[1] if pixels is None else pixels), **options)
    return make_fit_task(measurement, SMALL, FitConfig(steps=steps), width=8, clean=clean)


def four():
    return cover((40, 40), 24, overlap=8)


def test_one_tile_is_the_whole_image_bit_for_bit():
    clean, noisy = picture(40)
    whole = fit_repetition(task(noisy, clean=clean), None, 1)
    tiled = fit_repetition(task(noisy, clean=clean), Tiling((40, 40), (1, 1), (40, 40)), 1)
    for image in ("averaged", "last", "oracle"):
        assert np.array_equal(getattr(whole, image), getattr(tiled, image)), image
    assert np.array_equal(whole.curves.loss, tiled.curves.loss)
    np.testing.assert_allclose(whole.curves.oracle_psnr_averaged, tiled.curves.oracle_psnr_averaged, rtol=1e-12)
    assert np.array_equal(whole.bands.correspondence, tiled.bands.correspondence)


def test_tiles_and_repetitions_have_seeds_of_their_own():
    tiles = [fit_repetition(task(), four(), number).tiles for number in (1, 2)]
    seeds = [tile.seed for repetition in tiles for tile in repetition]
    assert len(set(seeds)) == 8
    assert seeds[1] == tile_seed(seeds[0], 1)


def test_progress_counts_the_steps_of_all_tiles():
    seen = []
    fit_repetition(task(steps=6), four(), 1, notify=lambda where: seen.append((where.step, where.steps)))
    assert seen == [(6, 24), (12, 24), (18, 24), (24, 24)]


def test_a_dim_tile_is_fitted_in_the_range_of_the_whole_image():
    """The same network makes of the same z the same image at once, whether the tile is bright or dim."""
    bright = np.random.default_rng(0).random((24, 24, 3), dtype=np.float32)
    dim = 0.6 + bright / 20
    whole = working_range(bright)
    made = {}
    for name, pixels in (("bright", bright), ("dim", dim)):
        measurement = Measurement(pixels, scaling=whole)
        made[name] = fit(build_network(SMALL, width=8), SMALL, measurement, FitConfig(steps=1)).last
    assert working_range(dim) != whole
    np.testing.assert_allclose(made["dim"], made["bright"], atol=1e-6)


def test_the_range_of_the_whole_image_is_found_once_and_a_given_one_is_kept(monkeypatch):
    seen, real, given = [], room.fit, IntensityScaling(0.1, 2.0)
    monkeypatch.setattr(room, "fit", lambda *a, **k: seen.append(a[2].scaling) or real(*a, **k))
    monkeypatch.setattr(measurement_room, "working_range", lambda pixels: seen.append("found") or working_range(pixels))
    pixels = picture(40)[1] / 20
    fit_repetition(task(pixels, steps=1), four(), 1)
    assert seen == ["found", *[working_range(pixels)] * 4]
    seen.clear()
    fit_repetition(task(pixels, steps=1, scaling=given), four(), 1)
    assert seen == [given] * 4


def test_a_constant_tile_comes_out_constant():
    pixels = np.zeros((24, 40, 1), np.float32)
    pixels[:, 20:] = np.random.default_rng(0).random((24, 20, 1), dtype=np.float32)
    for level in (0.0, 0.5):
        pixels[:, :20] = level
        result = fit_repetition(task(pixels, steps=120), cover((24, 40), 24, overlap=8), 1)
        assert np.abs(result.averaged[:, :14] - level).max() < 0.06
        assert np.isfinite(result.averaged).all()


def test_a_tile_that_fails_is_named(monkeypatch):
    def fail(*_, **__):
        raise FitDiverged("the fit failed")

    monkeypatch.setattr(room, "fit", fail)
    with pytest.raises(FitDiverged, match=r"tile 1 of 4 \(rows 0-23, columns 0-23\): the fit failed"):
        fit_repetition(task(), four(), 1)


class Blur(Operator):
    """Stands for an operator whose values depend on more than one pixel."""

    name, task = "blur", "deblurring"

    def forward(self, image):
        return image

    adjoint = forward

    @classmethod
    def load(cls, settings, arrays):
        return cls()


def test_an_operator_of_the_whole_image_is_not_applied_to_tiles():
    made = task(operator=Blur())
    with pytest.raises(NasdipError, match="the operator blur cannot be cut into parts"):
        fit_repetition(made, four(), 1)
    with pytest.raises(NasdipError, match="tile off"):
        restore(made.measurement, tile=32)


def test_a_clean_image_of_another_size_is_refused():
    with pytest.raises(NasdipError, match="give one size"):
        task(clean=np.zeros((41, 40, 3), np.float32))
