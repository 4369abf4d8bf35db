from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasdip.errors import NasdipError
from nasdip.imaging.tiles import Tiling, cover, ramps

SIDES = st.integers(16, 700)


@st.composite
def tilings(draw):
    overlap = draw(st.integers(0, 40))
    largest = overlap + draw(st.integers(1, 300))
    multiple = draw(st.sampled_from([1, 2, 8, 32]))
    shape = (draw(SIDES), draw(SIDES))
    # No more than some hundred tiles: a pixel more for every pixel that is shared is covered by examples of less.
    largest = max(largest, overlap + max(shape) // 20)
    return cover(shape, largest, overlap=overlap, multiple=multiple), largest, overlap


@settings(deadline=None)
@given(tilings())
def test_windows_add_up_to_one_on_every_pixel(drawn):
    tiling, _, _ = drawn
    total = np.zeros(tiling.shape)
    for tile, window in zip(tiling.tiles, tiling.windows(), strict=True):
        assert window.shape == (tile.height, tile.width) == total[tile.place].shape
        assert window.min() >= 0
        total[tile.place] += window
    np.testing.assert_allclose(total, 1, atol=1e-12)
    assert sum(tiling.shares()) == pytest.approx(1)


@settings(deadline=None)
@given(tilings())
def test_tiles_are_of_one_size_no_larger_than_asked_and_share_enough(drawn):
    tiling, largest, overlap = drawn
    for axis in (0, 1):
        begins = sorted({tile[axis] for tile in tiling.tiles})
        side = tiling.side[axis]
        assert side <= largest
        assert begins[0] == 0
        assert begins[-1] + side == tiling.shape[axis]
        assert all(a + side - b >= overlap for a, b in pairwise(begins))
        assert len(begins) == tiling.count[axis]


@settings(deadline=None)
@given(SIDES, st.integers(33, 300), st.integers(0, 32))
def test_no_cover_has_fewer_tiles(length, largest, overlap):
    count = cover((length, 16), largest, overlap=overlap).count[0]
    assert count == 1 or (count - 1) * largest - (count - 2) * overlap < length


@pytest.mark.parametrize(
    ("shape", "largest", "count", "side"),
    [
        ((2048, 2048), 1056, (2, 2), (1056, 1056)),
        ((100, 3000), 1056, (1, 3), (100, 1024)),
        ((1056, 1056), 1056, (1, 1), (1056, 1056)),
        ((1057, 40), 1056, (2, 1), (576, 40)),
        ((97, 97), 100, (1, 1), (97, 97)),
    ],
)
def test_covers_of_some_images(shape, largest, count, side):
    assert cover(shape, largest, overlap=32, multiple=32) == Tiling(shape, count, side)


def test_a_window_falls_only_where_another_tile_is():
    first, second = ramps(20, 2, 12)
    assert np.array_equal(first[:8], np.ones(8))
    assert np.array_equal(second[-8:], np.ones(8))
    assert (np.diff(first[7:]) < 0).all()
    np.testing.assert_allclose(first[8:], second[3::-1], atol=1e-15)  # both fall alike


def test_one_tile_weighs_exactly_one():
    (window,) = cover((20, 30), 64, overlap=8).windows()
    assert np.array_equal(window, np.ones((20, 30)))


def test_a_tiling_comes_back_from_its_record():
    tiling = cover((300, 200), 100, overlap=16)
    assert Tiling.from_json(tiling.to_json()) == tiling


def test_what_cannot_be_covered_is_refused():
    with pytest.raises(NasdipError, match="cannot share 32 px"):
        cover((100, 100), 32, overlap=32)
    with pytest.raises(NasdipError, match="do not cover"):
        Tiling((100, 100), (2, 2), (40, 60))
    with pytest.raises(NasdipError, match="do not cover"):
        Tiling((100, 100), (1, 1), (120, 100))
