"""The benchmark of time to quality multiplies the right steps by the right seconds."""

import argparse

import numpy as np
import pytest
import time_to_quality as benchmark

SECONDS = {"published loop": [0.5, 0.4, 0.6], "fast": [0.1, 0.1, 0.1]}


def row(recipe, **values):
    keys = {"image": "house", "crop": "128", "architecture": "dip", "seed": "0", "recipe": recipe}
    return {**keys, "level_last": "28.345", "level_oracle": "30.665", **values}


BASE = row("published", steps="1200", step_last="300", step_oracle="500")
FAST = row("fast", step_last="100", step_oracle="250")


def test_the_first_step_at_a_level():
    curve = np.array([20.0, np.nan, 30.0, 29.0])
    assert [benchmark.first_step(curve, level) for level in (10, 25, 31)] == ["1", "3", ""]


@pytest.mark.parametrize(
    ("which", "seconds", "ratio"),
    [("last", "600.0", "60.00"), ("first", "150.0", "15.00"), ("oracle", "250.0", "10.00")],
)
def test_the_ratio_is_that_of_the_products(which, seconds, ratio):
    found = benchmark.compare(FAST, BASE, which, SECONDS)
    assert (found["published_seconds"], found["ratio"]) == (seconds, ratio)
    assert float(found["seconds"]) == (25 if which == "oracle" else 10)
    assert float(found["ratio_min"]) < float(found["ratio"]) < float(found["ratio_max"])


def test_a_level_that_is_never_reached_counts_as_such():
    never = benchmark.compare({**FAST, "step_oracle": ""}, BASE, "oracle", SECONDS)
    assert (never["seconds"], never["ratio"]) == ("", "")
    reached = benchmark.compare(FAST, BASE, "oracle", SECONDS)
    assert benchmark.summary([never, reached]).startswith("reached in 1 of 2 fits; ratio: median 10.0")


def test_both_loops_are_timed_in_processes_of_their_own(tmp_path):
    options = argparse.Namespace(rounds=2, steps=1, device="cpu")
    seconds = benchmark.interleaved("dip+bilinear:4.4", 32, ["published loop", "fast"], options)
    assert [len(found) for found in seconds.values()] == [2, 2]
    assert min(min(found) for found in seconds.values()) > 0


def test_rows_are_read_back(tmp_path):
    path = tmp_path / "rows.csv"
    columns = tuple(FAST)
    benchmark.write_rows(path, columns, [FAST])
    assert benchmark.read_rows(path) == [FAST]
    assert benchmark.find(benchmark.read_rows(path), ("house", "128", "dip", "0", "fast")) == FAST
    assert benchmark.find(benchmark.read_rows(path), ("house", "128", "dip", "1", "fast")) is None
