from dataclasses import replace

import numpy as np
import pytest
from example_runs import SIGMA, clean_image, example_restoration
from skimage.filters import gaussian

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.measure import measurement_of
from nasdip.options.fit import FitConfig
from nasdip.records.results import Restoration
from nasdip.report.numbers.noise import expected_residual
from nasdip.report.numbers.trust import trust
from nasdip.report.text.cautions import cautions, judge, lossy_words
from nasdip.report.text.expected import missing_words
from nasdip.report.text.noise import noise_words

CLEAN = clean_image(128, 1)


def restored(noisy: np.ndarray, **changes: object) -> Restoration:
    """The perfect restoration of a noisy image."""
    made = replace(example_restoration(CLEAN), config=FitConfig(steps=60, stop="reference"))
    return replace(made, noisy=noisy.astype(np.float32), image=CLEAN, **changes)


@pytest.mark.parametrize("kind", ["poisson", "speckle"])
def test_the_spread_is_that_of_noise_which_depends_on_the_intensity(kind: str) -> None:
    noisy = add_noise(CLEAN, kind, sigma=SIGMA, seed=2)
    measurement = measurement_of(noisy.astype(np.float32))
    assert measurement.noise is not None
    assert measurement.kind == kind
    model = expected_residual(restored(noisy, kind=kind, sigma=measurement.sigma))
    assert (model.words, model.exact) == (noise_words(measurement.noise), True)
    assert model.spread is not None
    residual = noisy - CLEAN
    for part in (CLEAN > 0.6, (CLEAN > 0.15) & (CLEAN < 0.4)):
        assert np.sqrt(np.mean(model.spread[part] ** 2)) == pytest.approx(residual[part].std(), rel=0.2)
    judged = trust(noisy, CLEAN, model)
    assert judged.tone == "good"
    assert judged.ratio == pytest.approx(1, abs=0.1)


def test_a_law_that_is_not_found_again_is_said() -> None:
    white = restored(add_noise(CLEAN, "gaussian", sigma=SIGMA, seed=2), kind="poisson", sigma=SIGMA)
    model = expected_residual(white)
    assert (model.exact, model.spread) == (False, None)
    assert "the kind poisson" in model.words
    titles = [caution.title for caution in cautions(white, trust(white.noisy, white.image, model), model)]
    assert titles == ["Judged as if the noise were even"]


def test_clipping_takes_from_the_residual() -> None:
    noisy = add_noise(CLEAN, "gaussian", sigma=50.0, seed=2, clip=True)
    model = expected_residual(restored(noisy, sigma=50.0))
    judged = trust(noisy, CLEAN, model)
    assert model.spread is not None
    assert judged.expected < 48
    assert judged.expected == pytest.approx(judged.deviation, rel=0.08)
    unclipped = add_noise(CLEAN, "gaussian", sigma=50.0, seed=2)
    assert expected_residual(restored(unclipped, sigma=50.0)).spread is None


def test_a_refined_image_is_compared_by_what_clipped_noise_shows_of_it() -> None:
    noisy = add_noise(CLEAN, "gaussian", sigma=50.0, seed=2, clip=True)
    reference = BayesEstimate(CLEAN, np.full_like(CLEAN, 1e-4))
    judged, model = judge(restored(noisy, sigma=50.0, refined=True, reference=reference))
    assert model.seen is not None
    dark = CLEAN < 0.1
    assert (noisy - CLEAN)[dark].mean() > 0.03
    assert abs(judged.residual[dark].mean()) < 0.015
    assert judged.tone == "good"


def test_impulses_are_found_again() -> None:
    noisy = add_noise(CLEAN, "salt-pepper", seed=2)
    model = expected_residual(restored(noisy, kind="impulse", sigma=0.1))
    assert model.valid is not None
    assert "impulses" in model.words
    assert 0.02 < np.mean(~model.valid) < 0.3
    assert trust(noisy, np.where(model.valid[..., None], noisy, CLEAN), model).finding == "kept"


