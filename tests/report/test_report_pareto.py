from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_runs import clean_image, make_trials, noisy_image, write_search
from hypothesis import given
from hypothesis import strategies as st
from page import Page

from nasdip.options.search import CostTarget
from nasdip.records.trial_result import TrialResult
from nasdip.report.figures.pareto import numbered, pareto_figure
from nasdip.report.numbers.pareto import (
    cheapest_in_words,
    front_members,
    non_dominated,
    pareto_front,
    pareto_fronts,
    pareto_summary,
)
from nasdip.report.report import write_report
from nasdip.report.text.glossary import GLOSSARY
from nasdip.space.search_space import SearchSpace

TRIALS = make_trials(SearchSpace.load("tiny"), 14)
OLD = make_trials(SearchSpace.load("tiny"), 14, timed=False)
GREY = noisy_image(clean_image(48, 1))
POINTS = st.lists(st.tuples(st.integers(20, 25), st.integers(1, 6)), max_size=12)


def made(rows: list[tuple[float, float | None, int | None]]) -> list[TrialResult]:
    """Fitted trials of (psnr, step_ms, parameters)."""
    return [
        replace(TRIALS[0], trial=i, architecture=f"number {i}", reward=psnr, step_ms=ms, parameters=parameters)
        for i, (psnr, ms, parameters) in enumerate(rows, start=1)
    ]


@given(POINTS)
def test_the_front_is_what_a_comparison_of_all_pairs_leaves(points: list[tuple[int, int]]) -> None:
    psnr, cost = np.array([p for p, _ in points], dtype=float), np.array([c for _, c in points], dtype=float)
    front = non_dominated(psnr, cost).tolist()
    for i, (p, c) in enumerate(points):
        dominated = any(q >= p and d <= c and (q, d) != (p, c) for q, d in points)
        assert (i in front) == (not dominated and points.index((p, c)) == i)
    assert (np.diff(cost[front]) > 0).all()
    assert (np.diff(psnr[front]) > 0).all()


def test_fitted_trials_count_and_each_architecture_once() -> None:
    front = pareto_front(TRIALS, "step_ms")
    assert front is not None
    assert front.trial.tolist() == [trial.trial for trial in TRIALS if trial.status == "ok"]
    again = replace(TRIALS[0], trial=15, reward=99.0)
    more = pareto_front([*TRIALS, again], "step_ms")
    assert more is not None
    assert more.trial.tolist() == front.trial.tolist()


def test_quality_is_what_the_fit_is_worth_whatever_it_costs() -> None:
    free, paying = pareto_fronts(TRIALS), pareto_fronts(make_trials(SearchSpace.load("tiny"), 14, cost=CostTarget(4.0)))
    for one, other in zip(free, paying, strict=True):
        assert other.psnr == pytest.approx(one.psnr)
        assert other.front.tolist() == one.front.tolist()


def test_two_costs_are_needed_for_a_front() -> None:
    assert pareto_fronts([]) == []
    assert pareto_fronts(TRIALS[:1]) == []
    assert [front.kind for front in pareto_fronts(OLD)] == ["parameters"]
    assert [front.kind for front in pareto_fronts(TRIALS)] == ["step_ms", "parameters"]
    assert pareto_fronts(made([(30, 5.0, 100), (31, None, 100)])) == []
    assert pareto_summary(OLD[2:3], "clean") is None


def test_the_cheapest_of_about_the_best_in_words() -> None:
    rows = [(31.0, 10.0, 100), (30.9, 4.0, 90), (30.95, 6.0, 80), (30.0, 1.0, 70)]
    time, parameters = pareto_fronts(made(rows))
    assert cheapest_in_words(time) == (
        "The cheapest architecture within 0.1 dB of the best PSNR takes 4.0 ms a step, 40 % of the best's "
        "(trial 2; the best is trial 1)."
    )
    assert "has 80 parameters, 80 % of the best's (trial 3;" in cheapest_in_words(parameters)
    alone = pareto_fronts(made([(31.0, 10.0, 100), (30.0, 4.0, 90)]))
    assert cheapest_in_words(alone[0], "clean PSNR") == (
        "No cheaper architecture is within 0.1 dB of the best clean PSNR, that of trial 1, which takes 10.0 ms a step."
    )


