from dataclasses import replace

import numpy as np
import pytest
from example_runs import SIGMA, clean_image, example_restoration
from skimage.filters import gaussian

from nasdip.imaging.noise import add_noise
from nasdip.imaging.observe import observe
from nasdip.prior.config import FitConfig
from nasdip.prior.result import Restoration
from nasdip.report.cautions import cautions
from nasdip.report.noise_model import noise_model
from nasdip.report.trust import trust

CLEAN = clean_image(128, 1)


def restored(noisy: np.ndarray, **changes: object) -> Restoration:
    """The perfect restoration of a noisy image."""
    made = replace(example_restoration(CLEAN), config=FitConfig(steps=60, stop="reference"))
    return replace(made, noisy=noisy.astype(np.float32), image=CLEAN, **changes)


@pytest.mark.parametrize("kind", ["poisson", "speckle"])
def test_the_spread_is_that_of_noise_which_depends_on_the_intensity(kind: str) -> None:
    noisy = add_noise(CLEAN, kind, sigma=SIGMA, seed=2)
    observation, found = observe(noisy.astype(np.float32))
    assert observation.kind == kind
    assert observation.sigma is not None
    model = noise_model(restored(noisy, kind=kind, sigma=observation.sigma))
    assert (model.words, model.exact) == (found.words, True)
    assert model.spread is not None
    residual = noisy - CLEAN
    for part in (CLEAN > 0.6, (CLEAN > 0.15) & (CLEAN < 0.4)):
        assert np.sqrt(np.mean(model.spread[part] ** 2)) == pytest.approx(residual[part].std(), rel=0.2)
    judged = trust(noisy, CLEAN, model)
    assert judged.tone == "good"
    assert judged.ratio == pytest.approx(1, abs=0.1)


def test_a_law_that_is_not_found_again_is_said() -> None:
    white = restored(add_noise(CLEAN, "gaussian", sigma=SIGMA, seed=2), kind="poisson", sigma=SIGMA)
    model = noise_model(white)
    assert (model.exact, model.spread) == (False, None)
    assert "the kind poisson" in model.words
    titles = [caution.title for caution in cautions(white, trust(white.noisy, white.image, model), model)]
    assert titles == ["Judged as if the noise were even"]


def test_clipping_takes_from_the_residual() -> None:
    noisy = add_noise(CLEAN, "gaussian", sigma=50.0, seed=2, clip=True)
    model = noise_model(restored(noisy, sigma=50.0))
    judged = trust(noisy, CLEAN, model)
    assert model.spread is not None
    assert judged.expected < 48
    assert judged.expected == pytest.approx(judged.deviation, rel=0.08)
    unclipped = add_noise(CLEAN, "gaussian", sigma=50.0, seed=2)
    assert noise_model(restored(unclipped, sigma=50.0)).spread is None


def test_impulses_are_found_again() -> None:
    noisy = add_noise(CLEAN, "salt-pepper", seed=2)
    model = noise_model(restored(noisy, kind="impulse", sigma=0.1))
    assert model.known is not None
    assert "impulses" in model.words
    assert 0.02 < np.mean(~model.known) < 0.3
    assert trust(noisy, np.where(model.known[..., None], noisy, CLEAN), model).finding == "kept"


def test_nothing_is_promised_of_correlated_noise() -> None:
    slow = gaussian(np.random.default_rng(0).normal(0, 0.3, CLEAN.shape), 1.5, channel_axis=-1)
    made = restored(CLEAN + slow, kind="correlated", sigma=20.0)
    model = noise_model(made)
    assert "Neighbouring pixels share noise" in model.words
    found = cautions(made, trust(made.noisy, made.image, model), model)
    assert [caution.title for caution in found] == ["Nothing is promised"]


@pytest.mark.parametrize(("sigma", "words"), [(25.04, "white Gaussian noise of level 25.0"), (1.2, "Little noise")])
def test_white_noise_in_words(sigma: float, words: str) -> None:
    assert words in noise_model(restored(CLEAN, sigma=sigma)).words


def test_a_picture_without_noise_has_no_spread_whatever_was_clipped() -> None:
    saturated = np.clip(1.6 * CLEAN, 0, 1)
    assert noise_model(restored(saturated, sigma=0.0)).spread is None
    assert noise_model(restored(saturated, sigma=5.0)).spread is not None
