import pytest
from small_searches import CPU, settings, start

from nasdip.errors import NasdipError
from nasdip.nas.planning import place_workers, resolved
from nasdip.nas.worker_devices import find_worker_devices
from nasdip.options.search import ProxySettings, SearchSettings

GIB = 2**30
PHOTO = (512, 512, 3)


def plan(budget, gpus=0, shape=PHOTO, **changes):
    proxy = ProxySettings(**{key: changes.pop(key) for key in ("crop", "width", "steps", "threads") if key in changes})
    asked = SearchSettings(**{"parallel": None, "trials": 200, "proxy": proxy, **changes})
    found = resolved(asked, shape, budget, gpus)
    return found.parallel, found.proxy.threads


def test_small_trials_have_a_thread_each():
    assert plan(budget=2) == (2, 1)
    assert plan(budget=1) == (1, 1)
    assert plan(budget=12) == (12, 1)


def test_large_trials_have_the_threads_of_one():
    assert plan(budget=2, crop=None, width=128) == (1, 2)
    assert plan(budget=12, crop=None) == (1, 12)
    assert plan(budget=32, crop=None, width=128) == (4, 8)
    assert plan(budget=2, crop=None, width=128, shape=(64, 64, 3)) == (2, 1)


def test_a_searcher_that_learns_has_most_results_before_the_last_trials():
    assert plan(budget=64, trials=40) == (4, 16)
    assert plan(budget=64, trials=8) == (2, 32)
    assert plan(budget=64, trials=40, searcher="random") == (40, 1)
    assert plan(budget=64, trials=1, steps=5000) == (1, 64)


def test_a_search_that_is_over_at_once_has_one_process():
    assert plan(budget=8, trials=30, steps=10) == (1, 8)


def test_what_a_person_asks_for_is_kept():
    assert plan(budget=8, parallel=3) == (3, 2)
    assert plan(budget=8, threads=4) == (2, 4)
    assert plan(budget=2, parallel=5, threads=2) == (5, 2)
    assert plan(budget=8, trials=30, steps=10, parallel=4) == (4, 2)


def test_a_gpu_has_several_processes_and_all_gpus_have():
    assert plan(budget=16, gpus=1) == (8, 2)
    assert plan(budget=64, gpus=4) == (20, 3)
    assert plan(budget=64, gpus=4, trials=1000) == (32, 2)
    assert plan(budget=4, gpus=1, crop=None, width=128) == (4, 1)


def test_places_are_in_turn_over_devices_as_far_as_memory_reaches():
    assert place_workers(3, GIB, {"cpu": None}) == ["cpu"] * 3
    assert place_workers(8, 2 * GIB, {"cpu": 8 * GIB}) == ["cpu"] * 3  # of four fifths of the memory
    assert place_workers(2, 4 * GIB, {"cpu": GIB}) == ["cpu"]
    two = {"cuda:0": 140 * GIB, "cuda:1": 12 * GIB}
    assert place_workers(5, 4 * GIB, two) == ["cuda:0", "cuda:1", "cuda:0", "cuda:1", "cuda:0"]
    assert place_workers(6, 8 * GIB, two) == ["cuda:0", "cuda:1", *["cuda:0"] * 4]


def test_the_number_is_chosen_once_and_kept(tmp_path):
    folder = start(tmp_path, settings(parallel=None))
    assert folder.record().settings.parallel == 1
    assert find_worker_devices(folder, CPU) == ["cpu"]


def test_there_are_no_more_processes_than_trials_and_memory(tmp_path):
    folder = start(tmp_path, settings(parallel=3))
    assert folder.record().settings.lag == 5
    assert find_worker_devices(folder, CPU) == ["cpu"] * 3
    assert find_worker_devices(folder, CPU, need=2**50) == ["cpu"]
    assert find_worker_devices(start(tmp_path / "one", settings(parallel=3, trials=2)), CPU, need=1) == ["cpu"] * 2


@pytest.mark.parametrize("wrong", [0, -1, 1.5, 10**6, True])
def test_a_number_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(NasdipError, match="parallel is"):
        SearchSettings(parallel=wrong)


def test_a_run_of_an_earlier_version_has_one_trial_at_a_time():
    data = settings().to_json()
    del data["parallel"]
    assert SearchSettings.from_json(data).parallel == 1
