import numpy as np
import pytest
from example_runs import clean_image
from skimage.filters import gaussian
from skimage.restoration import denoise_tv_chambolle

from nasdip.classical.nonlocal_bayes import nonlocal_bayes
from nasdip.report.numbers.detail_correlation import detail_correlation
from nasdip.report.numbers.noise import ExpectedResidual
from nasdip.report.numbers.trust import Finding, Tone, is_strong, is_weak, signed_distance, trust

SIGMA = 25.0
WHITE = ExpectedResidual("gaussian", "white", SIGMA)
CLEAN = clean_image(64).astype(np.float64)
NOISE = np.random.default_rng(3).normal(0, SIGMA / 255, CLEAN.shape)


@pytest.fixture(scope="module")
def photograph() -> tuple[np.ndarray, np.ndarray]:
    """A noisy photograph, and its estimate by non-local Bayes."""
    clean = clean_image(128, 1)[:96, :96].astype(np.float64)
    noisy = clean + np.random.default_rng(1).normal(0, SIGMA / 255, clean.shape)
    return noisy, nonlocal_bayes(noisy, (SIGMA / 255) ** 2).image


@pytest.mark.parametrize(
    ("restored", "finding", "strength"),
    [
        (CLEAN, "white", "as much was removed"),
        (CLEAN + 0.4 * NOISE, "detail", "part of the noise was left"),
        (gaussian(CLEAN, 2.5, channel_axis=-1), "low", "more than the noise"),
        (CLEAN + gaussian(NOISE, 1.0, channel_axis=-1), "high", "of the noise"),
        (CLEAN + NOISE, "constant", "part of the noise was left"),
    ],
)
def test_the_verdict_names_what_the_residual_holds(restored: np.ndarray, finding: Finding, strength: str) -> None:
    judged = trust(CLEAN + NOISE, restored, WHITE)
    assert judged.finding == finding
    if finding == "high":
        assert "low frequencies, where noise stayed" in judged.headline
    else:
        assert strength in judged.strength
    assert judged.deviation == pytest.approx(255 * (CLEAN + NOISE - restored).std())


def test_the_signed_distance_is_the_statistic_with_its_side() -> None:
    for restored, side in (
        (gaussian(CLEAN, 2.5, channel_axis=-1), 1),
        (CLEAN + gaussian(NOISE, 1, channel_axis=-1), -1),
    ):
        test = trust(CLEAN + NOISE, restored, WHITE).whiteness
        assert test is not None
        distance, frequency = signed_distance(test)
        assert abs(distance) == pytest.approx(test.statistic)
        assert np.sign(distance) == side
        assert 0 < frequency < 0.71


def test_the_scale_holds_99_percent_of_the_residual() -> None:
    judged = trust(CLEAN + NOISE, CLEAN, WHITE)
    assert np.mean(np.abs(judged.residual) <= judged.scale) == pytest.approx(0.99, abs=1e-3)


def test_an_image_without_noise_has_nothing_to_compare_with() -> None:
    assert "no noise was found" in trust(CLEAN + NOISE, CLEAN, WHITE._replace(sigma=0.0)).strength


def test_detail_correlation_sees_softened_edges_and_not_noise() -> None:
    soft = gaussian(CLEAN, 0.7, channel_axis=-1)
    assert abs(detail_correlation(NOISE, CLEAN)) < 0.05
    assert detail_correlation(CLEAN + NOISE - soft, soft) > 0.1
    assert detail_correlation(NOISE, np.full_like(CLEAN, 0.5)) == 0


def test_non_local_bayes_raises_no_alarm_and_total_variation_does(photograph: tuple[np.ndarray, np.ndarray]) -> None:
    noisy, estimate = photograph
    good = trust(noisy, estimate, WHITE, refined=True)
    assert good.tone == "good"
    assert not is_weak(good)
    flat = trust(noisy, denoise_tv_chambolle(noisy, weight=0.4, channel_axis=-1), WHITE, refined=True)
    assert (flat.finding, flat.tone) == ("low", "bad")
    assert "detail was removed" in flat.headline


