import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasdip.errors import NasdipError
from nasdip.imaging.padding import Padding, crop, pad_reflect, padding_for

SIDES = st.integers(16, 90)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, st.sampled_from([1, 2, 8, 32]), st.integers(0, 130), st.sampled_from([(), (1,), (3,)]))
def test_any_size(height: int, width: int, multiple: int, minimum: int, channels: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random((height, width, *channels))
    padding = padding_for((height, width), multiple, minimum)
    padded = pad_reflect(image, padding)
    for before, after in zip((height, width), padded.shape, strict=False):
        assert after % multiple == 0
        assert max(before, minimum) <= after < max(before, minimum) + multiple
    assert padded.shape[2:] == channels
    assert 0 <= padding.bottom - padding.top <= 1
    assert 0 <= padding.right - padding.left <= 1
    np.testing.assert_array_equal(crop(padded, padding), image)


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, *[st.integers(0, 200)] * 4)
def test_any_padding_reflects(height: int, width: int, top: int, bottom: int, left: int, right: int) -> None:
    image = np.random.default_rng(0).random((height, width))
    padding = Padding(top, bottom, left, right)
    padded = pad_reflect(image, padding)
    rows, columns = np.arange(-top, height + bottom), np.arange(-left, width + right)
    mirrored = [(side - 1) - abs(at % (2 * side - 2) - (side - 1)) for at, side in ((rows, height), (columns, width))]
    np.testing.assert_array_equal(padded, image[np.ix_(*mirrored)])
    np.testing.assert_array_equal(crop(padded, padding), image)


@pytest.mark.parametrize(("shape", "multiple"), [((0, 5), 4), ((5, 5), 0)])
def test_impossible_sizes(shape: tuple[int, int], multiple: int) -> None:
    with pytest.raises(NasdipError):
        padding_for(shape, multiple, 16)
