from dataclasses import replace

import numpy as np
import pytest
from example_runs import clean_image, example_restoration, made_up, stopped_result

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.options.fit import STOPS, FitConfig
from nasdip.options.stopping_rules import AUTO, FIXED, STOPPING_RULES
from nasdip.records.results import Choice, Restoration, TileFit
from nasdip.report.figures.curves import curves_figure, has_score, score_figure
from nasdip.report.numbers.restoration import qualities, repetition_rows, watched
from nasdip.report.text.expected import error_map, expected_words, map_top, missing_words, truth_words, uncertainty
from nasdip.report.text.treatment import (
    SEARCH_STEPS_OPTION,
    overfit_words,
    quality_words,
    refinement_words,
    score_axis,
    step_limit_words,
    stopping_words,
)

CLEAN = clean_image(64)


def ruled(repeats: int = 2, rule: str = "reference") -> Restoration:
    made = example_restoration(CLEAN, repeats=repeats)
    fits = tuple(stopped_result(fit, rule) for fit in made.repetitions)
    reference = BayesEstimate(made.image, np.full_like(made.image, 1e-4))
    config = FitConfig(steps=90, stop=rule)
    return replace(made, repetitions=fits, config=config, reference=reference, refined=True)


def test_every_rule_has_words() -> None:
    assert {*STOPPING_RULES, AUTO, FIXED} == set(STOPS)
    assert all(rule.score and score_axis(name) == rule.axis != "score" for name, rule in STOPPING_RULES.items())


def test_the_steps_of_a_rule_are_told() -> None:
    words = stopping_words(ruled())
    assert "By the rule reference" in words
    assert "step 40 of 60, 40 of 60" in words
    assert "at most 90 steps" in words
    assert "By no rule: 60 steps" in stopping_words(example_restoration(CLEAN))


def test_tiles_tell_the_range_of_their_steps() -> None:
    made = ruled(repeats=1)
    tiles = tuple(TileFit(0, 0, 32, 32, 1, 1.0, 60, step, 0.01, None, None) for step in (37, 52, 40))
    tiled = replace(made, repetitions=(replace(made.repetitions[0], tiles=tiles),))
    assert "step 37–52 of 60 for their tiles" in stopping_words(tiled)
    assert repetition_rows(tiled)[0].chosen == "37–52"


def test_a_best_step_that_may_be_ahead_is_told() -> None:
    made = ruled()
    assert step_limit_words(made) is None
    late = replace(
        made, repetitions=(made.repetitions[0], replace(made.repetitions[1], hit_step_limit=True, psnr_averaged=None))
    )
    words = step_limit_words(late)
    assert words is not None
    assert "of repetition 2" in words
    assert "as with --steps 180." in words
    assert "a new search with --final-steps 180." in (step_limit_words(late, SEARCH_STEPS_OPTION) or "")
    assert [row.hit_step_limit for row in repetition_rows(late)] == [False, True]


def test_more_steps_are_not_advised_where_the_curve_shows_that_the_fit_got_worse() -> None:
    made = ruled(repeats=1)
    curves = made.repetitions[0].curves._replace(oracle_psnr_averaged=np.linspace(30.0, 28.0, 60))
    worse = replace(made.repetitions[0], hit_step_limit=True, curves=curves, oracle_step=1, psnr_averaged=28.0)
    assert step_limit_words(replace(made, repetitions=(worse,))) is None
    better = replace(worse, curves=curves._replace(oracle_psnr_averaged=np.linspace(26.0, 28.0, 60)), oracle_step=60)
    assert step_limit_words(replace(made, repetitions=(better,))) is not None


def test_a_fit_without_a_rule_is_told_where_it_began_to_follow_the_noise() -> None:
    made = example_restoration(CLEAN, repeats=1)
    words = overfit_words(made)
    assert words is not None
    assert "--stop auto" in words
    assert overfit_words(replace(made, sigma=1.0)) is None  # the loss never comes so far
    assert overfit_words(replace(made, kind="correlated")) is None
    assert overfit_words(ruled()) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "the mean of 2 fits and a non-local Bayes estimate"),
        ({"refined": False}, "Not refined. The image is the mean of 2 fits. Non-local Bayes served the stopping rule"),
        ({"reference": None}, "Not refined: this noise allows no estimate"),
        ({"reference": None, "kind": "impulse"}, "Impulses were filled from the mean of 2 fits"),
    ],
)
def test_what_was_made_of_the_fits(changes: dict, words: str) -> None:
    assert words in refinement_words(replace(ruled(), **changes))


