import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasdip.io import png_filter


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 6, 8]), st.integers(0, 2**32), st.booleans())
def test_decoding_inverts_encoding(height: int, width: int, step: int, seed: int, smooth: bool) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, step)).astype(np.uint8)
    if smooth:
        pixels = np.cumsum(pixels % 5, axis=1).astype(np.uint8)
    np.testing.assert_array_equal(png_filter.decode(png_filter.encode(pixels), width), pixels)


def test_rows_of_every_filter_are_chosen_and_decoded() -> None:
    rng = np.random.default_rng(0)
    flat, ramp = np.zeros(40, np.uint8), np.arange(0, 200, 5, dtype=np.uint8)
    noise = rng.integers(0, 256, 40).astype(np.uint8)
    half = np.zeros(40, int)
    for i in range(40):
        half[i] = (int(noise[i]) + (half[i - 1] if i else 0)) // 2 + 1
    rows = [flat, ramp, noise, noise, half, noise + ramp, noise + ramp + 1]
    pixels = np.array(rows).astype(np.uint8)[:, :, None]
    filtered = png_filter.encode(pixels)
    assert {1, 2, 3} <= set(filtered[:, 0])
    np.testing.assert_array_equal(png_filter.decode(filtered, 40), pixels)


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(ValueError, match="PNG filter 5"):
        png_filter.decode(np.array([[5, 0, 0]], np.uint8), 2)
