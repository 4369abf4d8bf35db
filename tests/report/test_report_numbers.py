import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from example_runs import clean_image, fit_result, make_trials, noisy_image
from hypothesis import given
from hypothesis import strategies as st

from nasdip.imaging.metrics import psnr
from nasdip.options.fit import FitConfig
from nasdip.records.results import Restoration
from nasdip.report.numbers.restoration import first_and_last, psd_curves, qualities, repetition_rows
from nasdip.report.numbers.search import (
    diagnostic,
    expected_best,
    ranking,
    reward_curves,
    reward_series,
    saved_in_words,
    saved_share,
    search_totals,
)
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

TRIALS = make_trials(SearchSpace.load("tiny"), 14)


@given(st.lists(st.floats(0, 60), min_size=1, max_size=7))
def test_expected_best_equals_the_mean_over_all_draws_of_k(rewards: list[float]) -> None:
    expected = expected_best(rewards)
    for k in range(1, len(rewards) + 1):
        draws = [max(draw) for draw in itertools.combinations(rewards, k)]
        assert expected[k - 1] == pytest.approx(sum(draws) / len(draws), abs=1e-9)


def test_expected_best_of_a_thousand_is_exact_at_both_ends_and_ascending() -> None:
    rewards = np.random.default_rng(0).normal(25, 1, 1000)
    expected = expected_best(list(rewards))
    assert expected[0] == pytest.approx(rewards.mean())
    assert expected[-1] == pytest.approx(rewards.max())
    assert (np.diff(expected) > 0).all()


def test_the_best_so_far_passes_over_failed_trials() -> None:
    failed_first = [replace(TRIALS[2], trial=1), *TRIALS[3:6]]
    series = reward_series(failed_first)
    assert math.isnan(series.best[0])
    assert series.best[1:].tolist() == [max(t.reward for t in failed_first[1 : i + 1]) for i in range(1, 4)]
    assert series.failed.tolist() == [True, False, False, False]
    assert series.repeated.tolist() == [t.status == "repeated" for t in failed_first]


def test_a_stopped_trial_is_never_the_best() -> None:
    series = reward_series(TRIALS)
    assert TRIALS[8].status == "stopped"
    assert series.reward.max() == TRIALS[8].reward
    assert series.best[-1] == max(t.reward for t in TRIALS if t.status == "ok") < TRIALS[8].reward
    assert np.flatnonzero(series.stopped).tolist() == [8]
    assert 9 not in [trial.trial for trial in ranking(TRIALS, 14)]


def test_what_stopping_early_saved() -> None:
    assert saved_share(TRIALS, 100) == pytest.approx(1 - (11 * 100 + 25) / 1200)
    assert saved_in_words(TRIALS, 100) == "1 of 12 fits stopped early, which saved 6 % of all steps"
    assert saved_share([trial for trial in TRIALS if trial.status != "stopped"], 100) is None
    untold = replace(TRIALS[8], steps=None)  # as an earlier version wrote it
    assert saved_share([untold], 100) is None


def test_curves_are_those_of_fits() -> None:
    curves = reward_curves(TRIALS)
    assert [curve.trial for curve in curves] == [t.trial for t in TRIALS if t.status in ("ok", "stopped")]
    assert [curve.trial for curve in curves if curve.stopped] == [9]
    stopped = next(curve for curve in curves if curve.stopped)
    assert stopped.step.tolist() == [5, 10, 15, 20, 25]
    assert stopped.reward.tolist() == [reward for _, reward in TRIALS[8].curve]


def test_no_trials_make_empty_series() -> None:
    series = reward_series([])
    assert series.best.size == series.reward.size == 0
    assert ranking([], 3) == []
    assert reward_curves([]) == []
    assert search_totals([]) == (0, 0, 0, 0, 0, 0)


def test_totals_count_each_status_once_and_no_seconds_for_repeated_trials() -> None:
    totals = search_totals(TRIALS)
    assert totals[:-1] == (14, 11, 1, 1, 1)
    assert totals.in_words() == "11 fitted, 1 stopped early, 1 repeated, 1 failed"
    assert totals.seconds == pytest.approx(sum(t.seconds for t in TRIALS if t.trial != 5))


def test_ranking_holds_fitted_trials_only_best_first() -> None:
    best = ranking(TRIALS, 3)
    rewards = sorted((t.reward for t in TRIALS if t.status == "ok"), reverse=True)
    assert [t.reward for t in best] == rewards[:3]
    tied = [replace(TRIALS[0], trial=2), replace(TRIALS[0], trial=1)]
    assert [t.trial for t in ranking(tied, 2)] == [1, 2]


def test_a_diagnostic_is_read_where_it_was_logged() -> None:
    some = [TRIALS[0], replace(TRIALS[1], diagnostics={}), TRIALS[3]]
    entropy = diagnostic(some, "policy_entropy")
    assert entropy.trial.tolist() == [1, 4]
    assert entropy.value.tolist() == [TRIALS[0].diagnostics["policy_entropy"], TRIALS[3].diagnostics["policy_entropy"]]


def restoration(has_clean: bool, repeats: int = 3) -> Restoration:
    clean = clean_image(64)
    noisy = noisy_image(clean)
    given_clean = clean if has_clean else None
    results = tuple(fit_result(noisy, given_clean, number) for number in range(1, repeats + 1))
    image = results[0].averaged
    return Restoration(
        Architecture.from_text("bilinear:1"), image, noisy, given_clean,
        psnr(clean, image, data_range=1.0) if has_clean else None, 25.0, results, FitConfig(steps=60), 8, 0, "CPU", 10,
    )  # fmt: skip


def test_repetitions_are_told_by_their_last_and_their_best_step() -> None:
    made = restoration(has_clean=True)
    row, result = repetition_rows(made)[1], made.repetitions[1]
    assert row.number == 2
    assert row.seed == result.seed
    assert row.loss == result.curves.loss[-1]
    assert result.curves.oracle_psnr_averaged is not None
    assert row.psnr_averaged == result.curves.oracle_psnr_averaged[-1]
    assert row.oracle_psnr == result.curves.oracle_psnr_averaged.max()
    assert row.oracle_step == result.curves.oracle_psnr_averaged.argmax() + 1
    assert row.events[0].step == 40


def test_without_a_clean_image_nothing_is_measured_against_it() -> None:
    made = restoration(has_clean=False)
    row = repetition_rows(made)[0]
    assert row.psnr_averaged is row.psnr_last is row.oracle_psnr is row.oracle_step is None
    assert qualities(made) == []
    assert [curve.label for curve in psd_curves(made)] == ["noisy", "restored", "last"]


def test_qualities_are_those_of_the_images() -> None:
    made = restoration(has_clean=True)
    by_label = {quality.label: quality for quality in qualities(made)}
    assert by_label["restored"].psnr == pytest.approx(made.psnr)
    assert by_label["noisy"].psnr < by_label["restored"].psnr
    assert [curve.label for curve in psd_curves(made)] == ["noisy", "restored", "last", "clean"]


@pytest.mark.parametrize(("repeats", "ends"), [(1, [1]), (2, [1, 2]), (3, [1, 3])])
def test_first_and_last_repetition(repeats: int, ends: list[int]) -> None:
    assert [number for number, _ in first_and_last(restoration(has_clean=False, repeats=repeats))] == ends