def test_nothing_but_noise_is_as_strong_as_the_noise() -> None:
    verdicts = {sigma: trust(CLEAN + NOISE, CLEAN, WHITE._replace(sigma=sigma)) for sigma in (15.0, 25.0, 40.0)}
    assert [judged.finding for judged in verdicts.values()] == ["strong", "white", "weak"]
    assert [judged.tone for judged in verdicts.values()] == ["warn", "good", "warn"]
    assert ["nothing but noise" in judged.headline for judged in verdicts.values()] == [False, True, False]
    assert [is_strong(judged) for judged in verdicts.values()] == [True, False, False]
    nearly = trust(CLEAN + NOISE, CLEAN + 0.3 * gaussian(NOISE, 1.0, channel_axis=-1), WHITE._replace(sigma=15.0))
    assert (nearly.finding, nearly.tone) == ("high", "warn")
    assert "stronger than the noise" in nearly.headline
    doubted = trust(CLEAN + NOISE, CLEAN, WHITE._replace(sigma=5.0, doubtful=True))
    assert (doubted.finding, is_strong(doubted), doubted.ratio) == ("white", False, None)


def test_refined_images_that_lack_detail_are_told_from_those_that_hold_noise(
    photograph: tuple[np.ndarray, np.ndarray],
) -> None:
    noisy, good = photograph
    kept, soft = (trust(noisy, image, WHITE, refined=True) for image in (good, gaussian(good, 0.7, channel_axis=-1)))
    assert min(kept.correlation, soft.correlation) > 0.15
    assert (kept.tone, soft.finding, soft.tone) == ("good", "detail", "warn")
    assert "noise was left in fine detail" in kept.repeats
    assert "edges were softened" in soft.repeats


@pytest.mark.parametrize(("share", "tone"), [(0.3, "good"), (1.0, "warn")])
def test_slow_noise_that_stayed_matters_where_it_is_much(share: float, tone: Tone) -> None:
    slow = gaussian(NOISE, 1.0, channel_axis=-1)
    judged = trust(CLEAN + NOISE, CLEAN + share * slow, WHITE)
    assert (judged.finding, judged.tone) == ("high", tone)
    assert ("nearly white" in judged.headline) == (tone == "good")


def test_noise_that_stayed_makes_the_residual_weak() -> None:
    assert is_weak(trust(CLEAN + NOISE, CLEAN + 0.2 * NOISE, WHITE))
    assert not is_weak(trust(CLEAN + NOISE, CLEAN, WHITE))


def test_the_residual_is_divided_by_the_noise_of_each_pixel() -> None:
    """Half of the picture has ten times the noise; coloured noise in the quiet half shows in the ratio alone."""
    spread = np.full(CLEAN.shape, 0.01)
    spread[:, 32:] = 0.1
    residual = np.random.default_rng(4).normal(0, spread)
    residual[:, :32] = 0.02 * gaussian(residual[:, :32] / 0.01, 1.5, channel_axis=-1)
    even = trust(CLEAN + residual, CLEAN, WHITE._replace(spread=spread))
    assert even.finding == "low"
    assert trust(CLEAN + residual, CLEAN, WHITE._replace(sigma=18.0)).finding == "white"
    assert even.expected == pytest.approx(255 * np.sqrt((0.01**2 + 0.1**2) / 2))


def test_impulses_take_no_part() -> None:
    valid = np.random.default_rng(5).random(CLEAN.shape[:2]) > 0.1
    noisy = np.where(valid[..., None], CLEAN + NOISE, 1.0)
    judged = trust(noisy, CLEAN, WHITE._replace(kind="impulse", valid=valid))
    assert judged.finding == "white"
    assert judged.deviation == pytest.approx(SIGMA, rel=0.03)
    only = trust(np.where(valid[..., None], CLEAN, 1.0), CLEAN, ExpectedResidual("impulse", "", 0.2, valid=valid))
    assert (only.finding, only.tone) == ("kept", "good")


def test_correlated_noise_is_not_judged() -> None:
    slow = 2 * gaussian(NOISE, 1.5, channel_axis=-1)
    judged = trust(CLEAN + slow, CLEAN, WHITE._replace(kind="correlated"))
    assert (judged.finding, judged.tone) == ("unjudged", "warn")
    assert "Nothing is promised" in judged.explanation
    assert judged.repeats == judged.strength == ""
