import numpy as np
import pytest
import torch
from small_fits import SMALL, STEPS, measured, picture, restore

from nasdip.errors import NasdipError
from nasdip.files import read_json, write_json
from nasdip.fit import cost
from nasdip.imaging.metrics import psnr
from nasdip.measurement.measure import measurement_of
from nasdip.records import restoration_folder as folder_room
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration import plan as plan_room
from nasdip.restoration import repetition as room
from nasdip.restoration import tile_choice
from nasdip.restoration.tile_choice import choose_tiles


def restore_picture(folder=None, **options):
    clean, noisy = picture(32)
    return restore(measured(noisy), folder, **{"repeats": 2, "clean": clean, **options})


def interrupt_fit(monkeypatch, at):
    """Press Ctrl-C in the fit number `at`; return the list that counts them."""
    real, calls = room.fit, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(room, "fit", interrupted)
    return calls


def test_repetitions_differ_and_their_mean_is_the_image():
    restoration = restore_picture()
    first, second = restoration.repetitions
    assert first.seed != second.seed
    assert not np.array_equal(first.averaged, second.averaged)
    np.testing.assert_allclose(restoration.image, (first.averaged + second.averaged) / 2, atol=1e-6)


def test_the_folder_gives_back_what_was_written(tmp_path):
    folder = RestorationFolder(tmp_path / "photo")
    written, read = restore_picture(folder), folder.read()
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
    restore(measured(noisy), folder)
    assert np.array_equal(folder.read().noisy, noisy)


def test_interrupted_it_goes_on_with_the_missing_repetitions(tmp_path, monkeypatch):
    whole = restore_picture(repeats=3)
    folder, calls = RestorationFolder(tmp_path), interrupt_fit(monkeypatch, at=3)
    with pytest.raises(KeyboardInterrupt):
        restore_picture(folder, repeats=3)
    with pytest.raises(NasdipError, match="not finished"):
        folder.read()
    resumed = restore_picture(folder, repeats=3)
    assert len(calls) == 4  # two finished, one interrupted, one made up
    assert np.array_equal(resumed.image, whole.image)


def test_other_settings_start_afresh(tmp_path, monkeypatch):
    folder = RestorationFolder(tmp_path)
    restore_picture(folder)
    calls, real = [], room.fit
    monkeypatch.setattr(room, "fit", lambda *a, **k: calls.append(1) or real(*a, **k))
    restore_picture(folder)
    assert not calls
    restore_picture(folder, seed=1, repeats=1)
    assert len(calls) == 1
    assert len(folder.read().repetitions) == 1


def test_out_of_memory_is_one_clear_line(monkeypatch):
    def greedy(*_, **__):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ...")

    monkeypatch.setattr(room, "fit", greedy)
    with pytest.raises(NasdipError, match="out of memory"):
        restore_picture()


def restore_tiled(folder=None, side=48, **options):
    clean, noisy = picture(side)
    return restore(measured(noisy), folder, **{"repeats": 2, "clean": clean, "tile": 32, **options})


def test_interrupted_in_a_tile_it_goes_on_with_the_missing_ones(tmp_path, monkeypatch):
    whole = restore_tiled(RestorationFolder(tmp_path / "whole"))
    assert len(whole.tiling) == 4
    folder = RestorationFolder(tmp_path / "photo")
    calls = interrupt_fit(monkeypatch, at=7)
    with pytest.raises(KeyboardInterrupt):
        restore_tiled(folder)
    assert folder.tiles_done() == 2
    assert folder.fits_done(2, 4) == 6
    resumed = restore_tiled(folder)
    assert len(calls) == 7 + 2
    assert np.array_equal(resumed.image, whole.image)
    for ours, theirs in zip(resumed.repetitions, whole.repetitions, strict=True):
        np.testing.assert_allclose(ours.curves.loss, theirs.curves.loss, rtol=1e-5)
        assert np.array_equal(ours.last, theirs.last)
        assert np.array_equal(ours.oracle, theirs.oracle)
        assert [tile.seed for tile in ours.tiles] == [tile.seed for tile in theirs.tiles]


def test_a_finished_repetition_needs_its_tiles_no_more(tmp_path):
    folder = RestorationFolder(tmp_path)
    restore_tiled(folder)
    assert not list(tmp_path.glob("tiles-*"))
    (tmp_path / "tiles-01" / "tile-0001").mkdir(parents=True)  # killed before they were removed
    restore_tiled(folder)
    assert not list(tmp_path.glob("tiles-*"))


def test_the_folder_gives_back_tiles(tmp_path):
    folder = RestorationFolder(tmp_path)
    written, read = restore_tiled(folder), folder.read()
    assert read.tiling == written.tiling
    for ours, theirs in zip(written.repetitions, read.repetitions, strict=True):
        assert theirs.tiles == ours.tiles
        assert len(theirs.tiles) == 4
        assert theirs.oracle_psnr == pytest.approx(ours.oracle_psnr)
        assert theirs.oracle_psnr == pytest.approx(psnr(read.clean, theirs.oracle, data_range=1.0), abs=1e-4)
        assert theirs.oracle_step is None


