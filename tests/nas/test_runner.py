import csv
import json
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_searches import CPU, QUICK_TO_LEARN, TINY, comparable, made_up_result, settings, start

from nasdip.errors import NasdipError
from nasdip.files import read_json
from nasdip.measurement.measure import measurement_of
from nasdip.nas import runner
from nasdip.nas import trial as one_trial
from nasdip.nas.final_fit import plan_best
from nasdip.nas.ledger import Ledger
from nasdip.nas.trial_task import task_of
from nasdip.options.fit import FitConfig
from nasdip.options.search import FinalSettings, ProxySettings
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import FLOOR_REWARD, Suggestion
from nasdip.restoration import tile_choice
from nasdip.restoration.run import run_restoration
from nasdip.searchers.state import SearcherState
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace
from nasdip.threads import use_threads


def test_a_search_from_start_to_final_fit(tmp_path):
    folder = start(tmp_path)
    trials = runner.run_trials(folder, CPU)
    restoration = runner.fit_best(folder, CPU)
    assert [t.trial for t in trials] == [1, 2, 3, 4]
    assert all(t.reward == t.clean_psnr for t in trials if t.status == "ok")
    best = max((t for t in trials if t.status == "ok"), key=lambda t: t.reward)
    assert read_json(tmp_path / "best.json")["architecture"] == str(best.architecture) == str(restoration.architecture)
    with open(tmp_path / "trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["reward"]) for row in rows] == pytest.approx([t.reward for t in trials])
    again = folder.final.read()
    assert np.array_equal(again.image, restoration.image)
    assert again.psnr == restoration.psnr


def test_without_a_clean_image_the_reward_is_estimated(tmp_path):
    folder = start(tmp_path, with_clean=False)
    trials = runner.run_trials(folder, CPU)
    assert folder.record().settings.reward == "estimate"
    assert all(t.clean_psnr is None and t.reward == t.estimated_psnr for t in trials if t.status == "ok")
    reference = task_of(folder.record(), *folder.images()).reference
    assert reference.image.shape == (16, 16, 1)


def test_without_a_reference_the_reward_is_held_out(tmp_path):
    folder = RunFolder(tmp_path)
    flat = np.full((32, 32, 1), 0.4, np.float32)  # no noise, no reference
    runner.start_run(folder, settings(), TINY, measurement_of(flat), None, CPU)
    assert folder.record().settings.reward == "heldout"
    trials = runner.run_trials(folder, CPU)
    assert all(t.reward == t.heldout_psnr for t in trials if t.status == "ok")


def test_a_run_of_an_earlier_version_keeps_its_reward(tmp_path):
    folder = start(tmp_path, settings(reward="heldout"), with_clean=False)
    record = folder.record()
    folder.write_record(record._replace(settings=replace(record.settings, reward="auto")), folder.space().name)
    trials = runner.run_trials(folder, CPU)  # auto meant held-out pixels then
    assert all(t.reward == t.heldout_psnr for t in trials if t.status == "ok")


def test_the_clean_image_may_only_measure(tmp_path):
    blind = runner.run_trials(start(tmp_path / "a", with_clean=False), CPU)
    measured = runner.run_trials(start(tmp_path / "b", settings(reward="estimate")), CPU)
    assert comparable(blind) == comparable(measured)
    assert all(t.clean_psnr is not None for t in measured if t.status == "ok")


def test_same_seed_same_search(tmp_path):
    first, second = (comparable(runner.run_trials(start(tmp_path / name), CPU)) for name in "ab")
    other = comparable(runner.run_trials(start(tmp_path / "c", settings(seed=4)), CPU))
    assert first == second
    assert first != other


def test_rewards_do_not_depend_on_the_threads_of_the_process(tmp_path):
    wide = settings(trials=1, proxy=ProxySettings(crop=32, width=160, steps=6, heldout=0.1))

    def search(name, threads):
        with use_threads(threads):
            return start(tmp_path / name, wide)

    def trials(folder, threads):
        with use_threads(threads):
            return [(t.architecture, t.reward, t.clean_psnr) for t in runner.run_trials(folder, CPU)]

    kept = search("one", 1)
    assert kept.record().settings.proxy.threads == 1
    assert search("two", 2).record().settings.proxy.threads == 2
    shared = RunFolder(tmp_path / "moved")
    shutil.copytree(kept.path, shared.path)
    assert trials(kept, 1) == trials(shared, 2)


@pytest.mark.parametrize("searcher", ["reinforce", "random", "evolution"])
def test_resumed_after_any_trial_a_search_goes_on_as_if_never_stopped(tmp_path, searcher):
    chosen = settings(searcher=searcher, trials=6, searcher_settings=QUICK_TO_LEARN[searcher])
    whole = runner.run_trials(start(tmp_path / "whole", chosen), CPU)
    part = start(tmp_path / "part", replace(chosen, trials=2))
    runner.run_trials(part, CPU)
    runner.resume_run(part, trials=4)
    runner.run_trials(part, CPU)
    # A kill between a trial's file and the searcher's state leaves the state one trial behind.
    part.searcher_file.unlink()
    runner.resume_run(part, trials=6)
    (part.path / "best.json").unlink()
    assert comparable(runner.run_trials(part, CPU)) == comparable(whole)
    best = max(whole, key=lambda trial: trial.reward)
    assert read_json(part.path / "best.json")["architecture"] == str(best.architecture)
    assert len(part.record().provenance) == 3


def test_a_trial_whose_file_is_gone_is_run_again(tmp_path):
    folder = start(tmp_path)
    whole = runner.run_trials(folder, CPU)
    (tmp_path / "trials/0003.json").unlink()
    assert folder.missing() == [3]
    assert comparable(runner.run_trials(folder, CPU)) == comparable(whole)
    assert folder.missing() == []


def test_trials_that_are_done_stay_in_a_resumed_run(tmp_path):
    """A kill of trials at once may leave the last ones done and one before them not."""
    folder = start(tmp_path, settings(trials=5))
    Ledger(folder, 3).suggest()
    for number in (1, 2, 4):
        folder.write_trial(made_up_result(Suggestion(number, Architecture.from_text("dip+bilinear:4.4"), {})))
    with pytest.raises(NasdipError, match="has 4 trials already: ask for 4 or more"):
        runner.resume_run(folder, trials=3)
    runner.resume_run(folder, trials=4)
    assert folder.missing() == [3]


def test_the_final_fit_goes_on_as_planned_whatever_is_free(tmp_path, monkeypatch):
    folder = start(tmp_path, settings(trials=1, final=FinalSettings(steps=4, width=16, repeats=2)))
    runner.run_trials(folder, CPU)
    first = plan_best(folder, CPU)
    assert (first.plan.resumed, first.plan.done, first.plan.missing) == (False, 0, 2)
    run_restoration(first.plan._replace(repeats=1), folder.final)
    monkeypatch.setattr(tile_choice, "available_memory", lambda _: 1)
    second = plan_best(folder, CPU)
    assert (second.plan.resumed, second.plan.done, second.plan.missing) == (True, 1, 1)
    assert len(runner.fit_best(folder, CPU).repetitions) == 2


def test_failed_trials_get_a_floor_reward_and_the_search_goes_on(tmp_path, monkeypatch):
    real, calls = one_trial.fit, []

    def failing(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if len(calls) == 2:
            raise NasdipError("the loss was not a number")
        return real(*args, **kwargs)

    monkeypatch.setattr(one_trial, "fit", failing)
    folder = start(tmp_path, settings(searcher="random", trials=4))
    trials = runner.run_trials(folder, CPU)
    assert [t.status for t in trials[:2]] == ["failed", "failed"]
    assert [t.reward for t in trials[:2]] == [FLOOR_REWARD] * 2
    assert trials[0].error == "out of memory"
    assert "not a number" in trials[1].error
    assert trials[3].status == "ok"
    assert folder.best().status == "ok"


def test_a_repeated_architecture_is_not_fitted_again(tmp_path):
    one = SearchSpace.from_json({"spatial": {"_type": "choice", "_value": ["bilinear"]},
                                 "skips": {"_type": "choice", "_value": ["10.01", "11.01"]}})  # fmt: skip
    trials = runner.run_trials(start(tmp_path, settings(trials=6), space=one), CPU)
    assert len([t for t in trials if t.status == "ok"]) == 2
    for trial in trials:
        if trial.status == "repeated":
            earlier = trials[trial.repeat_of - 1]
            assert (earlier.architecture, earlier.reward) == (trial.architecture, trial.reward)


def test_all_trials_failed_is_a_clear_error(tmp_path, monkeypatch):
    def failing(*_, **__):
        raise NasdipError("the loss was not a number")

    monkeypatch.setattr(one_trial, "fit", failing)
    folder = start(tmp_path)
    runner.run_trials(folder, CPU)
    with pytest.raises(NasdipError, match="none of the 4 trials succeeded, the last with"):
        runner.fit_best(folder, CPU)


def test_a_width_that_some_cell_cannot_have_is_refused_at_the_start(tmp_path):
    with pytest.raises(NasdipError, match="width 8 does not suit"):
        start(tmp_path, settings(proxy=ProxySettings(crop=16, width=8, steps=2)))
    assert not list(tmp_path.iterdir())


def test_a_run_is_not_overwritten_and_not_run_twice_at_once(tmp_path):
    folder = start(tmp_path)
    with pytest.raises(NasdipError, match="--resume"):
        start(tmp_path)
    assert not folder.is_running()
    with folder.locked():
        assert folder.is_running()
        with pytest.raises(NasdipError, match="another process"), RunFolder(tmp_path).locked():
            raise AssertionError("the lock was given twice")
    assert not folder.is_running()


def test_killed_with_minus_9_a_search_loses_at_most_the_trial_under_way(tmp_path, warm):
    path = tmp_path / "run"
    # Long enough that the kill comes in the middle.
    chosen = settings(trials=12, proxy=ProxySettings(crop=16, width=16, steps=10), final=FinalSettings(steps=0))
    start(path, chosen)
    code = (
        "import torch, pathlib; from nasdip.nas import runner; from nasdip.records.run_folder import RunFolder;"
        f"runner.run_trials(RunFolder(pathlib.Path({str(path)!r})), torch.device('cpu'))"
    )
    with warm.start(code) as process:
        deadline = time.monotonic() + 120
        while len(list(path.glob("trials/0*.json"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    done = RunFolder(path).trials()
    assert 3 <= len(done) < 12
    journal = SearcherState.read(path / "searcher.safetensors").meta["journal"]
    assert len(done) - 1 <= sum(event < 0 for event in journal) <= len(done)
    whole = runner.run_trials(start(tmp_path / "whole", chosen), CPU)
    resumed = runner.run_trials(RunFolder(path), CPU)
    assert comparable(resumed) == comparable(whole)
    assert not [p for p in path.rglob("*") if p.name.startswith(".") and p.suffix == ".json" and p.stat().st_size == 0]
    json.loads((path / "best.json").read_text())


def test_the_final_fit_has_the_recipes_steps_and_width_for_the_image(tmp_path):
    folder = start(tmp_path, settings(final=FinalSettings(repeats=2)))
    final = folder.record().settings.final
    assert (final.recipe, final.steps, final.width, final.repeats) == ("fast", 400, 48, 2)
    assert final.config((256, 256, 3)).second_moment < 0.99


def test_a_search_of_an_earlier_version_ends_by_the_published_recipe(tmp_path):
    folder = start(tmp_path)
    run = read_json(tmp_path / "run.json")
    del run["settings"]["final"]["recipe"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert folder.record().settings.final.config((32, 32, 3)) == FitConfig(steps=4)


def test_unknown_recipes_are_refused():
    with pytest.raises(NasdipError, match="published or fast"):
        FinalSettings(recipe="slow")