def test_nothing_is_promised_of_correlated_noise() -> None:
    slow = gaussian(np.random.default_rng(0).normal(0, 0.4, CLEAN.shape), 1, channel_axis=-1)
    measurement = measurement_of((CLEAN + slow).astype(np.float32))
    assert measurement.sigma is not None
    made = restored(CLEAN + slow, kind=measurement.kind, sigma=measurement.sigma)
    model = expected_residual(made)
    assert "Neighbouring pixels share noise" in model.words
    found = cautions(made, trust(made.noisy, made.image, model), model)
    assert [caution.title for caution in found] == ["Nothing is promised"]


@pytest.mark.parametrize(("sigma", "words"), [(25.04, "white Gaussian noise of level 25.0"), (1.2, "Little noise")])
def test_white_noise_in_words(sigma: float, words: str) -> None:
    assert words in expected_residual(restored(CLEAN, sigma=sigma)).words


def test_a_picture_without_noise_has_no_spread_whatever_was_clipped() -> None:
    saturated = np.clip(1.6 * CLEAN, 0, 1)
    assert expected_residual(restored(saturated, sigma=0.0)).spread is None
    assert expected_residual(restored(saturated, sigma=5.0)).spread is not None


@pytest.mark.parametrize(
    ("sigma", "words"), [(1.6, "noise of level 1.6 (8-bit units; 10.0 % of"), (0.1, "Little noise: a level of 0.1")]
)
def test_little_noise_is_little_beside_the_range_of_the_picture(sigma: float, words: str) -> None:
    """As of a 12-bit picture in a 16-bit file."""
    narrow = (CLEAN - CLEAN.min()) / np.ptp(CLEAN) / 16
    assert words in expected_residual(restored(narrow, sigma=sigma)).words


def test_a_level_that_the_picture_contradicts_is_doubted() -> None:
    noisy = add_noise(CLEAN, "gaussian", sigma=SIGMA, seed=2)
    made = restored(noisy, sigma=5.0, measured_level=NoiseLevel(25.4, 0.5))
    judged, model = judge(made)
    assert "level 5.0 was given, but the picture looks like 25.4 ± 0.5" in model.words
    assert (judged.ratio, judged.finding) == (None, "white")
    assert "nothing but noise" not in judged.headline
    assert "cannot be compared" in judged.strength
    assert [caution.title for caution in cautions(made, judged, model)] == ["The noise level may be wrong"]
    assert "contradicts the noise level" in missing_words(made)


def test_a_law_is_found_again_beside_a_level_that_is_contradicted() -> None:
    noisy = add_noise(CLEAN, "poisson", sigma=SIGMA, seed=2).astype(np.float32)
    measurement = measurement_of(noisy, 60.0)
    noise = measurement.noise
    assert noise is not None
    assert measurement.contradicted
    model = expected_residual(restored(noisy, kind="poisson", sigma=60.0, measured_level=noise.measured_level))
    assert (model.words, model.doubtful) == (noise_words(noise), True)


def test_a_lossy_file_is_told() -> None:
    made = restored(add_noise(CLEAN, "gaussian", sigma=SIGMA, seed=2))
    titles = {name: [c.title for c in cautions(made, *judge(made), image=name)] for name in ("a/b.JPEG", "b.png", None)}
    assert titles == {"a/b.JPEG": ["A lossy file"], "b.png": [], None: []}
    assert "--sigma" in (lossy_words("b.jpg") or "")


@pytest.mark.parametrize(
    ("left", "blur", "titles"),
    [
        (0.6, 0.0, ["The image still holds noise"]),
        (0.0, 2.5, ["Detail was removed", "More than the noise was removed"]),
        (0.7, 1.2, ["Detail went, and noise stayed"]),
    ],
)
def test_cautions_do_not_contradict_each_other(left: float, blur: float, titles: list[str]) -> None:
    noise = np.random.default_rng(3).normal(0, SIGMA / 255, CLEAN.shape)
    image = gaussian(CLEAN, blur, channel_axis=-1) if blur else CLEAN
    made = replace(restored(CLEAN + noise, sigma=SIGMA), image=(image + left * noise).astype(np.float32))
    assert [caution.title for caution in cautions(made, *judge(made))] == titles
