"""What must come back as it was, does, and people are told."""

import numpy as np
import pytest
import tifffile

QUICK = ("--steps", 4, "--width", 8, "--no-report")
RNG = np.random.default_rng(0)
SMOOTH = 0.5 + 0.3 * np.sin(np.arange(48) / 6)[:, None] * np.cos(np.arange(40) / 7)


def restored(name):
    return tifffile.imread(f"restored/{name}")


def test_a_picture_without_noise_is_given_back_at_once(folder, nasdip):
    clear = (SMOOTH + RNG.normal(0, 0.2 / 255, SMOOTH.shape)).astype(np.float32)
    tifffile.imwrite("clear.tif", clear, resolution=(300, 300))
    code, out, err = nasdip("restore", "clear.tif")
    assert (code, out.split()) == (0, ["restored/clear.tif"])
    assert "less than any estimate would err: it is given back as it is" in err
    assert (folder / "restored/clear.tif").read_bytes() == (folder / "clear.tif").read_bytes()
    assert not (folder / "restored/clear").exists()


def test_a_picture_of_one_colour_is_given_back_at_once(folder, nasdip):
    tifffile.imwrite("grey.tif", np.full((32, 32), 700, np.uint16))
    code, _, err = nasdip("restore", "grey.tif")
    assert code == 0
    assert "of one colour: nothing to do" in err
    assert (restored("grey.tif") == 700).all()


def test_missing_data_stay_and_are_told(folder, nasdip):
    heights = (400 + 100 * SMOOTH + RNG.normal(0, 3, SMOOTH.shape)).astype(np.float32)
    heights[:6, :9], heights[20:24, 30:36] = -9999, 450
    tifffile.imwrite("dem.tif", heights)
    code, _, err = nasdip("restore", "dem.tif", "--nodata", 450, *QUICK)
    assert code == 0
    assert "78 pixels of missing data, or of another scale than the picture's, stay as they are" in err
    assert "In the units of the file that is" in err
    out = restored("dem.tif")
    marked = np.isin(heights, (-9999, 450))
    assert np.array_equal(out[marked], heights[marked])
    assert np.abs(out - heights)[~marked].max() < 40


def test_the_level_is_told_in_counts_too(folder, nasdip):
    tifffile.imwrite("deep.tif", np.rint(4000 * SMOOTH + RNG.normal(0, 60, SMOOTH.shape)).astype(np.uint16))
    code, _, err = nasdip("restore", "deep.tif", *QUICK)
    assert code == 0
    level = float(err.partition("In the counts of the file that is ")[2].split()[0])
    assert level == pytest.approx(60, rel=0.15)


def test_a_mosaic_is_refused_unless_it_is_to_be_kept(folder, nasdip):
    mosaic = np.tile(SMOOTH, (2, 2)) + RNG.normal(0, 0.02, (96, 80))
    mosaic[::2, 1::2] += 0.2
    mosaic[1::2, ::2] += 0.2
    tifffile.imwrite("raw.tif", mosaic.astype(np.float32))
    code, _, err = nasdip("restore", "raw.tif", *QUICK)
    assert code == 2
    assert "looks like the mosaic of a colour sensor (Bayer), saved as grey: develop it to colours first" in err
    assert not (folder / "restored").exists()
    assert nasdip("restore", "raw.tif", "--mosaic", "keep", *QUICK)[0] == 0
    assert nasdip("search", "raw.tif")[0] == 2
