import math

import numpy as np
import pytest

from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr, ssim

RNG = np.random.default_rng(0)
CLEAN = RNG.random((24, 20, 3))
NOISY = CLEAN + RNG.normal(0, 0.1, CLEAN.shape)


@pytest.mark.parametrize("data_range", [1.0, 2.0, 255.0])
def test_psnr_by_its_formula(data_range: float) -> None:
    total = sum((float(a) - float(b)) ** 2 for a, b in zip(CLEAN.ravel(), NOISY.ravel(), strict=True))
    expected = 20 * math.log10(data_range) - 10 * math.log10(total / CLEAN.size)
    assert psnr(CLEAN, NOISY, data_range=data_range) == pytest.approx(expected)


def test_psnr_of_8_bit_values_does_not_wrap() -> None:
    dark, bright = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    assert psnr(dark, bright, data_range=255) == 0
    assert psnr(bright, dark, data_range=255) == 0


def test_a_pixel_out_of_range_does_not_change_the_data_range() -> None:
    reference = CLEAN.astype(np.float32)
    reference[0, 0, 0] = -0.001
    assert psnr(reference, NOISY, data_range=1.0) == pytest.approx(psnr(CLEAN, NOISY, data_range=1.0), abs=0.2)


def ssim_at(a: np.ndarray, b: np.ndarray, data_range: float) -> float:
    """SSIM in one window, from its definition."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    ma, mb = a.mean(), b.mean()
    va, vb = a.var(ddof=1), b.var(ddof=1)
    covariance = np.sum((a - ma) * (b - mb)) / (a.size - 1)
    return float((2 * ma * mb + c1) * (2 * covariance + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))


def test_ssim_by_its_definition() -> None:
    for data_range in (1.0, 255.0):
        a, b = CLEAN[:7, :7, 0], NOISY[:7, :7, 0]
        assert ssim(a, b, data_range=data_range) == pytest.approx(ssim_at(a, b, data_range))
    windows = [
        ssim_at(CLEAN[y : y + 7, x : x + 7, c], NOISY[y : y + 7, x : x + 7, c], 1.0)
        for y in range(24 - 6)
        for x in range(20 - 6)
        for c in range(3)
    ]
    assert ssim(CLEAN, NOISY, data_range=1.0, channel_axis=-1) == pytest.approx(np.mean(windows))


def test_channel_axis_may_be_anywhere() -> None:
    first = ssim(np.moveaxis(CLEAN, 2, 0), np.moveaxis(NOISY, 2, 0), data_range=1.0, channel_axis=0)
    assert first == pytest.approx(ssim(CLEAN, NOISY, data_range=1.0, channel_axis=-1))


def test_identical_images() -> None:
    assert psnr(CLEAN, CLEAN, data_range=1.0) == float("inf")
    assert ssim(CLEAN, CLEAN, data_range=1.0, channel_axis=2) == pytest.approx(1)


def test_nan_stays_nan() -> None:
    broken = CLEAN.copy()
    broken[0, 0, 0] = np.nan
    assert math.isnan(psnr(CLEAN, broken, data_range=1.0))


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize("data_range", [0, -1.0, float("nan"), float("inf")])
def test_data_range_is_checked(metric: type, data_range: float) -> None:
    with pytest.raises(NasdipError, match="data_range"):
        metric(CLEAN[:, :, 0], NOISY[:, :, 0], data_range=data_range)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_shapes_are_checked(metric: type) -> None:
    with pytest.raises(NasdipError, match="cannot be compared"):
        metric(CLEAN, CLEAN[:, :, :1], data_range=1.0)
    with pytest.raises(NasdipError, match="empty"):
        metric(np.zeros((0, 4)), np.zeros((0, 4)), data_range=1.0)


def test_ssim_asks_for_a_channel_axis_and_seven_pixels() -> None:
    with pytest.raises(NasdipError, match="channel_axis=-1"):
        ssim(CLEAN, NOISY, data_range=1.0)
    with pytest.raises(NasdipError, match="7x7"):
        ssim(CLEAN[:6], NOISY[:6], data_range=1.0, channel_axis=-1)
