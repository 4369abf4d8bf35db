import numpy as np
import pytest

from nasdip.measurement.diagnosis import diagnose, find_noise
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.noise_model import FAINT, NoiseModel, contradicts
from nasdip.report.text.noise import noise_words

MEASURED = NoiseLevel(25.4, 0.5)


def found(kind: str = "gaussian", sigma: float = 25.0, scale: float = 1.0, **changes: object) -> NoiseModel:
    return NoiseModel(kind, sigma, 0.02 * sigma, (sigma / 255) ** 2, bounds=(0.0, scale), **changes)


def given(kind: str, sigma: float, measured: NoiseLevel | None = MEASURED) -> NoiseModel:
    return NoiseModel(kind, sigma, 0.0, (sigma / 255) ** 2, given=True, measured_level=measured)


@pytest.mark.parametrize(("sigma", "scale", "little"), [(2.9, 1.0, True), (3.1, 1.0, False), (2.9, 0.5, False)])
def test_what_is_little_depends_on_the_range(sigma: float, scale: float, little: bool) -> None:
    assert found(sigma=sigma, scale=scale).faint == little == (sigma < FAINT * scale)
    assert noise_words(found(sigma=sigma, scale=scale)).startswith("There is little noise") == little
    assert ("others hold little noise" in noise_words(found("impulse", sigma, scale, impulses=0.05))) == little


@pytest.mark.parametrize(
    ("sigma", "scale", "words"),
    [
        (25.0, 1.0, "level 25.0 ± 0.5 (in 8-bit units)."),
        (1.56, 1 / 16, "level 1.56 ± 0.03 (in 8-bit units; 10 % of the picture's range)."),
        (25500, 1000, "level 25500 ± 510 (in 8-bit units; 10 % of the picture's range)."),
        (0.1, 1 / 16, "a level of 0.10 (in 8-bit units; 0.6 % of the picture's range)."),
    ],
)
def test_levels_are_told_beside_a_range_that_is_not_the_nominal_one(sigma: float, scale: float, words: str) -> None:
    assert words in noise_words(found(sigma=sigma, scale=scale))


@pytest.mark.parametrize("kind", ["gaussian", "poisson", "speckle", "impulse", "correlated"])
def test_a_given_level_has_no_error_and_is_called_given(kind: str) -> None:
    words = noise_words(given(kind, 25.0))
    assert "25.0" in words
    assert "given" in words
    assert "±" not in words
    assert "looks like" not in words


@pytest.mark.parametrize("kind", ["gaussian", "poisson", "speckle", "impulse", "correlated"])
@pytest.mark.parametrize("sigma", [0.0, 5.0, 50.0])
def test_a_contradiction_is_told_whatever_the_kind(kind: str, sigma: float) -> None:
    words = noise_words(given(kind, sigma))
    assert f"The level was given as {sigma:.1f}, but the picture looks like 25.4 ± 0.5" in words
    assert "little noise" not in words


@pytest.mark.parametrize(
    ("sigma", "measured", "expected"),
    [
        (21.0, NoiseLevel(25.0, 0.5), True),
        (22.0, NoiseLevel(25.0, 0.5), False),  # within 15 %
        (21.0, NoiseLevel(25.0, 2.0), False),  # within 3 standard errors
        (0.0, NoiseLevel(2.9, 0.1), False),  # both faint
        (4.0, NoiseLevel(0.0, 0.0), True),
    ],
)
def test_what_contradicts(sigma: float, measured: NoiseLevel, expected: bool) -> None:
    assert contradicts(sigma, measured) is expected
    assert contradicts(sigma / 16, NoiseLevel(measured.sigma / 16, measured.error / 16), 1 / 16) is expected


def test_a_level_that_was_found_contradicts_nothing() -> None:
    assert not found().contradicted
    assert not given("gaussian", 5.0, None).contradicted


def test_a_mask_without_impulses_does_not_hide_what_neighbours_share() -> None:
    white = np.random.default_rng(0).normal(0.5, 0.15, (97, 97, 3))
    mixed = (white + np.roll(white, 1, axis=0)) / 2
    nothing = np.zeros((97, 97), bool)
    diagnosis, mask = find_noise(mixed)
    assert diagnosis == diagnose(mixed, nothing)
    assert diagnosis.kind == "correlated"
    assert not mask.any()


def test_the_mask_is_that_of_the_diagnosis() -> None:
    true = np.random.default_rng(0).random((64, 64)) < 0.05
    diagnosis, mask = find_noise(np.where(true, 1.0, np.linspace(0.2, 0.8, 64)))
    assert diagnosis.kind == "impulse"
    assert diagnosis.impulses == mask.mean()
    assert np.array_equal(mask, true)
