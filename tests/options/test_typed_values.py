"""Times, tiles and noise levels as people type them, and what does not go together."""

import pytest

from nasdip.errors import NasdipError
from nasdip.options.duration import parse_budget
from nasdip.options.restore import RestoreOptions, parse_sigma, parse_tile


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("5m", 300), ("5min", 300), ("1.5h", 5400), ("90", 90), (" 2 m ", 120), (".5m", 30), (None, None)],
)
def test_times(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5d", "1h30m", "1e3", "nan", "5 S", "s"])
def test_texts_that_are_no_time_are_refused(text):
    with pytest.raises(NasdipError, match="is no time: use one like 60s, 5m"):
        parse_budget(text)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf"), "60s"])
def test_seconds_that_are_no_time_are_refused(seconds):
    with pytest.raises(NasdipError, match="is no time: use a number of seconds above 0"):
        RestoreOptions(budget=seconds)


def test_a_budget_or_an_architecture():
    assert RestoreOptions(architecture="dip").budget is None
    assert RestoreOptions(budget=60).architecture is None
    with pytest.raises(NasdipError, match="drop either the architecture or the budget"):
        RestoreOptions(architecture="dip", budget=60)


@pytest.mark.parametrize("text", ["512", "auto", "off"])
def test_tiles(text):
    assert str(parse_tile(text)) == text


@pytest.mark.parametrize("text", ["", "-5", "large", "1.5"])
def test_texts_that_are_no_tiles_are_refused(text):
    with pytest.raises(NasdipError, match="use auto, off or a number of pixels"):
        parse_tile(text)


def test_noise_levels():
    assert parse_sigma("auto") is None
    assert parse_sigma("12.5") == 12.5
    with pytest.raises(NasdipError, match="sigma 'much' is no noise level"):
        parse_sigma("much")
