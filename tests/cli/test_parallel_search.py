"""`nasdip search` with several trials at once."""

from nasdip.search.run_folder import RunFolder

SEARCH = (
    "--space", "tiny", "--crop", 16, "--width", 16, "--steps", 4, "--final-steps", 0, "--searcher", "random",
    "--threads", 1,
)  # fmt: skip


def found(folder, name):
    return [(t.trial, t.architecture, t.reward, t.status) for t in RunFolder(folder / name).trials()]


def test_two_trials_at_once_are_told_kept_and_reported(folder, nasdip):
    code, out, err = nasdip("search", "photo.png", "-o", "two", "--trials", 5, "--parallel", 2, *SEARCH)
    assert code == 0, err
    assert out == "two/report.html\n"
    assert "trials 1 to 5, 2 at once, each 4 steps" in err
    assert "search: 5/5" in err
    assert "2 at once, last" in err
    assert "<dt>trials at once</dt><dd>2</dd>" in (folder / "two/report.html").read_text()
    code, _, err = nasdip("search", "--resume", "-o", "two", "--parallel", 3)
    assert code == 2
    assert "--parallel 2, not 3" in err
    code, _, err = nasdip("search", "--resume", "-o", "two", "--parallel", "auto", "--trials", 6)
    assert code == 0, err
    # One trial is left: one process, and the run's own order.
    assert "1 at once (2 asked for: there is memory, or there are trials, for no more)" in err
    assert RunFolder(folder / "two").record().settings.parallel == 2
    nasdip("search", "photo.png", "-o", "whole", "--trials", 6, "--parallel", 2, *SEARCH)
    assert found(folder, "two") == found(folder, "whole")


def test_status_shares_the_time_that_is_left_among_trials_at_once(folder, nasdip):
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
