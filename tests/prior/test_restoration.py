import numpy as np
import pytest
from test_fit import SMALL, picture

from nasdip.errors import NasdipError
from nasdip.imaging.observation import Observation
from nasdip.prior import restoration as room
from nasdip.prior.config import FitConfig
from nasdip.prior.restoration import restore_observation
from nasdip.prior.restoration_folder import RestorationFolder

STEPS = FitConfig(steps=5)


def restore(folder=None, **options):
    clean, noisy = picture(32)
    options = {"repeats": 2, "width": 8, "clean": clean, **options}
    return restore_observation(Observation(noisy, 25.0), SMALL, STEPS, folder=folder, **options)


def test_repetitions_differ_and_their_mean_is_the_image():
    restoration = restore()
    first, second = restoration.repetitions
    assert first.seed != second.seed
    assert not np.array_equal(first.averaged, second.averaged)
    np.testing.assert_allclose(restoration.image, (first.averaged + second.averaged) / 2, atol=1e-6)


def test_the_folder_gives_back_what_was_written(tmp_path):
    folder = RestorationFolder(tmp_path / "photo")
    written, read = restore(folder), folder.read()
    for name in ("image", "noisy", "clean"):
        assert np.array_equal(getattr(written, name), getattr(read, name)), name
    assert (written.architecture, written.psnr, written.config, written.seed) == (
        read.architecture, read.psnr, read.config, read.seed,
    )  # fmt: skip
    for ours, theirs in zip(written.repetitions, read.repetitions, strict=True):
        assert np.array_equal(ours.averaged, theirs.averaged)
        assert np.array_equal(ours.oracle, theirs.oracle)
        np.testing.assert_allclose(ours.curves.loss, theirs.curves.loss, rtol=1e-5)
        np.testing.assert_allclose(ours.bands.correspondence, theirs.bands.correspondence, rtol=1e-4)
        assert (ours.seed, ours.oracle_step, ours.events) == (theirs.seed, theirs.oracle_step, theirs.events)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_folders_hold_any_number_of_channels(tmp_path, channels):
    noisy = np.random.default_rng(0).random((20, 24, channels), dtype=np.float32)
    folder = RestorationFolder(tmp_path)
    restore_observation(Observation(noisy, 25.0), SMALL, STEPS, width=8, folder=folder)
    assert np.array_equal(folder.read().noisy, noisy)


def test_interrupted_it_goes_on_with_the_missing_repetitions(tmp_path, monkeypatch):
    whole = restore(repeats=3)
    folder, real, calls = RestorationFolder(tmp_path), room.fit, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(room, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        restore(folder, repeats=3)
    with pytest.raises(NasdipError, match="not finished"):
        folder.read()
    resumed = restore(folder, repeats=3)
    assert len(calls) == 4  # two finished, one interrupted, one made up
    assert np.array_equal(resumed.image, whole.image)


def test_other_settings_start_afresh(tmp_path, monkeypatch):
    folder = RestorationFolder(tmp_path)
    restore(folder)
    calls, real = [], room.fit
    monkeypatch.setattr(room, "fit", lambda *a, **k: calls.append(1) or real(*a, **k))
    restore(folder)
    assert not calls
    restore(folder, seed=1, repeats=1)
    assert len(calls) == 1
    assert len(folder.read().repetitions) == 1


def test_out_of_memory_is_one_clear_line(monkeypatch):
    def greedy(*_, **__):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ...")

    monkeypatch.setattr(room, "fit", greedy)
    with pytest.raises(NasdipError, match="out of memory"):
        restore()
