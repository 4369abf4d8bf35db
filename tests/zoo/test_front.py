"""The zoo's figures, and the ready architectures that no other one beats."""

import json

import pytest

from nasdip.cli.commands.zoo import list_lines, show_lines
from nasdip.errors import NasdipError
from nasdip.zoo import catalog
from nasdip.zoo.catalog import zoo_entry, zoo_names
from nasdip.zoo.front import front, zoo_front

FIGURES = {"gain_db": 0.4, "gain_error_db": 0.05, "step_ratio": 2.5, "source": "gain.py > gain.csv"}
FACTS = {"architecture": "dip+bilinear:4", "task": "denoising", "summary": "made up", "source": "nowhere"}


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Add entries to an empty zoo."""
    monkeypatch.setattr(catalog, "_folder", lambda: tmp_path)

    def write(name, gain=None, ratio=None, **facts):
        figures = {} if gain is None else {"figures": {**FIGURES, "gain_db": gain, "step_ratio": ratio}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name, **FACTS, **figures, **facts}))

    return write


def test_the_front_goes_from_cheapest_to_dearest(add):
    for name, gain, ratio in (
        ("quick", -1.5, 0.3), ("slow", 0.4, 2.5), ("dip", 0.0, 1.0), ("beaten", -0.1, 1.1), ("as-fast", -0.2, 1.0),
        ("as-good", 0.4, 2.6), ("twin", 0.0, 1.0),
    ):  # fmt: skip
        add(name, gain, ratio)
    add("unmeasured")
    add("inpainting", 9.0, 0.1, task="inpainting")
    assert [entry.name for entry in front(map(zoo_entry, zoo_names()))] == ["quick", "dip", "slow"]
    assert list(zoo_front()) == ["quick", "dip", "slow"]
    assert front([]) == []


def test_the_reference_is_on_the_front():
    assert "dip" in zoo_front()
    assert zoo_entry("dip").figures[:3] == (0.0, 0.0, 1.0)
    for name in zoo_names():
        zoo_entry(name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gain_db": float("nan")}, "gain_db of 'odd' is nan: use a finite number"),
        ({"gain_db": "much"}, "gain_db of 'odd' is 'much': use a finite number"),
        ({"gain_error_db": float("inf")}, "gain_error_db of 'odd' is inf"),
        ({"gain_error_db": -1}, "gain_error_db of 'odd' is -1: use a number from 0"),
        ({"step_ratio": True}, "step_ratio of 'odd' is True"),
        ({"step_ratio": 0}, "step_ratio of 'odd' is 0: use a number above 0"),
        ({"speed": 3}, "the figures of 'odd' are incomplete"),
    ],
)
def test_bad_figures_are_one_line(add, change, words):
    add("odd", figures={**FIGURES, **change})
    with pytest.raises(NasdipError) as caught:
        zoo_entry("odd")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("figures", [{}, [], 3, {"gain_db": 1.0}])
def test_incomplete_figures_are_refused(add, figures):
    add("odd", figures=figures)
    with pytest.raises(NasdipError, match="give gain_db, gain_error_db, step_ratio, source"):
        zoo_entry("odd")


def test_provenance_is_an_object(add):
    add("odd", provenance=["me"])
    with pytest.raises(NasdipError, match="provenance of 'odd' is no JSON object"):
        zoo_entry("odd")


def test_what_is_known_is_listed_in_columns(add):
    add("dip", 0.0, 1.0)
    add("found", 0.444, 12.5)
    add("old")
    lines = list_lines()
    assert [line[:53].split() for line in lines] == [
        ["dip", "denoising", "+0.00", "dB", "1.00x"],
        ["found", "denoising", "+0.44", "dB", "12.50x"],
        ["old", "denoising"],
    ]
    assert [line[53:] for line in lines] == ["  made up (default)", "  made up", "  made up"]


def test_figures_and_provenance_are_shown(add):
    add("found", 0.444, 2.5, provenance={"searcher": "evolution", "seeds": [0, 1, 2]})
    text = "\n".join(show_lines("found"))
    for words in ("+0.44 dB, standard error 0.05 dB", "2.50 times that of dip", "gain.py > gain.csv",
                  "provenance    searcher: evolution\n              seeds: 0, 1, 2"):  # fmt: skip
        assert words in text
    add("old")
    text = "\n".join(show_lines("old"))
    assert "None" not in text
    assert "figures" not in text
