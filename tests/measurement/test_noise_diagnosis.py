import numpy as np
import pytest
from skimage import data
from skimage.filters import gaussian
from skimage.util import img_as_float64

from nasdip.errors import NasdipError
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.diagnosis import diagnose
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.variance import IntensityBin, fit_variance
from nasdip.report.text.noise import noise_words


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    return img_as_float64(data.coffee())[150:250, 200:300]


@pytest.mark.parametrize("kind", ["gaussian", "poisson", "speckle"])
@pytest.mark.parametrize("sigma", [25, 50])
@pytest.mark.parametrize("clip", [False, True])
def test_kinds_of_noise(crop: np.ndarray, kind: str, sigma: int, clip: bool) -> None:
    found = diagnose(add_noise(crop, kind, sigma=sigma, seed=2, clip=clip))
    assert found.kind == kind
    assert found.sigma == pytest.approx(sigma, rel=0.15)
    assert (found.gain > 0, found.square > 0) == (kind == "poisson", kind == "speckle")


def test_the_gain_of_photon_noise(crop: np.ndarray) -> None:
    found = diagnose(add_noise(crop, "poisson", sigma=25, seed=0))
    gain = (25 / 255) ** 2 / crop.mean()
    assert found.variance(np.array(0.5)) == pytest.approx(gain / 2, rel=0.2)


@pytest.mark.parametrize("kind", ["salt-pepper", "blur-salt-pepper"])
def test_impulses(crop: np.ndarray, kind: str) -> None:
    found = diagnose(add_noise(crop, kind, seed=1))
    assert found.kind == "impulse"
    assert found.impulses == pytest.approx(2 / 35, rel=0.2)
    assert found.sigma < 5
    assert "salt and pepper" in noise_words(found)


def test_noise_beside_impulses(crop: np.ndarray) -> None:
    noisy = add_noise(add_noise(crop, sigma=20, seed=1, clip=True), "salt-pepper", amount=0.05, seed=2)
    found = diagnose(noisy)
    assert found.kind == "impulse"
    assert found.sigma == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize("blur", [0.6, 1.0])
def test_correlated_noise(crop: np.ndarray, blur: float) -> None:
    noise = gaussian(np.random.default_rng(0).normal(size=crop.shape), blur, channel_axis=-1)
    found = diagnose(crop + noise * 25 / 255 / noise.std())
    assert found.kind == "correlated"
    assert found.correlation > 0.2
    assert found.sigma == pytest.approx(25, rel=0.25)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "grass", "gravel", "brick", "page"])
@pytest.mark.parametrize("sigma", [0, 25])
def test_texture_is_no_kind_of_noise(name: str, sigma: int) -> None:
    picture = img_as_float64(getattr(data, name)())[:192, :192]
    noisy = add_noise(picture, sigma=sigma, seed=0, clip=True) if sigma else picture
    assert diagnose(noisy).kind == "gaussian"


def test_white_noise_is_uncorrelated() -> None:
    noise = np.random.default_rng(0).normal(0.5, 0.1, (96, 96, 3))
    assert abs(diagnose(noise).correlation) < 0.1


def test_a_mask_that_is_known(crop: np.ndarray) -> None:
    noisy = add_noise(crop, "salt-pepper", seed=1)
    mask = (noisy != crop).any(axis=2)
    assert diagnose(noisy, mask).impulses == pytest.approx(mask.mean())
    with pytest.raises(NasdipError, match="does not fit"):
        diagnose(noisy, mask[:-1])


def test_no_noise() -> None:
    found = diagnose(np.full((32, 32, 3), 0.5))
    assert (found.kind, found.impulses) == ("gaussian", 0)
    assert found.sigma < 1e-6
    assert noise_words(found).startswith("There is little noise")


def test_the_variance_function_is_positive_and_grows() -> None:
    found = NoiseModel("speckle", 25.0, 1.0, offset=0.0, square=0.04)
    values = found.variance(np.array([-0.5, 0.0, 0.5, 1.0]))
    assert values[0] == values[1] > 0
    np.testing.assert_allclose(values[2:], [0.01, 0.04])
    assert found.level(0.5) == pytest.approx(25.5)


@pytest.mark.parametrize("power", [1, 2])
def test_a_law_is_fitted_exactly(power: int) -> None:
    bins = [IntensityBin(x, 0.01 + 0.05 * x**power, 0.0005) for x in np.linspace(0.05, 0.95, 10)]
    law = fit_variance(bins)
    assert law.offset == pytest.approx(0.01, rel=1e-6)
    assert (law.gain, law.square)[power - 1] == pytest.approx(0.05, rel=1e-6)


def test_a_falling_variance_is_gaussian() -> None:
    bins = [IntensityBin(x, 0.02 - 0.015 * x, 0.0005) for x in np.linspace(0.05, 0.95, 10)]
    assert fit_variance(bins).kind == "gaussian"
    assert fit_variance([]).offset == 0


def test_refusals() -> None:
    with pytest.raises(NasdipError, match="16x16"):
        diagnose(np.zeros((8, 8)))
    with pytest.raises(NasdipError, match="unknown kind"):
        NoiseModel("pink", 25.0, 1.0, 0.0)
