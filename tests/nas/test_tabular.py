"""Searchers on trials that were made beforehand."""

from pathlib import Path

import pytest
from small_searches import settings, start

from nasdip.errors import NasdipError
from nasdip.nas.backends.backend import TrialJob
from nasdip.nas.backends.tabular import TabularBackend, TabularTrial
from nasdip.nas.ledger import Ledger
from nasdip.nas.schedule import Schedule
from nasdip.records.trial_result import Suggestion
from nasdip.searchers.registry import SEARCHERS, make_searcher
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

FOLDER = Path(__file__).parents[2] / "experiments/benchmarks/tabular"
SPACE = SearchSpace.load("tabular")


@pytest.fixture(scope="module")
def table() -> TabularTrial:
    return TabularTrial.load(FOLDER, image="astronaut", measure="psnr")


def test_the_table_holds_every_architecture_of_its_space(table: TabularTrial) -> None:
    assert SPACE.size == 600 == len(table.rewards)
    assert all(SPACE.holds(Architecture.from_text(text)) for text in table.rewards)
    assert 27.5 < table.best < 29


def test_images_seeds_and_measures_are_told_apart() -> None:
    tables = [
        TabularTrial.load(FOLDER, image=image, seed=seed, measure=measure)  # type: ignore[arg-type]
        for image in ("astronaut", "coffee")
        for seed in (0, 1, None)
        for measure in ("psnr", "estimated_psnr", "heldout_psnr")
    ]
    text = next(iter(tables[0].rewards))
    values = [table.rewards[text] for table in tables]
    assert len(set(values)) == len(values)
    assert values[6] == pytest.approx((values[0] + values[3]) / 2)


@pytest.mark.parametrize("name", list(SEARCHERS))
@pytest.mark.parametrize("batch", [1, 7])
def test_every_searcher_runs_on_it(name: str, batch: int, table: TabularTrial) -> None:
    done = table.search(make_searcher(name, SPACE, seed=0), 20, batch=batch)
    assert len(done) == 20
    assert all(table.rewards[text] == reward for text, reward in done)


def test_a_whole_search_runs_on_it(tmp_path: Path, table: TabularTrial) -> None:
    folder = start(tmp_path, settings(searcher="random", trials=12), space=SPACE)
    ledger = Ledger(folder, lag=1)
    assert Schedule(ledger, TabularBackend(table), 12, lambda result: None).run() == 12
    fitted = [trial for trial in folder.trials() if trial.status == "ok"]
    assert {str(trial.architecture): trial.reward for trial in fitted}.items() <= table.rewards.items()
    lacking = TabularBackend(TabularTrial({"bilinear:1": 20.0}))
    lacking.submit(TrialJob(Suggestion(1, fitted[0].architecture, {}), {}))
    failed = lacking.wait()
    assert (failed.status, failed.reward, lacking.is_free) == ("failed", 0.0, True)


def test_reinforce_beats_random_search(table: TabularTrial) -> None:
    # By far more than chance allows over 6 seeds: tabular_searchers.py has the statistics.
    regrets = [
        sum(table.best - max(r for _, r in table.search(make_searcher(name, SPACE, seed=s), 60)) for s in range(6))
        for name in ("random", "reinforce")
    ]
    assert regrets[1] < 0.6 * regrets[0]


def test_what_is_no_table_is_refused(tmp_path: Path, table: TabularTrial) -> None:
    with pytest.raises(NasdipError, match="cannot read the table"):
        TabularTrial.load(tmp_path)
    (tmp_path / "fits.csv").write_text("a,b\n1,2\n")
    with pytest.raises(NasdipError, match="not a table of trials"):
        TabularTrial.load(tmp_path)
    with pytest.raises(NasdipError, match="empty"):
        TabularTrial.load(FOLDER, image="nobody")
    with pytest.raises(NasdipError, match="no trial of"):
        table(Architecture.from_text("bilinear:1"))
