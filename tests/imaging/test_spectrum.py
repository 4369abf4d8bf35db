import numpy as np
import pytest
from skimage.filters import gaussian

from nasdip.errors import NasdipError
from nasdip.imaging.spectrum import band_correspondence, log_spectrum, periodogram, radial_frequency, radial_psd

H, W = 24, 40
NOISE = np.random.default_rng(0).normal(size=(H, W))


def fourier(image: np.ndarray) -> np.ndarray:
    """The discrete Fourier transform from its definition, as two matrix products."""
    rows, columns = (np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) for n in image.shape)
    return rows @ image @ columns


def wave(cycles_down: int, cycles_across: int) -> np.ndarray:
    phase = cycles_down * np.arange(H)[:, None] / H + cycles_across * np.arange(W) / W
    return np.cos(2 * np.pi * phase)


def centred_radius() -> np.ndarray:
    down, across = np.arange(H) - H // 2, np.arange(W) - W // 2
    return np.sqrt((down[:, None] / H) ** 2 + (across / W) ** 2)


def test_radial_frequency_is_in_cycles_per_pixel() -> None:
    np.testing.assert_allclose(np.fft.fftshift(radial_frequency((H, W))), centred_radius())


def test_periodogram_against_the_definition_and_parseval() -> None:
    colour = np.dstack([NOISE, 2 * NOISE.mean() + NOISE[::-1], NOISE**2])
    expected = np.mean([np.abs(fourier(colour[:, :, c])) ** 2 for c in range(3)], axis=0) / (H * W)
    np.testing.assert_allclose(periodogram(colour), expected, atol=1e-10)
    assert periodogram(colour).sum() == pytest.approx(np.sum(colour**2) / 3)


