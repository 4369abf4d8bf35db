"""`nasdip search` with several trials at once."""

import re
import shutil

import pytest

from nasdip.cli.commands import search
from nasdip.errors import NasdipError
from nasdip.nas import worker_devices
from nasdip.records.run_folder import RunFolder
from nasdip.restoration import tile_choice
from nasdip.restoration.planned import Plan

SEARCH = (
    "--space", "tiny", "--crop", 16, "--width", 16, "--steps", 2, "--final-steps", 0, "--searcher", "random",
    "--threads", 1, "--reward", "heldout", "--candidate", "none",
)  # fmt: skip


def found(folder, name):
    return [(t.trial, t.architecture, t.reward, t.status) for t in RunFolder(folder / name).trials()]


def test_two_trials_at_once_are_told_kept_and_reported(folder, nasdip):
    code, out, err = nasdip("search", "photo.png", "-o", "two", "--trials", 5, "--parallel", 2, *SEARCH)
    assert code == 0, err
    assert out == "two/report.html\n"
    assert "trials 1 to 5, 2 at once, each 2 steps" in err
    assert "search: 5/5" in err
    assert "2 at once, last" in err
    assert "<dt>trials at once</dt><dd>2</dd>" in (folder / "two/report.html").read_text()
    code, _, err = nasdip("search", "--resume", "-o", "two", "--parallel", 3)
    assert code == 2
    assert "--parallel 2, not 3" in err
    code, _, err = nasdip("search", "--resume", "-o", "two", "--parallel", "auto", "--trials", 6)
    assert code == 0, err
    # One trial is left: one process, and the run's own order.
    assert "1 at once (2 asked for: there are no more trials)" in err
    assert RunFolder(folder / "two").record().settings.parallel == 2
    nasdip("search", "photo.png", "-o", "whole", "--trials", 6, "--parallel", 2, *SEARCH)
    assert found(folder, "two") == found(folder, "whole")


@pytest.mark.parametrize(
    ("trials", "room", "words"),
    [
        (5, 3, "3 at once, each"),
        (5, 2, "2 at once (3 asked for: there is memory for no more), each"),
        (2, 2, "2 at once (3 asked for: there are no more trials), each"),
        (2, 1, "1 at once (3 asked for: there is memory for no more), each"),
    ],
)
def test_fewer_trials_at_once_than_asked_for_have_a_cause(folder, nasdip, monkeypatch, trials, room, words):
    def place(most, need, free):
        return ["cpu"] * min(most, room)

    def stop(*_, **__):
        raise NasdipError("announced")

    monkeypatch.setattr(worker_devices, "place_workers", place)
    monkeypatch.setattr(search, "run_trials", stop)
    _, _, err = nasdip("search", "photo.png", "-o", "run", "--trials", trials, "--parallel", 3, *SEARCH)
    assert words in err
    assert err.endswith("announced\n")


def test_a_search_lacking_a_trial_before_its_last_announces_it_and_keeps_the_others(folder, nasdip, empty_page, caplog):
    nasdip("search", "photo.png", "-o", "whole", "--trials", 4, "--parallel", 2, *SEARCH)
    run = RunFolder(folder / "whole")
    expected = found(folder, "whole")
    for lost in (2, 3):
        (run.path / f"trials/{lost:04d}.json").unlink()
    kept = run.trials()
    code, _, err = nasdip("search", "--resume", "-o", "whole", "--trials", 3)
    assert code == 2
    assert "has 4 trials already: ask for 4 or more" in err
    code, _, err = nasdip("search", "--resume", "-o", "whole", "--trials", 6)
    assert code == 0, err
    # The one that ended last may be known as begun only: it is run again as well.
    assert re.search(r"lacks results of trials that ended \((2|3|2, 3)\)", caplog.text)
    assert "trials 2 to 6 (1 of them done), 2 at once" in err
    assert "search: 6/6" in err
    assert found(folder, "whole")[:4] == expected
    assert [t for t in run.trials() if t.trial in (1, 4)] == kept


def test_a_resumed_final_fit_is_announced_as_it_is_done(folder, nasdip, empty_page, monkeypatch):
    """Though less memory is free than at its start, which would be too little for a new one."""
    options = ("--trials", 1, "--parallel", 1, "--final-steps", 3, "--final-width", 16, "--repeats", 2)
    code, _, err = nasdip("search", "photo.png", "-o", "run", *SEARCH, *options)
    assert code == 0, err
    assert "final fit: 6/6" in err
    shutil.rmtree(folder / "run/final/repetition-02")
    monkeypatch.setattr(tile_choice, "available_memory", lambda _: 1)
    monkeypatch.setattr(Plan, "free_memory", 1)
    code, _, err = nasdip("search", "--resume", "-o", "run")
    assert code == 0, err
    assert "going on with an earlier start, 1 of 2 fits done, though only" in err
    assert "final fit: 6/6" in err


def test_a_trial_too_large_is_refused_by_the_options_of_a_search(folder, nasdip, monkeypatch):
    monkeypatch.setattr(tile_choice, "available_memory", lambda _: 1)
    code, _, err = nasdip("search", "photo.png", "-o", "run", "--trials", 1, *SEARCH)
    assert code == 2
    assert "fitting 16x16 px needs about" in err
    assert err.rstrip().endswith("use a smaller --width or --crop")


def test_status_shares_the_time_that_is_left_among_trials_at_once(folder, nasdip, empty_page):
    for name, parallel in (("one", 1), ("four", 4)):
        nasdip("search", "photo.png", "-o", name, "--trials", 1, "--parallel", parallel, *SEARCH)
    seconds = {}
    for name in ("one", "four"):
        run = RunFolder(folder / name)
        (trial,) = run.trials()
        run.write_trial(trial.from_json({**trial.to_json(), "seconds": 8.0}))
        record = run.record()
        more = record.settings.from_json({**record.settings.to_json(), "trials": 11})
        run.write_record(record._replace(settings=more), "tiny")
        _, out, _ = nasdip("status", name)
        seconds[name] = next(line for line in out.splitlines() if line.startswith("time left"))
    assert "1 min 20 s" in seconds["one"]
    assert "20 s" in seconds["four"]
    assert "1 min" not in seconds["four"]
