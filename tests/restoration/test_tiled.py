import numpy as np
import pytest

from nasdip.imaging.metrics import psnr
from nasdip.imaging.tiles import Tiling, cover
from nasdip.records.results import BandCurve, Curves, FitEvent, FitResult
from nasdip.restoration.tiled import TiledResult

TILING = Tiling((20, 48), (1, 2), (20, 32))  # shares 16 columns: each stands for one half
CLEAN = np.full((20, 48, 1), 0.5, np.float32)


def fitted(level, losses, averaged_psnr, *, image_step=None, events=(), heldout=None, estimated=None):
    """A fit to a tile whose averaged output is `level` everywhere."""
    steps, image = len(losses), np.full((20, 32, 1), level, np.float32)
    return FitResult(
        averaged=image, last=image + np.float32(0.1), oracle=image - np.float32(0.1), oracle_step=1,
        curves=Curves(np.arange(1, steps + 1), np.array(losses), None, *(np.array(averaged_psnr),) * 2),
        bands=BandCurve(np.array([1, 2]), np.array([[level] * 5, [2 * level] * 5])),
        events=events, image_step=image_step or steps, seed=7, seconds=2.0, heldout_psnr=heldout,
        estimated_psnr=estimated,
    )  # fmt: skip


def together(*fits, clean=CLEAN):
    blend = TiledResult(TILING, clean)
    for fit in fits:
        blend.add(fit)
    return blend.result(11)


def test_errors_are_averaged_not_decibels():
    curves = together(fitted(0.4, [0.1, 0.01], [10, 20]), fitted(0.6, [0.3, 0.03], [20, 40])).curves
    np.testing.assert_allclose(curves.loss, [0.2, 0.02])
    np.testing.assert_allclose(curves.oracle_psnr_averaged, -10 * np.log10([(0.1 + 0.01) / 2, (0.01 + 0.0001) / 2]))
    assert curves.heldout is None


def test_a_tile_counts_by_its_share_of_the_image():
    tiling = cover((20, 70), 32, overlap=8)  # three tiles: those in the middle overlap on both sides
    blend = TiledResult(tiling)
    for loss in (1.0, 0.0, 0.0):
        image = np.zeros((20, tiling.side[1], 1), np.float32)
        curves = Curves(np.array([1]), np.array([loss]), None, None, None)
        none = BandCurve(np.zeros(0, int), np.zeros((0, 5)))
        blend.add(FitResult(image, image, None, None, curves, none, (), 1, 0, 1.0))
    assert blend.result(0).curves.loss[0] == pytest.approx(tiling.shares()[0])
    assert tiling.shares()[0] == pytest.approx((tiling.side[1] - tiling.overlap / 2) / 70, abs=0.01)


def test_a_tile_that_ended_early_stays_at_the_step_of_its_image():
    ended = fitted(0.4, [0.4, 0.2, 9.0], [1, 2, 0], image_step=2, events=(FitEvent(3, "the loss rose"),))
    result = together(ended, fitted(0.6, [0.4, 0.2, 0.1, 0.0], [1, 2, 3, 4], events=(FitEvent(2, "fell back"),)))
    np.testing.assert_allclose(result.curves.loss, [0.4, 0.2, 0.15, 0.1])
    assert (result.image_step, len(result.curves.step)) == (4, 4)
    assert result.events == (
        FitEvent(2, "tile 2 of 2 (rows 0-19, columns 16-47): fell back"),
        FitEvent(3, "tile 1 of 2 (rows 0-19, columns 0-31): the loss rose"),
    )
    assert [(tile.steps, tile.image_step, tile.loss) for tile in result.tiles] == [(3, 2, 0.2), (4, 4, 0.0)]


def test_a_step_that_some_tile_did_not_complete_stays_not_a_number():
    loss = together(fitted(0.4, [0.4, np.nan, 0.2], [1, 2, 3]), fitted(0.6, [0.4, 0.2, 0.1], [1, 2, 3])).curves.loss
    assert np.array_equal(np.isnan(loss), [False, True, False])


def test_images_are_blended_and_their_own_psnr_is_told():
    result = together(fitted(0.4, [0.1], [20]), fitted(0.6, [0.1], [20]))
    assert np.all(result.averaged[:, :16] == np.float32(0.4))
    assert np.all(result.averaged[:, 32:] == np.float32(0.6))
    np.testing.assert_allclose(result.averaged[:, 23:25].mean(), 0.5, atol=1e-6)
    for image, told in (("averaged", "psnr_averaged"), ("last", "psnr_last"), ("oracle", "oracle_psnr")):
        assert getattr(result, told) == pytest.approx(psnr(CLEAN, getattr(result, image), data_range=1.0))
    assert result.oracle_step is None
    assert [tile.oracle_step for tile in result.tiles] == [1, 1]
    assert (result.seed, result.seconds) == (11, 4.0)


def test_bands_are_averaged_from_the_first_step_that_all_tiles_have():
    late = fitted(0.2, [0.1, 0.1, 0.1], [1, 2, 3])
    late = FitResult(**{**vars(late), "bands": BandCurve(np.array([2, 3]), np.full((2, 5), 0.4))})
    bands = together(fitted(0.3, [0.1, 0.1, 0.1], [1, 2, 3]), late).bands
    assert bands.step.tolist() == [2, 3]
    np.testing.assert_allclose(bands.correspondence, 0.5)


def test_heldout_errors_are_averaged_and_hidden_where_one_is():
    first, second = (fitted(0.4, [0.1], [20], heldout=h, estimated=e) for h, e in ((20, 30), (10, 20)))
    result = together(first, second, clean=None)
    assert result.heldout_psnr == pytest.approx(-10 * np.log10((0.01 + 0.1) / 2))
    assert result.estimated_psnr == pytest.approx(-10 * np.log10((0.001 + 0.01) / 2))
    assert result.psnr_averaged is None
    assert together(first, fitted(0.4, [0.1], [20], heldout=10)).estimated_psnr is None
