import numpy as np
import pytest
from scipy.stats import multivariate_normal

from nasdip.searchers.reward_model import Kernel, RewardModel, _likelihood

CODES = [(a, b, c) for a in range(3) for b in range(3) for c in range(2)]
SKIPS = [False, False, True]


def additive(code: tuple[int, ...]) -> float:
    return 28 + 1.0 * code[0] - 0.4 * code[1] + 0.1 * code[2]


def test_it_predicts_what_it_was_not_told() -> None:
    known = CODES[::2]
    model = RewardModel([(code, additive(code)) for code in known], SKIPS)
    mean, _ = model.predict(CODES[1::2])
    truth = np.array([additive(code) for code in CODES[1::2]])
    assert np.corrcoef(mean, truth)[0, 1] > 0.95
    assert np.abs(mean - truth).max() < 0.5 * np.ptp(truth)


def test_it_is_surer_of_what_it_knows() -> None:
    model = RewardModel([(code, additive(code)) for code in CODES[:9]], SKIPS)
    _, deviation = model.predict([CODES[0], CODES[-1]])
    assert deviation[0] < deviation[1]


def test_pending_trials_make_their_neighbours_surer_and_change_no_mean() -> None:
    model = RewardModel([(code, additive(code)) for code in CODES[:6]], SKIPS)
    mean, deviation = model.predict([(2, 2, 0), (2, 2, 1)])
    again, surer = model.predict([(2, 2, 0), (2, 2, 1)], pending=[(2, 2, 1)])
    assert again.tolist() == mean.tolist()
    assert surer[1] < 0.7 * deviation[1]
    assert surer[0] < deviation[0]


def test_pending_trials_count_like_results_that_came_out_as_expected() -> None:
    # The kernel, its noise and amplitude are held, so that one more result at its mean changes the deviation alone.
    model = RewardModel([(code, additive(code)) for code in CODES[:6]], SKIPS)
    _, expected = model.predict([(2, 2, 0)], pending=[(2, 2, 1)])
    codes = np.array([*CODES[:6], (2, 2, 1)])
    covariance = model._kernel(codes, codes) + model._noise * np.eye(7)
    across = model._kernel(codes, np.array([(2, 2, 0)]))
    variance = 1 - (across.T @ np.linalg.solve(covariance, across)).item()
    assert expected[0] == pytest.approx(model._scale * np.sqrt(model._amplitude * variance), rel=1e-6)


def test_failed_trials_do_not_bend_it() -> None:
    outcomes = [(code, additive(code)) for code in CODES]
    mean, _ = RewardModel(outcomes, SKIPS).predict([(2, 0, 0), (0, 2, 0)])
    failed = [*outcomes[:4], (outcomes[4][0], 0.0), *outcomes[5:]]
    bent, _ = RewardModel(failed, SKIPS).predict([(2, 0, 0), (0, 2, 0)])
    assert np.abs(bent - mean).max() < 0.5


def test_equal_rewards_and_two_outcomes_are_enough() -> None:
    mean, deviation = RewardModel([((0, 0), 28.0), ((1, 1), 28.0)], [False, False]).predict([(0, 1)])
    assert mean.tolist() == [28.0]
    assert np.isfinite(deviation).all()


def test_unit_and_offset_do_not_matter() -> None:
    outcomes = [(code, additive(code) + 0.01 * i) for i, code in enumerate(CODES[::2])]
    mean, deviation = RewardModel(outcomes, SKIPS).predict(CODES)
    scaled, spread = RewardModel([(code, 3 * r - 50) for code, r in outcomes], SKIPS).predict(CODES)
    np.testing.assert_allclose(scaled, 3 * mean - 50, rtol=1e-9)
    np.testing.assert_allclose(spread, 3 * deviation, rtol=1e-9)


def test_many_outcomes_are_bounded() -> None:
    rng = np.random.default_rng(0)
    outcomes = [(tuple(rng.integers(0, 4, 6).tolist()), float(rng.normal())) for _ in range(500)]
    assert len(RewardModel(outcomes, [False] * 6)._codes) == 200


def test_likelihood_is_that_of_a_normal_distribution() -> None:
    rng = np.random.default_rng(0)
    codes = np.array(CODES[:8])
    values, noise = rng.normal(size=8), 0.2
    covariance = Kernel(2.0, 0.5, np.array([1.0, 1.0, 0.3]))(codes, codes)
    cost, _, amplitude = _likelihood(covariance, values, noise)
    full = amplitude * (covariance + noise * np.eye(8))
    exact = -multivariate_normal(np.zeros(8), full).logpdf(values)
    constant = 8 / 2 * (1 + np.log(2 * np.pi))
    assert cost + constant == pytest.approx(exact, rel=1e-9)