def test_tiles_with_and_without_a_folder_are_the_same(tmp_path):
    with_folder, without = restore_tiled(RestorationFolder(tmp_path)), restore_tiled()
    assert np.array_equal(with_folder.image, without.image)


def free_memory(monkeypatch, count):
    monkeypatch.setattr(tile_choice, "available_memory", lambda _: count)


def test_a_resumed_restoration_keeps_its_tiles_whatever_is_free(tmp_path, monkeypatch):
    folder = RestorationFolder(tmp_path / "photo")
    first = restore_tiled(folder, repeats=1)
    free_memory(monkeypatch, 1)
    resumed = restore_tiled(folder, tile="auto")
    assert resumed.tiling == first.tiling
    assert np.array_equal(resumed.repetitions[0].averaged, first.repetitions[0].averaged)
    assert folder.moved_to is None
    free_memory(monkeypatch, None)
    assert restore_tiled(folder, tile="off").tiling is None  # asked for: another restoration
    assert folder.moved_to is not None


def test_without_a_finished_fit_tiles_are_chosen_anew(tmp_path, monkeypatch):
    folder = RestorationFolder(tmp_path)
    calls = interrupt_fit(monkeypatch, at=1)
    with pytest.raises(KeyboardInterrupt):
        restore_tiled(folder, tile="auto")
    assert restore_tiled(folder, tile=32, repeats=1).tiling is not None
    assert len(calls) == 1 + 4
    assert folder.moved_to is None


def test_tiles_that_are_on_disk_are_not_thrown_away(tmp_path, monkeypatch):
    folder = RestorationFolder(tmp_path / "photo")
    interrupt_fit(monkeypatch, at=2)
    with pytest.raises(KeyboardInterrupt):
        restore_tiled(folder)
    restore_tiled(folder, seed=1)
    assert (folder.moved_to / "tiles-01" / "tile-0001" / "averaged.tif").exists()


def test_a_restoration_of_an_earlier_version_goes_on(tmp_path, monkeypatch):
    folder = RestorationFolder(tmp_path)
    restore_picture(folder)
    record = read_json(tmp_path / "record.json")
    del record["settings"]["tiles"], record["settings"]["noise"], record["settings"]["config"]["precision"]
    write_json(tmp_path / "record.json", record)
    for fit_json in tmp_path.glob("repetition-*/fit.json"):
        write_json(fit_json, {k: v for k, v in read_json(fit_json).items() if k != "tiles"})
    monkeypatch.setattr(room, "fit", None)
    assert restore_picture(folder).tiling is None


def test_what_does_not_fit_is_fitted_in_tiles(monkeypatch):
    monkeypatch.setattr(tile_choice, "SMALLEST", 32)
    monkeypatch.setattr(cost, "_LIBRARIES", 0)  # which are as large for a tile
    whole = choose_tiles(SMALL, (64, 64, 3), STEPS, width=8, device=torch.device("cpu")).estimate.memory
    free_memory(monkeypatch, whole)
    restoration = restore_tiled(side=64, tile="auto", repeats=1)
    assert restoration.tiling is not None
    assert restoration.image.shape == (64, 64, 3)


def test_what_no_longer_holds_leaves_the_folder(tmp_path):
    folder = RestorationFolder(tmp_path / "photo")
    refined = restore_picture(folder, refine=True)
    assert refined.reference is not None
    assert folder.read().expected is not None
    assert (folder.path / "deviation.tif").exists()
    plain = restore_picture(folder)
    assert plain.reference is None
    read = folder.read()
    assert (read.refined, read.reference, read.expected) == (False, None, None)
    assert not (folder.path / "deviation.tif").exists()
    np.testing.assert_allclose(read.image, plain.image)


def test_a_record_vouches_for_no_image_that_is_being_replaced(tmp_path, monkeypatch):
    folder = RestorationFolder(tmp_path / "photo")
    restore_picture(folder)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder_room, "write_array", killed)
    with pytest.raises(KeyboardInterrupt):
        restore_picture(folder, repeats=1)
    with pytest.raises(NasdipError, match="is not finished"):
        folder.read()


def test_a_level_that_the_picture_contradicts_is_kept_and_no_psnr_is_expected(tmp_path):
    _clean, noisy = picture(32)
    folder = RestorationFolder(tmp_path / "photo")
    for given, contradicted in ((4.0, True), (25.0, False)):
        written = restore(measurement_of(noisy, given), folder, refine=True)
        assert written.contradicted == contradicted
        assert (written.expected is None) == contradicted
        read = folder.read()
        assert read.measured_level == written.measured_level
        assert (read.expected is None) == contradicted


def test_estimates_that_do_not_fit_into_the_memory_are_refused_before_the_fit(monkeypatch):
    monkeypatch.setattr(plan_room, "available_memory", lambda device: 2**20)
    monkeypatch.setattr(room, "fit", None)
    with pytest.raises(NasdipError, match="need about 300 MiB, and 1 MiB are free: use a smaller picture"):
        restore_picture(refine=True)
