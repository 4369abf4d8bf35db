"""Pixels that hold no intensity: found, no part of the range, and written back as they were."""

import numpy as np
import pytest
import tifffile

from nasdip.errors import NasdipError
from nasdip.io.image_file import read_image, write_image

RNG = np.random.default_rng(0)
HEIGHTS = (400 + 50 * np.sin(np.arange(40) / 5)[:, None] + RNG.normal(0, 3, (40, 36))).astype(np.float32)
AREA = (slice(4, 12), slice(5, 11))


def written(path, values, **options):
    tifffile.imwrite(path, values, **options)
    return path


def with_mark(value, values=HEIGHTS):
    marked = values.copy()
    marked[AREA] = value
    return marked


@pytest.mark.parametrize("value", [np.nan, -9999.0, -3.4028235e38])
def test_missing_data_do_not_set_the_range_and_come_back(tmp_path, value):
    path = written(tmp_path / "dem.tif", with_mark(value))
    file = read_image(path)
    assert file.invalid.sum() == 48
    assert file.invalid[AREA].all()
    assert file.pixels.min() == 0
    assert file.pixels.max() == 1
    assert np.isfinite(file.pixels).all()
    plain = read_image(written(tmp_path / "plain.tif", HEIGHTS))
    assert file.scale == pytest.approx(plain.scale, rel=0.1)
    write_image(tmp_path / "out.tif", 0.5 * file.pixels, like=file)
    out = tifffile.imread(tmp_path / "out.tif")
    assert np.array_equal(out[AREA], with_mark(value)[AREA], equal_nan=True)
    others = ~file.invalid
    assert np.allclose(out[others], file.offset + file.scale * 0.5 * file.pixels[others], rtol=1e-6)


def test_the_value_that_gdals_tag_names(tmp_path):
    tag = [(42113, 2, 0, "0", True)]
    path = written(tmp_path / "dem.tif", with_mark(0, HEIGHTS.astype(np.uint16)), extratags=tag)
    file = read_image(path)
    assert file.invalid.sum() == 48
    write_image(tmp_path / "out.tif", file.pixels, like=file)
    with tifffile.TiffFile(tmp_path / "out.tif") as out:
        assert out.pages.first.tags.valueof(42113) == "0"
        assert np.array_equal(out.asarray(), with_mark(0, HEIGHTS.astype(np.uint16)))


def test_values_that_a_person_names(tmp_path):
    path = written(tmp_path / "dem.tif", with_mark(425))
    assert read_image(path).invalid is None
    assert read_image(path, nodata=[425]).invalid.sum() == 48


def test_nothing_but_missing_data_is_refused(tmp_path):
    path = written(tmp_path / "dem.tif", np.full((20, 20), np.nan, np.float32))
    with pytest.raises(NasdipError, match="holds nothing but missing data"):
        read_image(path)


def test_infinity_elsewhere_is_refused(tmp_path):
    values = HEIGHTS.copy()
    values[3, 3] = np.inf
    with pytest.raises(NasdipError, match="infinite in 1 pixel"):
        read_image(written(tmp_path / "dem.tif", values))


def test_a_lamp_in_one_channel_is_kept(tmp_path):
    picture = RNG.uniform(0, 1, (32, 32, 3)).astype(np.float32)
    picture[6:9, 6:9, 0] = 60.0
    file = read_image(written(tmp_path / "hdr.tif", picture, photometric="rgb"))
    assert (file.offset, file.scale) == (0.0, 1.0)
    assert file.invalid.sum() == 9
    write_image(tmp_path / "out.tif", 0 * file.pixels, like=file)
    out = tifffile.imread(tmp_path / "out.tif")
    assert np.array_equal(out[6:9, 6:9], picture[6:9, 6:9])
    assert out.sum() == pytest.approx(picture[6:9, 6:9].sum())


def test_single_pixels_and_lines_are_left_to_be_mended(tmp_path):
    values = HEIGHTS.copy()
    values[5, 7], values[:, 20] = 1e6, 1e6
    file = read_image(written(tmp_path / "hot.tif", values))
    assert file.invalid is None
    assert file.scale < 200  # the range is that of the others
