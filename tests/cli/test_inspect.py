import json

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from skimage.data import camera

from nasdip.measurement.add_noise import add_noise


@pytest.fixture
def noisy(folder):
    clean = camera()[100:164, 200:264].astype(np.float32) / 255
    pixels = np.round(255 * np.clip(add_noise(clean, sigma=20, seed=1), 0, 1)).astype(np.uint8)
    iio.imwrite("noisy.png", pixels)
    return pixels


def test_it_tells_what_a_picture_is_and_what_restoring_it_would_do(noisy, nasdip, folder):
    code, told, _ = nasdip("inspect", "noisy.png")
    assert code == 0
    assert "noisy.png: 64x64 px, 1 channel, uint8. The noise is like white Gaussian noise" in told
    assert "steps, stopped by the rule" in told
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith("restored")) == []


def test_json_holds_the_noise_the_defects_and_the_plan(noisy, nasdip):
    pixels = noisy.copy()
    pixels[::9, ::9] = 255
    pixels[4::9, 4::9] = 0
    iio.imwrite("impulses.png", pixels)
    code, told, _ = nasdip("inspect", "noisy.png", "impulses.png", "--json", "--steps", "70")
    first, second = (json.loads(line) for line in told.splitlines())
    assert code == 0
    assert (first["path"], first["format"], first["type"], first["height"]) == ("noisy.png", "PNG", "uint8", 64)
    assert first["noise"]["kind"] == "gaussian"
    assert first["noise"]["level"] == pytest.approx(20, rel=0.1)
    assert first["noise"]["level_in_counts"] == pytest.approx(first["noise"]["level"])
    assert abs(first["noise"]["lag1"]) < 0.2
    assert first["defects"] == {"impulses": 0, "invalid": 0, "missing": 0}
    assert first["restore"]["does"] == "fits"
    assert first["restore"]["fit"]["steps"] == 70
    assert first["restore"]["fit"]["seconds"] > 0
    assert first["restore"]["fit"]["memory"] > 2**20
    assert second["noise"]["kind"] == "impulse"
    assert second["defects"]["impulses"] >= 60  # of 98; black ones in the coat look like noise


def test_levels_are_told_in_the_counts_of_the_file_and_by_channel(folder, nasdip):
    rng = np.random.default_rng(0)
    counts = 2000 + np.stack([rng.normal(0, level, (64, 64)) for level in (40, 160)])
    tifffile.imwrite("counts.tif", counts.astype(np.uint16), photometric="minisblack", metadata={"axes": "CYX"})
    found = json.loads(nasdip("inspect", "counts.tif", "--json")[1])
    assert found["noise"]["level_in_counts"] == pytest.approx(np.sqrt((40**2 + 160**2) / 2), rel=0.05)
    levels = [level / 255 * 65535 for level in found["noise"]["by_channel"]]
    assert levels == pytest.approx([40, 160], rel=0.05)


def test_missing_and_invalid_pixels_are_counted(noisy, nasdip):
    mask = np.zeros(noisy.shape, np.uint8)
    mask[10:20, 10:20] = 255
    iio.imwrite("mask.png", mask)
    values = noisy.astype(np.float32)
    values[:4] = -9999
    tifffile.imwrite("heights.tif", values)
    holes = json.loads(nasdip("inspect", "noisy.png", "--mask", "mask.png", "--json")[1])
    heights = json.loads(nasdip("inspect", "heights.tif", "--json")[1])
    assert holes["defects"]["missing"] == 100
    assert heights["defects"] == {"impulses": 0, "invalid": 256, "missing": 0}


def test_what_would_not_be_fitted_says_why(folder, nasdip):
    iio.imwrite("flat.png", np.full((32, 32), 90, np.uint8))
    mosaic = np.random.default_rng(0).integers(80, 120, (96, 96))
    mosaic[::2, 1::2] += 60
    mosaic[1::2, ::2] += 60
    iio.imwrite("mosaic.png", mosaic.astype(np.uint8))
    flat, bayer = (json.loads(line) for line in nasdip("inspect", "flat.png", "mosaic.png", "--json")[1].splitlines())
    assert (flat["restore"]["does"], bayer["restore"]["does"]) == ("nothing", "refuses")
    assert "of one colour" in flat["restore"]["why"]
    assert "mosaic of a colour sensor" in bayer["restore"]["why"]
    assert flat["restore"]["fit"] is bayer["restore"]["fit"] is None


def test_bad_input_is_told_in_a_line(folder, nasdip):
    code, _, told = nasdip("inspect", "none.png")
    assert code == 2
    assert "none.png" in told