def test_members_tell_their_fronts_best_first() -> None:
    trials = made([(29.0, 5.0, 300), (31.0, 9.0, 200), (30.0, 4.0, 400), (28.0, 8.0, 100)])
    members = front_members(trials, pareto_fronts(trials))
    assert [(member.trial.trial, member.costs) for member in members] == [
        (2, ["time", "parameters"]), (3, ["time"]), (4, ["parameters"]),
    ]  # fmt: skip


def test_the_figure_shows_target_front_and_all_trials() -> None:
    trials = make_trials(SearchSpace.load("tiny"), 300)
    trials[0] = replace(trials[0], reward=5.0, parameters=399_999, step_ms=400.0)
    fronts = pareto_fronts(trials)
    figure = pareto_figure(fronts, 1.0)
    for ax, front in zip(figure.axes, fronts, strict=True):
        shown = [collection.get_offsets() for collection in ax.collections]
        assert len(shown[0]) + len(shown[1]) == len(front.trial)
        assert len(shown[1]) == 1
        assert ax.get_ylim()[0] > 5
        assert ax.texts
        assert {text.get_text() for text in ax.texts} <= {str(number) for number in front.trial[front.front]}
    names = [ax.get_legend_handles_labels()[1] for ax in figure.axes]
    assert ["target" in panel for panel in names] == [True, False]
    assert figure.axes[0].get_xlim()[0] < 1.0


def test_a_number_stays_clear_of_others_and_of_the_target() -> None:
    places = np.array([[0.1, 0.2], [0.13, 0.22], [0.2, 0.9]])
    none = np.zeros(3, dtype=bool)
    assert numbered(places, none, (0.08, 0.07)) == [2, 1]
    assert numbered(places, np.array([True, False, False]), (0.08, 0.07)) == [2, 1]
    assert numbered(places[[0, 2]], np.array([True, False]), (0.08, 0.07)) == [1, 0]


def reported(folder: Path, **changes: object) -> Page:
    write_search(folder, noisy=GREY, clean=None, final=False, **changes)  # type: ignore[arg-type]
    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_a_report_has_figure_table_and_sentence(tmp_path: Path) -> None:
    page = reported(tmp_path)
    summary = pareto_summary(make_trials(SearchSpace.load("tiny"), 14, has_clean=False), "heldout")
    assert summary is not None
    assert page.mistakes == []
    assert summary.cheapest in page.text
    for member in summary.members:
        row = f"{member.trial.trial} {member.trial.psnr:.2f} {member.trial.step_ms:.1f}"
        assert row in page.text
    assert "on the front of" in page.text
    assert "other trials at the same time included" in page.text
    assert "Rewards lost" not in page.text
    assert "penalty (dB)" not in page.text
    assert (tmp_path / "figures/pareto.png").exists()
    assert {"Pareto front", "ms per step", "penalty"} <= set(GLOSSARY)


def test_an_older_run_that_timed_no_steps(tmp_path: Path) -> None:
    page = reported(tmp_path, timed=False)
    assert page.mistakes == []
    assert "What quality costs" in page.text
    section = page.text[: page.text.index("Best architectures")]
    assert "ms per step" not in section
    assert "ms a step" not in section
    assert "on the front of" not in page.text
    assert "other trials at the same time" not in page.text
    table = page.text[page.text.index("All trials") : page.text.index("What was run", page.text.index("All trials"))]
    assert "ms per step" not in table


def test_a_search_with_one_fitted_trial_weighs_nothing(tmp_path: Path) -> None:
    page = reported(tmp_path, trials=1)
    assert page.mistakes == []
    assert "What quality costs" not in page.text
    assert not (tmp_path / "figures/pareto.png").exists()


def test_a_run_with_a_target_tells_it(tmp_path: Path) -> None:
    page = reported(tmp_path, cost=CostTarget(8.0, 0.5))
    assert page.mistakes == []
    assert "Rewards lost 0.5 dB for each doubling of a step's time beyond 8 ms." in page.text
    assert "without what the cost took from the reward. Step times" in page.text
    assert "penalty (dB)" in page.text
