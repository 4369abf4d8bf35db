"""`nasdip search --budget`."""

import pytest

from nasdip.files import read_json
from nasdip.nas import time_limit

SMALL = (
    "--space", "tiny", "--crop", "16", "--width", "16", "--steps", "2", "--final-width", "16", "--parallel", "1",
    "--candidate", "none", "--searcher", "random",
)  # fmt: skip


def settings_of(run):
    return read_json(run / "run.json")["settings"]


def test_a_search_keeps_its_budget_and_goes_on_without_one(folder, nasdip, monkeypatch):
    monkeypatch.setattr(time_limit, "LEAST_TRIALS", 2)
    code, _, err = nasdip(
        "search", "photo.png", "-o", "run", *SMALL, "--final-steps", 3, "--trials", 5, "--budget", "0.1s"
    )
    assert code == 0, err
    assert "no more trials than leave the last fit its time within 0.1 s" in err
    assert "budget: 2 of 5 trials, so that the last fit has its time" in err
    assert settings_of(folder / "run")["trials"] == 2
    assert (folder / "run/restored.png").exists()
    assert "0.1 s" in (folder / "run/report.html").read_text(encoding="utf-8")
    code, _, err = nasdip("search", "--resume", "-o", "run", "--trials", 4)
    assert code == 0, err
    assert settings_of(folder / "run")["trials"] == 4
    assert settings_of(folder / "run")["budget"] is None


def test_a_last_fit_that_is_cut_says_so(folder, nasdip, empty_page, monkeypatch):
    monkeypatch.setattr(time_limit.TimeLimit, "steps", lambda *_: 3)
    options = ("--final-steps", 4, "--trials", 1, "--budget", "10m")
    code, _, err = nasdip("search", "photo.png", "-o", "run", *SMALL, *options)
    assert code == 0, err
    assert "budget: the last fit has at most 3 of 4 steps" in err
    assert read_json(folder / "run/final/record.json")["settings"]["config"]["steps"] == 3


def test_a_last_fit_that_takes_too_long_is_told(folder, nasdip, empty_page, monkeypatch):
    monkeypatch.setattr(time_limit, "LEAST_TRIALS", 1)
    code, _, err = nasdip("search", "photo.png", "-o", "run", *SMALL, "--final-steps", 4, "--budget", "0.001s")
    assert code == 0, err
    assert "the last fit is likely to take longer; it is not cut" in err
    assert read_json(folder / "run/final/record.json")["settings"]["config"]["steps"] == 4


def test_only_a_search_of_no_said_length_has_a_budget_by_default(folder, nasdip, monkeypatch):
    asked = []

    def stop(folder, *_):
        asked.append(folder.record().settings.budget)
        raise KeyboardInterrupt

    monkeypatch.setattr("nasdip.cli.commands.search._search", stop)
    for number, options in enumerate(((), ("--trials", 3), ("--final-steps", 3), ("--repeats", 2), ("--budget", "2m"))):
        assert nasdip("search", "photo.png", "-o", f"run{number}", *SMALL, *options)[0] == 130
    assert asked == [600.0, None, None, None, 120.0]


@pytest.mark.parametrize(("budget", "words"), [("soon", "budget 'soon' is no time"), ("0s", "budget 0.0 is no time")])
def test_a_bad_budget_is_one_line(folder, nasdip, budget, words):
    code, _, err = nasdip("search", "photo.png", "-o", "run", "--budget", budget)
    assert code == 2
    assert words in err
    assert len(err.splitlines()) == 1
    assert not (folder / "run").exists()


def test_a_run_that_goes_on_keeps_its_budget(folder, nasdip, empty_page):
    code, _, err = nasdip(
        "search", "photo.png", "-o", "run", *SMALL, "--trials", 1, "--final-steps", 0, "--budget", "5m"
    )
    assert code == 0, err
    code, _, err = nasdip("search", "--resume", "-o", "run", "--budget", "9m")
    assert code == 2
    assert "--budget 300.0, not 540.0" in err
    assert nasdip("search", "--resume", "-o", "run", "--budget", "5m")[0] == 0