def test_log_spectrum_of_a_wave_peaks_at_its_frequency() -> None:
    spectrum = log_spectrum(wave(3, -5))
    assert spectrum.shape == (H, W)
    peaks = {(H // 2 + 3, W // 2 - 5), (H // 2 - 3, W // 2 + 5)}
    assert set(zip(*np.nonzero(spectrum > 1), strict=True)) == peaks
    assert spectrum.max() == pytest.approx(np.log10(1 + H * W / 2))


def test_log_spectrum_of_colour_is_that_of_the_channel_mean() -> None:
    colour = np.dstack([NOISE, NOISE**2, wave(1, 1)])
    expected = np.log10(1 + np.abs(np.fft.fftshift(fourier(colour.mean(axis=2)))))
    np.testing.assert_allclose(log_spectrum(colour), expected, atol=1e-10)


@pytest.mark.parametrize("bins", [None, 1, 5, 12])
def test_radial_psd_by_direct_evaluation(bins: int | None) -> None:
    power = np.abs(np.fft.fftshift(fourier(NOISE))) ** 2 / (H * W)
    radius = centred_radius()
    count = 12 if bins is None else bins
    edges = np.linspace(0, 0.5, count + 1)
    psd = radial_psd(NOISE, bins=bins)
    assert len(psd.frequency) == len(psd.power) == count
    for i in range(count):
        ring = (radius > edges[i] + 1e-12) & (radius <= edges[i + 1] + 1e-12)
        assert psd.power[i] == pytest.approx(power[ring].mean())
        assert psd.frequency[i] == pytest.approx(radius[ring].mean())


def test_radial_psd_obeys_parseval() -> None:
    psd = radial_psd(NOISE)
    radius = radial_frequency((H, W))
    counts = np.histogram(radius[radius > 0], bins=np.linspace(0, 0.5, 13) + 1e-12)[0]
    beyond = periodogram(NOISE)[radius > 0.5 + 1e-12].sum()
    assert np.sum(psd.power * counts) + beyond + H * W * NOISE.mean() ** 2 == pytest.approx(np.sum(NOISE**2))


def test_radial_psd_of_white_noise_is_flat_at_its_variance() -> None:
    psd = radial_psd(np.random.default_rng(1).normal(0.5, 0.1, (256, 200, 3)), bins=10)
    np.testing.assert_allclose(psd.power, 0.01, rtol=0.1)


@pytest.mark.parametrize(("down", "across"), [(6, 0), (0, 10), (3, 4), (12, 0)])
def test_radial_psd_of_a_wave_peaks_in_its_ring_whatever_the_shape(down: int, across: int) -> None:
    psd = radial_psd(wave(down, across))
    radius = np.hypot(down / H, across / W)
    peak = int(psd.power.argmax())
    assert abs(psd.frequency[peak] - radius) < 0.5 / 12
    assert peak == np.ceil(radius * 24 - 1e-9) - 1
    assert np.delete(psd.power, peak).max() < 1e-20


def test_radial_psd_of_a_constant_is_zero_and_of_a_blur_falls() -> None:
    np.testing.assert_allclose(radial_psd(np.full((H, W), 0.7)).power, 0, atol=1e-20)
    noise = np.random.default_rng(2).normal(size=(128, 128))
    sharp, blurred = radial_psd(noise, bins=16), radial_psd(gaussian(noise, 1.0, mode="wrap", truncate=8), bins=16)
    expected = np.exp(-4 * np.pi**2 * sharp.frequency**2)
    np.testing.assert_allclose((blurred.power / sharp.power)[:8], expected[:8], rtol=0.1)


def test_correspondence_of_an_image_with_itself_is_one() -> None:
    colour = np.dstack([NOISE, NOISE + 1])
    np.testing.assert_allclose(band_correspondence(NOISE, NOISE), np.ones(5))
    np.testing.assert_allclose(band_correspondence(colour, colour, bands=3), np.ones(3))


@pytest.mark.parametrize("ceiling", [1.0, np.inf])
def test_correspondence_by_direct_evaluation(ceiling: float) -> None:
    output = np.random.default_rng(5).normal(size=(H, W))
    ratio = np.minimum(np.abs(fourier(output)) / np.abs(fourier(NOISE)), ceiling)
    ratio, radius = np.fft.fftshift(ratio), centred_radius()
    rings = [(radius > low + 1e-12) & (radius <= low + 0.1 + 1e-12) for low in (0, 0.1, 0.2, 0.3, 0.4)]
    rings[0] |= radius == 0
    expected = [ratio[ring].mean() for ring in rings]
    np.testing.assert_allclose(band_correspondence(output, NOISE, ceiling=ceiling), expected)


def test_correspondence_of_a_low_pass_filtered_target_falls_with_frequency() -> None:
    noise = np.random.default_rng(2).normal(size=(128, 128))
    found = band_correspondence(gaussian(noise, 1.0, mode="wrap"), noise)
    assert found[0] > 0.9
    assert (np.diff(found) < 0).all()
    assert found[-1] < 0.1
    sharp_cut = np.fft.ifft2(np.where(radial_frequency((128, 128)) <= 0.2, np.fft.fft2(noise), 0)).real
    np.testing.assert_allclose(band_correspondence(sharp_cut, noise), [1, 1, 0, 0, 0], atol=1e-6)


def test_correspondence_leaves_out_what_the_target_lacks() -> None:
    found = band_correspondence(NOISE, 1 + wave(0, 2), ceiling=np.inf)
    assert np.isfinite(found[0])
    assert np.isnan(found[1:]).all()


def test_refusals() -> None:
    with pytest.raises(NasdipError, match="cannot be compared"):
        band_correspondence(NOISE, NOISE[1:])
    with pytest.raises(NasdipError, match="bands"):
        band_correspondence(NOISE, NOISE, bands=13)
    with pytest.raises(NasdipError, match="ceiling"):
        band_correspondence(NOISE, NOISE, ceiling=0)
    with pytest.raises(NasdipError, match="bins"):
        radial_psd(NOISE, bins=13)
    with pytest.raises(NasdipError, match="target is NaN or infinite in 1 pixels"):
        band_correspondence(NOISE, np.where(NOISE.max() == NOISE, np.inf, NOISE))
