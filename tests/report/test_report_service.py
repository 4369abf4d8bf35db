"""The report of a search whose trials a service runs: run folders as its tuner writes them, without the service."""

import json
from pathlib import Path
from typing import Any

import pytest
from example_runs import HOSTILE, clean_image, noisy_image, write_search
from page import Page

from nasdip.records.run_folder import RunFolder
from nasdip.report.numbers.source import read_random_rewards, read_source
from nasdip.report.report import write_report
from nasdip.report.text.glossary import GLOSSARY

GREY = noisy_image(clean_image(32, 1))
ID = "abcd1234"


def service(**given: Any) -> dict[str, Any]:
    notes = {"service": "nni", "experiment": ID, "port": 18499, "exposed": [], "parameters_bound": True}
    return {**notes, "concurrency": 2, "children": 1, "lost": [], "failure": None, **given}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with nnictl's list, which knows the experiment."""
    path = tmp_path / "home"
    (path / "nni-experiments").mkdir(parents=True)
    known = {ID: {"id": ID, "logDir": str(tmp_path)}}
    (path / "nni-experiments/.experiment").write_text(json.dumps(known))
    monkeypatch.setenv("HOME", str(path))
    return path


def report(tmp_path: Path, trials: int = 14, planned: int = 14, **given: Any) -> Page:
    run = tmp_path / ID / "run"
    write_search(run, noisy=GREY, clean=None, trials=trials, planned=planned, service=service(**given))
    return Page(write_report(run).read_text(encoding="utf-8"))


def test_a_good_experiment_gives_no_alarm_and_tells_how_to_restore(tmp_path: Path) -> None:
    page = report(tmp_path)
    assert page.mistakes == []
    assert not [box for box in page.all("div") if "alarm" in box.get("class", "")]
    assert f"--architecture {ID}" in page.text
    assert "nasdip search --resume" not in page.text
    assert "1 of 12 fits stopped early, which saved 6 % of all steps" in page.text
    assert "this search leaves the fit to the whole image to nasdip restore" in page.text


def test_a_stopped_one_goes_on_under_its_service(tmp_path: Path, home: Path) -> None:
    assert f"nasdip nnictl resume {ID} " in report(tmp_path, trials=6).text
    (home / "nni-experiments/.experiment").unlink()
    again = Page(write_report(tmp_path / ID / "run").read_text(encoding="utf-8"))
    assert f"nasdip nnictl resume {ID} --experiment_dir {tmp_path}" in again.text
    assert f"--architecture {tmp_path / ID / 'run'} " in again.text


def test_an_open_portal_is_on_top_loud_while_it_is_open(tmp_path: Path) -> None:
    past = report(tmp_path, trials=6, exposed=["[::]:18499"])
    assert past.text.index("was open to the network at [::]:18499") < past.text.index("Best architecture")
    with RunFolder(tmp_path / ID / "run").locked():
        page = Page(write_report(tmp_path / ID / "run").read_text(encoding="utf-8"))
    assert "NNI'S PORTAL IS OPEN TO THE NETWORK at [::]:18499" in page.text
    assert f"nasdip nnictl stop {ID}, then nasdip nnictl resume {ID}" in page.text
    kinds = [box["class"] for box in (*past.all("div"), *page.all("div")) if "alarm" in box.get("class", "")]
    assert kinds == ["alarm warn", "alarm bad"]


def test_failure_and_lost_jobs_are_told_as_text(tmp_path: Path) -> None:
    lost = [{"job": "aaaaa", "cause": "first"}, {"job": "bbbbb", "cause": HOSTILE}]
    page = report(tmp_path, trials=6, failure=f"no space left\n\x1b[31m{HOSTILE}", lost=lost)
    assert f"no space left [31m{HOSTILE}" in page.text
    assert f"2 jobs of NNI's ended without having taken an architecture; the last: {HOSTILE}." in page.text
    assert "first" not in page.text.split("The image")[0]
    assert page.mistakes == []


def test_columns_and_marks_are_there_where_there_is_something(tmp_path: Path) -> None:
    page = report(tmp_path)
    names = [button for button in ("steps ", "job ") if f" {button}" in page.text]
    assert names == ["steps ", "job "]
    assert "job04" in page.text
    assert {"job", "steps", "stopped", "saved", "early stopping", "lost job", "portal", "reward by step"} <= set(
        GLOSSARY
    )
    rows = [row["class"] for row in page.all("tr") if row.get("class")]
    assert rows.count("stopped") == 1
    plain = tmp_path / "plain"
    write_search(plain, noisy=GREY, clean=None, trials=3, final=False)
    alone = Page(write_report(plain).read_text(encoding="utf-8"))
    assert len(alone.all("th")) == len(page.all("th")) - 1  # no job


def test_the_random_run_counts_a_stopped_trial_at_most_as_its_best_one(tmp_path: Path) -> None:
    run, random = tmp_path / "run", tmp_path / "random"
    write_search(run, noisy=GREY, clean=None, final=False)
    made = write_search(random, noisy=GREY, clean=None, searcher="random", final=False, seed=5)
    rewards = read_random_rewards(random, read_source(run))
    assert made[8].status == "stopped"
    assert max(rewards) == max(trial.reward for trial in made if trial.status == "ok") < made[8].reward
    assert rewards[:8] == [trial.reward for trial in made[:8]]


def test_machines_that_nni_could_not_start_are_named(tmp_path: Path) -> None:
    log = tmp_path / ID / "log/nnimanager.log"
    log.parent.mkdir(parents=True)
    start = "[2026-01-01 00:00:00] INFO (NNIManager) Change NNIManager status from: INITIALIZED to: RUNNING\n"
    wrong = "[2026-01-01 00:00:09] ERROR (Compat) Training srevice initialize failed: Error: All methods failed\n"
    log.write_text(start + wrong)
    assert "could not start its trials' machines: Error: All methods failed" in report(tmp_path, trials=6).text
    log.write_text(start + wrong + start)  # the next start went well
    assert "could not start" not in Page(write_report(tmp_path / ID / "run").read_text(encoding="utf-8")).text
