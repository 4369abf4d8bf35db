import numpy as np
import pytest
from skimage.data import astronaut, camera

from nasdip.measurement.measure import measurement_of
from nasdip.measurement.photons import photon_gain
from nasdip.restoration.combination import meant

RNG = np.random.default_rng(0)
SKY = 1.5 + 40 * np.exp(-((np.arange(64) - 30) ** 2)[:, None] / 200 - ((np.arange(64) - 25) ** 2) / 300)


@pytest.mark.parametrize("full", [255, 4095, 65535, 1])
@pytest.mark.parametrize("light", [0.2, 1.0])
def test_counts_are_recognised_whatever_their_unit(full, light):
    counts = RNG.poisson(light * SKY)[..., None] / full
    assert photon_gain(counts.astype(np.float32)) == pytest.approx(1 / full, rel=1e-3)


def test_other_pictures_are_none():
    for picture in (astronaut()[:128, :128], camera()[:128, :128, None]):
        assert photon_gain(picture / 255) is None
    noise = RNG.normal(0, 5, SKY.shape)
    assert photon_gain(np.clip(np.rint(SKY + noise), 0, None)[..., None] / 255) is None
    assert photon_gain((SKY + 0.1 * noise)[..., None]) is None


def test_the_floor_at_0_of_counts_clips_nothing():
    counts = (RNG.poisson(SKY)[..., None] / 65535).astype(np.float32)
    measurement = measurement_of(counts)
    assert (measurement.kind, measurement.noise.clipped) == ("poisson", False)
    assert measurement.noise.gain == pytest.approx(1 / 65535, rel=1e-3)
    assert measurement.sigma == pytest.approx(255 * np.sqrt(SKY.mean()) / 65535, rel=0.03)


def test_an_estimate_that_lost_light_gets_it_back():
    counts = (RNG.poisson(SKY)[..., None] / 65535).astype(np.float32)
    image = meant(measurement_of(counts), 0.9 * SKY[..., None] / 65535) * 65535
    dark = np.s_[48:, 48:]
    assert image[dark].mean() == pytest.approx(RNG.poisson(SKY)[dark].mean(), rel=0.1)
    assert image.sum() == pytest.approx(65535 * counts.sum(), rel=0.01)