def test_the_preset_is_named_where_there_is_one() -> None:
    assert quality_words(ruled(repeats=3)) == "balanced: 3 fits, refined"
    assert quality_words(ruled(repeats=2)) == "2 fits, refined"
    assert quality_words(example_restoration(CLEAN, repeats=1)) == "1 fit, not refined"


def test_parts_of_a_refined_image_are_measured() -> None:
    made = ruled()
    by_label = {quality.label: quality for quality in qualities(made)}
    assert list(by_label) == ["noisy", "restored", "mean of fits", "reference", "last", "oracle"]
    assert "refined with the reference" in by_label["restored"].note
    assert [quality.label for quality in qualities(example_restoration(CLEAN))] == [
        "noisy", "restored", "last", "oracle",
    ]  # fmt: skip


def test_rules_that_were_watched_are_listed() -> None:
    made = ruled(repeats=1)
    assert watched(made) == []
    fit = made.repetitions[0]
    both = replace(made, repetitions=(replace(fit, choices={**fit.choices, "sure": Choice(33, 45, 27.5)}),))
    assert [row.rule for row in watched(both)] == ["reference", "sure"]
    assert watched(both)[1] == (1, "sure", 33, 45, 27.5)


def test_the_truth_is_told_beside_the_estimate() -> None:
    made = example_restoration(CLEAN)
    assert made.psnr is not None
    expected = made_up(made.noisy, made.image, CLEAN)
    assert truth_words(replace(made, expected=expected)) == (
        f"{made.psnr:.2f} dB, inside the interval (+0.20 dB from the estimate)"
    )
    low = expected._replace(psnr=made.psnr - 2, low=made.psnr - 3, high=made.psnr - 1)
    assert "above the interval" in (truth_words(replace(made, expected=low)) or "")
    high = expected._replace(psnr=made.psnr + 2, low=made.psnr + 1, high=made.psnr + 3)
    assert "below the interval" in (truth_words(replace(made, expected=high)) or "")
    assert truth_words(replace(made, psnr=None)) is None
    assert f"interval {expected.low:.2f} to {expected.high:.2f} dB" in expected_words(expected)
    assert "nothing can be promised" in missing_words(replace(made, kind="correlated"))
    assert "this noise allows no estimate" in missing_words(replace(made, kind="impulse", refined=True))
    assert "did not estimate it" in missing_words(made)


def test_the_map_is_the_root_mean_square_over_channels() -> None:
    expected = made_up(CLEAN, CLEAN, CLEAN)
    deviation = np.zeros((20, 30, 3), np.float32)
    deviation[0, 0] = np.array([3, 4, 0]) / 255
    errors = error_map(expected._replace(deviation=deviation))
    assert errors[0, 0] == pytest.approx(np.sqrt(25 / 3))
    assert errors.shape == (20, 30)
    assert map_top(np.zeros((4, 4))) == 1.0
    shown = uncertainty(expected)
    assert np.mean(error_map(expected) <= shown.top) == pytest.approx(0.99, abs=2e-3)
    assert f"below {shown.typical:.1f}" in shown.picture.alt
    assert (shown.picture.width, shown.picture.height) == (64, 64)


def test_scores_below_zero_and_before_a_window_is_full_are_drawn() -> None:
    fit = ruled().repetitions[0]
    score = np.linspace(0.5, -0.1, 60)
    score[:10] = np.inf
    negative = replace(fit, curves=fit.curves._replace(score=score))
    figure = score_figure([(1, negative)], "SURE")
    assert np.isnan(figure.axes[0].lines[0].get_ydata()[:10]).all()
    assert figure.axes[0].get_ylim()[0] < -0.1
    assert not has_score([(1, example_restoration(CLEAN).repetitions[0])])


def test_the_kept_step_is_marked_where_there_is_one_for_the_image() -> None:
    fit = ruled().repetitions[0]

    def diamonds(marked: bool, **changes: object) -> list[float]:
        figure = curves_figure([(1, replace(fit, **changes))], 25.0, marked=marked)
        return [line.get_xdata()[0] for ax in figure.axes for line in ax.lines if line.get_marker() == "D"]

    assert diamonds(marked=True) == [40, 40, 40]  # loss, score, PSNR
    tile = TileFit(0, 0, 32, 32, 1, 1.0, 60, 37, 0.01, None, None)
    assert diamonds(marked=True, tiles=(tile,)) == []
    assert diamonds(marked=False, curves=fit.curves._replace(score=None)) == []
