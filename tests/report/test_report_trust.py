import numpy as np
import pytest
from example_runs import clean_image
from skimage.filters import gaussian

from nasdip.report.detail_correlation import detail_correlation
from nasdip.report.trust import Finding, signed_distance, trust

SIGMA = 25.0
CLEAN = clean_image(64).astype(np.float64)
NOISE = np.random.default_rng(3).normal(0, SIGMA / 255, CLEAN.shape)


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
    judged = trust(CLEAN + NOISE, restored, SIGMA)
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
        test = trust(CLEAN + NOISE, restored, SIGMA).whiteness
        assert test is not None
        distance, frequency = signed_distance(test)
        assert abs(distance) == pytest.approx(test.statistic)
        assert np.sign(distance) == side
        assert 0 < frequency < 0.71


def test_the_scale_holds_99_percent_of_the_residual() -> None:
    judged = trust(CLEAN + NOISE, CLEAN, SIGMA)
    assert np.mean(np.abs(judged.residual) <= judged.scale) == pytest.approx(0.99, abs=1e-3)


def test_an_image_without_noise_has_nothing_to_compare_with() -> None:
    assert "no noise was found" in trust(CLEAN + NOISE, CLEAN, 0.0).strength


def test_detail_correlation_sees_softened_edges_and_not_noise() -> None:
    soft = gaussian(CLEAN, 0.7, channel_axis=-1)
    assert abs(detail_correlation(NOISE, CLEAN)) < 0.05
    assert detail_correlation(CLEAN + NOISE - soft, soft) > 0.1
    assert detail_correlation(NOISE, np.full_like(CLEAN, 0.5)) == 0
