import numpy as np
import pytest

from nasdip.imaging.extremes import extreme_values

RNG = np.random.default_rng(0)
HEIGHTS = RNG.uniform(100, 900, (48, 48))


def with_area(values, value, side=6):
    changed = values.copy()
    changed[:side, :side] = value
    return changed


@pytest.mark.parametrize("value", [-9999, -32768, 1e6, -3.4028234663852886e38, 1e300, np.nan, -np.inf])
def test_marks_of_missing_data_are_extreme(value):
    found = extreme_values(with_area(HEIGHTS, value))
    assert found.sum() == 36
    assert found[:6, :6].all()


def test_missing_data_may_be_most_of_a_picture():
    assert extreme_values(with_area(HEIGHTS, -9999, side=44)).sum() == 44**2


def test_several_marks_at_both_ends():
    values = with_area(HEIGHTS, -9999)
    values[20:24, 20:24], values[30:33, 30:33] = 1e20, -1e9
    assert extreme_values(values).sum() == 36 + 16 + 9


def test_integers():
    assert extreme_values(with_area(HEIGHTS.astype(np.int16), -32768)).sum() == 36
    assert not extreme_values(with_area(RNG.integers(100, 120, (48, 48), dtype=np.uint8), 255)).any()


def test_a_lamp_of_values_that_vary():
    picture = RNG.uniform(0, 1, (48, 48)).astype(np.float32)
    picture[3:6, 3:6] = 60 + RNG.normal(0, 0.1, (3, 3))
    assert extreme_values(picture).sum() == 9


@pytest.mark.parametrize("fwhm", [1.5, 2.0, 4.0])
def test_stars_are_none(fwhm):
    rows, columns = np.mgrid[:64, :64]
    sky = RNG.normal(100, 5, (64, 64))
    for row, column, peak in ((10.2, 20.4, 8000.0), (40.0, 33.3, 900.0), (50.6, 12.1, 150.0), (25.5, 55.0, 3000.0)):
        sky += peak * np.exp(-4 * np.log(2) * ((rows - row) ** 2 + (columns - column) ** 2) / fwhm**2)
    assert not extreme_values(sky).any()
    assert not extreme_values(np.minimum(sky, 4095)).any()


def test_ordinary_pictures_have_none():
    drawing = np.zeros((64, 64))
    drawing[20:30, 20:40] = 1.0
    for picture in (drawing, np.full((32, 32), 7.0), RNG.poisson(0.05, (64, 64)).astype(float), np.zeros((16, 16))):
        assert not extreme_values(picture).any()
    noisy = drawing + RNG.normal(0, 0.1, drawing.shape)
    assert not extreme_values(noisy).any()
    assert not extreme_values(np.clip(noisy, 0, 1)).any()
