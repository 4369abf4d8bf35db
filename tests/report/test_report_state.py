from pathlib import Path

import numpy as np
import pytest
from example_runs import clean_image, make_trials, noisy_image, provenance, write_search

from nasdip.options.search import FinalSettings, SearchSettings
from nasdip.records.run_folder import RunFolder, RunRecord
from nasdip.report.numbers.run_state import run_state
from nasdip.report.numbers.source import Fit, SearchRun, Source, read_source
from nasdip.space.search_space import SearchSpace

SPACE = SearchSpace.load("tiny")
NOISY: np.ndarray = noisy_image(clean_image(16))


def search(done: int, running: bool, final_steps: int = 60) -> Source:
    settings = SearchSettings(trials=10, final=FinalSettings(steps=final_steps, repeats=2))
    record = RunRecord(settings, "a.png", None, 25.0, "CPU", [provenance(["nasdip", "search"])])
    return Source(Path("run"), NOISY, None, SearchRun(record, SPACE, make_trials(SPACE, done), running), None)


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize(("done", "words"), [(0, "0 of 10 trials"), (4, "4 of 10 trials"), (10, "not started")])
def test_an_unfinished_search_is_running_or_stopped(done: int, words: str, running: bool) -> None:
    state = run_state(search(done, running))
    assert state.kind == ("running" if running else "stopped")
    assert words in " ".join(state.sentences)


def test_the_final_fit_counts_its_repetitions() -> None:
    state = run_state(search(10, running=True)._replace(fit=Fit({}, 1, None)))
    assert state.kind == "running"
    assert "1 of 2 repetitions done" in " ".join(state.sentences)


@pytest.mark.parametrize("running", [True, False])
def test_a_search_without_final_fit_is_finished_with_its_trials(running: bool) -> None:
    assert run_state(search(10, running, final_steps=0)).kind == "finished"


def test_a_process_that_holds_the_folder_is_seen(tmp_path: Path) -> None:
    write_search(tmp_path, noisy=NOISY, clean=None, trials=2, final=False)
    assert run_state(read_source(tmp_path)).kind == "stopped"
    with RunFolder(tmp_path).locked():
        assert run_state(read_source(tmp_path)).kind == "running"
