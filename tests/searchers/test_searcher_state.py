import os
from pathlib import Path

import pytest
import torch

from nasdip.errors import NasdipError
from nasdip.searchers.searcher import Outcome, SearcherState
from nasdip.space.search_space import SearchSpace


@pytest.fixture
def state() -> SearcherState:
    return SearcherState(
        {"searcher": "x", "state": {"big": 2**127, "r": 0.1}}, {"w": torch.arange(600.0), "rng": torch.get_rng_state()}
    )


def test_round_trip_is_exact(state: SearcherState, tmp_path: Path) -> None:
    state.save(tmp_path / "s.safetensors")
    read = SearcherState.read(tmp_path / "s.safetensors")
    assert read.meta == state.meta
    assert read.tensors.keys() == state.tensors.keys()
    assert all(torch.equal(read.tensors[k], v) and read.tensors[k].dtype == v.dtype for k, v in state.tensors.items())
    assert os.listdir(tmp_path) == ["s.safetensors"]


@pytest.mark.parametrize("kept", [0, 5, 60, -1])
def test_truncated_file_is_refused(state: SearcherState, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "s.safetensors"
    state.save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(NasdipError, match="not a whole searcher state") as error:
        SearcherState.read(path)
    assert "\n" not in str(error.value)


def test_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"w": torch.ones(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(NasdipError, match="not a whole searcher state"):
        SearcherState.read(tmp_path / "weights.safetensors")


def test_missing_file_and_folder_are_named(state: SearcherState, tmp_path: Path) -> None:
    with pytest.raises(NasdipError, match=r"cannot read searcher state .*none"):
        SearcherState.read(tmp_path / "none")
    with pytest.raises(NasdipError, match=r"cannot write searcher state .*none"):
        state.save(tmp_path / "none" / "s.safetensors")


def test_failed_save_keeps_the_old_file(state: SearcherState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.safetensors"
    state.save(path)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(NasdipError, match="No space left"):
        SearcherState({"searcher": "y"}, {}).save(path)
    monkeypatch.undo()
    assert SearcherState.read(path).meta == state.meta
    assert os.listdir(tmp_path) == ["s.safetensors"]


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), -float("inf"), None, "28"])
def test_reward_must_be_finite(reward: float) -> None:
    architecture = SearchSpace.load("tiny").decode((0, 0, 0, 0, 0))
    with pytest.raises(NasdipError, match="finite"):
        Outcome(architecture, reward)
