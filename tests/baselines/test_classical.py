import sys

import numpy as np
import pytest
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.baselines.block_matching import block_matching, check_bm3d
from nasdip.baselines.classical import CLASSICAL, calibrate, classical
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.measurement.add_noise import add_noise

CLEAN = img_as_float32(astronaut()[96:160, 208:272])


@pytest.mark.parametrize("name", CLASSICAL)
def test_they_denoise_alike_whatever_the_range(name):
    noisy = add_noise(CLEAN, sigma=25, seed=0)
    restored = classical(name, noisy)
    assert restored.dtype == np.float32
    assert psnr(CLEAN, restored, data_range=1.0) > psnr(CLEAN, noisy, data_range=1.0) + 4
    low, high = float(noisy.min()), float(noisy.max())
    full = (noisy - low) / (high - low)  # as it is stretched where it lies in a corner of its file's range
    dark = classical(name, 0.1 + 0.05 * full)
    assert np.allclose((dark - 0.1) / 0.05, classical(name, full), atol=1e-3)


def test_the_calibration_finds_nearly_the_best_strength():
    noisy = add_noise(CLEAN, sigma=25, seed=0)
    chosen = CLASSICAL["tv"]
    found = psnr(CLEAN, chosen.denoise(noisy, **calibrate(chosen, noisy)), data_range=1.0)
    every = [
        psnr(CLEAN, chosen.denoise(noisy, weight=25 / 255 * multiple, channel_axis=-1), data_range=1.0)
        for multiple in chosen.multiples
    ]
    assert found > max(every) - 0.15


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_any_number_of_channels(name, channels):
    noisy = np.random.default_rng(0).normal(0.5, 0.1, (24, 20, channels)).astype(np.float32)
    restored = classical(name, noisy)
    assert restored.shape == noisy.shape
    assert restored.std() < 0.7 * noisy.std()


def test_flat_and_clean_images_stay():
    flat = np.full((32, 32, 1), 0.25, np.float32)
    assert np.allclose(classical("nl-means", flat), flat, atol=1e-4)
    assert psnr(CLEAN, classical("tv", CLEAN), data_range=1.0) > 35


def test_bad_input():
    with pytest.raises(NasdipError, match="use one of tv, wavelet, nl-means"):
        classical("median", CLEAN)
    with pytest.raises(NasdipError, match="convert it to float"):
        classical("tv", np.zeros((32, 32, 1), np.uint8))


def test_bm3d_is_asked_for_where_it_is_missing_and_used_where_it_is_there(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("nasdip.baselines.block_matching.find_spec", lambda name: None)
        with pytest.raises(NasdipError, match="non-commercial"):
            check_bm3d()
    (tmp_path / "bm3d.py").write_text(
        "def bm3d_rgb(image, level):\n    return image + level\n\n\n"
        "def bm3d(plane, level):\n    assert plane.ndim == 2\n    return plane[..., None] - level\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "bm3d", raising=False)
    check_bm3d()
    picture = np.linspace(0, 1, 16 * 16 * 3).reshape(16, 16, 3)
    assert np.allclose(block_matching(picture, 25.5), picture + 0.1, atol=1e-6)
    assert np.allclose(block_matching(picture[..., :2], 25.5), picture[..., :2] - 0.1, atol=1e-6)
    monkeypatch.delitem(sys.modules, "bm3d")
