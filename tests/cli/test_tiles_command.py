"""`nasdip restore --tile`, from the command line to the files."""

import time
from contextlib import contextmanager

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from nasdip.cli.commands import fitting
from nasdip.files import read_json
from nasdip.fit.loop import FitProgress
from nasdip.records.restoration_folder import RestorationFolder

QUICK = ("--steps", 3, "--width", 8)


def test_a_small_picture_in_tiles(folder, nasdip):
    code, out, err = nasdip("restore", "photo.png", "--clean", "clean.png", "--tile", 32, "--repeats", 2, *QUICK)
    assert code == 0, err
    assert out.splitlines() == ["restored/photo.png", "restored/photo/report.html"]
    assert "2 x up to 3 steps, stopped by the rule reference, on each of 2 tiles of 32x32 px, overlap 24" in err
    assert "each tile's best step" in err
    assert "photo.png: 12/12" in err
    assert iio.imread("restored/photo.png").shape == (40, 32, 3)
    facts = read_json(folder / "restored/photo/repetition-02/fit.json")
    assert [(tile["top"], tile["height"]) for tile in facts["tiles"]] == [(0, 32), (8, 32)]
    assert RestorationFolder(folder / "restored/photo").read().tiling.side == (32, 32)


def test_tiles_keep_what_the_file_is(folder, nasdip):
    rng = np.random.default_rng(0)
    stack = rng.integers(100, 4000, (4, 36, 44)).astype(np.uint16)
    tifffile.imwrite("channels.tif", stack, metadata={"axes": "CYX"}, photometric="minisblack")
    deep = rng.integers(0, 65535, (40, 36)).astype(np.uint16)
    iio.imwrite("deep.png", deep)
    code, _, err = nasdip("restore", "channels.tif", "deep.png", "--tile", 32, "--no-report", *QUICK)
    assert code == 0, err
    with tifffile.TiffFile("restored/channels.tif") as file:
        assert file.series[0].axes == "CYX"
        assert file.series[0].shape == (4, 36, 44)
        assert file.pages[0].dtype == np.uint16
    restored = iio.imread("restored/deep.png")
    assert (restored.dtype, restored.shape) == (np.uint16, (40, 36))
    assert len(RestorationFolder(folder / "restored/channels").read().repetitions[0].tiles) == 4


@pytest.mark.parametrize(("size", "words"), [("16", "use 32 or more"), ("big", "use auto, off or a number of pixels")])
def test_bad_sizes_are_one_line(folder, nasdip, size, words):
    code, _, err = nasdip("restore", "photo.png", "--tile", size, *QUICK)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert words in err
    assert not (folder / "restored").exists()


def test_ctrl_c_in_a_tile_says_what_is_kept(folder, nasdip, ctrl_c_in_fit):
    fits = ctrl_c_in_fit(4)
    arguments = ("restore", "photo.png", "--tile", 32, "--repeats", 2, "--no-report", *QUICK)
    code, _, err = nasdip(*arguments)
    assert code == 130
    assert "1 of 2 repetitions and 1 of 2 tiles of the next of photo.png are in restored/photo" in err
    code, _, err = nasdip(*(argument for argument in arguments if argument not in ("--tile", 32)))
    assert code == 0, err
    assert "going on with an earlier start, 3 of 4 fits done" in err
    assert len(fits) == 5


def test_killed_in_a_tile_the_same_command_ends_with_the_same_picture(folder, nasdip, warm):
    arguments = ("--tile", 32, "--steps", 60, "--width", 8, "--no-report")
    nasdip("restore", "photo.png", "-o", "whole", *arguments)
    command = ["nasdip", "restore", "photo.png", "-o", "killed", *map(str, arguments)]
    first = folder / "killed/photo/tiles-01/tile-0001"
    quick = "from quick_reference import use_quick_reference; use_quick_reference()"  # as in this process
    with warm.start(f"{quick}; import sys; sys.argv = {command!r}; import nasdip.__main__") as process:
        deadline = time.monotonic() + 120
        while not first.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    assert first.exists()
    assert not (folder / "killed/photo/repetition-01").exists()
    code, _, err = nasdip("restore", "photo.png", "-o", "killed", *arguments)
    assert code == 0, err
    assert "1 of 2 fits done" in err
    assert np.array_equal(iio.imread("killed/photo.png"), iio.imread("whole/photo.png"))


def test_progress_counts_the_tiles_of_all_repetitions(monkeypatch):
    shown = []

    @contextmanager
    def watch(label, total, done=0):
        shown.append((done, total))
        yield lambda done, words: shown.append((done, words.split(", ")[0]))

    monkeypatch.setattr(fitting, "progress", watch)
    with fitting.fit_progress("photo", 2, 10, tiles=4, done=5) as update:
        update(2, FitProgress(20, 40, 0.1, None, None))
        update(2, FitProgress(30, 40, 0.1, None, None))
    with fitting.fit_progress("photo", 2, 10, tiles=1, done=0) as update:
        update(2, FitProgress(10, 10, 0.1, None, None))
    assert shown == [
        (50, 80), (60, "tile 2 of 4"), (70, "tile 3 of 4"),
        (0, 20), (20, "loss 0.1"),
    ]  # fmt: skip
