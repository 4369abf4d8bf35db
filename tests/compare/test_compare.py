"""The whole command on small pictures: real processes, their deaths, and going on."""

import csv
import json
import os
import signal
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import psutil
import pytest
import typer

from nasdip.cli.commands import compare as command
from nasdip.cli.compare import register
from nasdip.compare.folder import ComparisonFolder
from nasdip.compare.methods import Method
from nasdip.compare.process import run_method
from nasdip.compare.settings import Settings
from nasdip.errors import NasdipError
from nasdip.io.image_file import read_image, write_image


def rows(output="out"):
    with open(Path(output) / "results.csv", newline="", encoding="utf-8") as file:
        return {row["method"]: row for row in csv.DictReader(file)}


@pytest.fixture
def no_figure(monkeypatch):
    """Leave out what takes longest."""
    monkeypatch.setattr(command, "save_png", lambda figure, path: None)
    monkeypatch.setattr(command, "comparison_of_methods", lambda shown: None)


def made(output="out"):
    """Return when each result was made."""
    return {path.parent.name: path.stat().st_mtime_ns for path in Path(output).glob("methods/*/result.json")}


def test_every_kind_of_method(folder, compare, capsys):
    options = {"clean": Path("clean.png"), "methods": "nasdip-restore,dip,zs-n2n,tv,nl-bayes", "steps": 20, "width": 16}
    assert compare(**options)
    table = rows()
    assert list(table) == ["noisy", "nasdip-restore", "dip", "zs-n2n", "tv", "nl-bayes"]
    for name in ("nasdip-restore", "dip", "tv", "nl-bayes"):
        row = table[name]
        gain = -2 if name == "dip" else 2  # 20 steps are few for a network alone
        assert float(row["psnr_db"]) > float(table["noisy"]["psnr_db"]) + gain
        # Against the noisy picture: at least the noise is left.
        assert 15 < float(row["heldout_psnr_db"]) < float(table["noisy"]["psnr_db"]) + 0.7
        assert float(row["seconds"]) > 0
        assert float(row["whiteness"]) > 0
        assert 0 < int(row["memory_bytes"]) < int(row["process_memory_bytes"])
        assert row["failure"] == ""
        assert read_image(f"out/{name}.png").pixels.shape == (40, 32, 3)
    captured = capsys.readouterr()
    assert "zs-n2n about" in captured.err
    assert "held-out" in captured.out
    text = Path("out/comparison.md").read_text()
    assert "| tv |" in text
    assert "ended by its stopping rule, alone." in text
    assert Path("out/comparison.png").stat().st_size > 10_000


def test_the_memory_of_a_method_is_not_inherited(folder, compare, no_figure, cold_children):
    """From this process, which has torch; that of the method has not."""
    compare(methods="tv")
    assert int(rows()["tv"]["process_memory_bytes"]) < 0.8 * psutil.Process().memory_info().rss


def test_it_goes_on_with_what_is_missing_and_refuses_other_settings(folder, compare, no_figure, capsys):
    compare(methods="tv")
    first = made()
    compare(methods="tv,nl-means", clean=Path("clean.png"))
    assert made()["tv"] == first["tv"]
    assert "going on with an earlier start, 1 of 2 methods done" in capsys.readouterr().err
    assert list(rows()) == ["noisy", "tv", "nl-means"]
    assert rows()["tv"]["psnr_db"]
    with pytest.raises(NasdipError, match="holds a comparison with seed 0, not 1: choose"):
        compare(methods="tv", seed=1)
    with pytest.raises(NasdipError, match="holds a comparison of another picture"):
        compare("clean.png", methods="tv")
    assert made()["tv"] == first["tv"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ValueError('too\\nhot')", "ValueError: too hot"),
        ("import os\nos._exit(3)", "its process ended with exit code 3"),
        ("import os\nos.abort()", r"its process crashed (SIGABRT)"),
        ("raise MemoryError", "out of memory"),
        ("return image[1:]", "it made an image of shape"),
        ("return image * float('nan')", "NaN or infinite"),
    ],
)
def test_what_a_process_dies_of_is_told(tmp_path, fake_bm3d, body, why):
    fake_bm3d(body)
    noisy = np.random.default_rng(0).normal(0.5, 0.1, (20, 20, 3)).astype(np.float32)
    comparison = ComparisonFolder(tmp_path)
    comparison.start(Path("photo.png"), noisy, np.eye(20) == 1, Settings())
    method = Method("bm3d", "bm3d")
    assert why in run_method(tmp_path, method, lambda *_: None)
    assert not comparison.has(method)


def test_a_method_that_is_killed_is_a_row_of_its_own(folder, compare, no_figure, fake_bm3d, capsys):
    fake_bm3d("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert compare(methods="bm3d,tv")
    table = rows()
    assert "its process was killed by SIGKILL" in table["bm3d"]["failure"]
    assert table["bm3d"]["heldout_psnr_db"] == ""
    assert table["tv"]["failure"] == ""
    assert "bm3d (failed)" in Path("out/comparison.md").read_text()
    assert not Path("out/bm3d.png").exists()
    captured = capsys.readouterr()
    assert "non-commercial" in captured.err
    assert "non-commercial" in captured.out


def test_a_failed_method_is_tried_again_and_none_is_exit_code_1(folder, fake_bm3d, no_figure):
    app = typer.Typer()
    register(app)
    arguments = ["photo.png", "-o", "out", "--methods", "bm3d"]
    fake_bm3d("raise ValueError")
    assert app(arguments, standalone_mode=False) == 1
    fake_bm3d("return image")
    assert not app(arguments, standalone_mode=False)
    assert rows()["bm3d"]["failure"] == ""


def test_ctrl_c_keeps_what_is_done(folder, compare, no_figure, monkeypatch, capsys):
    real, ran = command.run_method, []

    def interrupted(path, method, tell):
        ran.append(method.name)
        if len(ran) == 2:
            raise KeyboardInterrupt
        return real(path, method, tell)

    monkeypatch.setattr(command, "run_method", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(methods="tv,nl-means")
    assert "1 of 2 methods are in out; the same command goes on" in capsys.readouterr().err
    assert compare(methods="tv,nl-means")
    assert ran == ["tv", "nl-means", "nl-means"]
    assert list(rows()) == ["noisy", "tv", "nl-means"]


def test_a_real_ctrl_c_ends_the_process_of_the_method(folder, fake_bm3d, defaults, warm):
    fake_bm3d("import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(100)")
    options = {**defaults, "methods": "bm3d"}
    code = (
        f"import signal, sys; sys.path[:] = {sys.path!r}\nfrom pathlib import Path, PosixPath\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # which a shell's background jobs ignore
        "from nasdip.cli.commands.compare import compare_file\n"
        f"compare_file(Path('photo.png'), Path('out'), **{options!r})"
    )
    with open("errors", "w") as errors, warm.start(code, errors.fileno()) as process:
        deadline = time.monotonic() + 60
        while not (Path("pid").exists() and Path("pid").read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT if Path("pid").exists() else signal.SIGKILL)
    assert "0 of 1 methods are in out" in Path("errors").read_text()
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)
    assert not made()


@pytest.mark.parametrize(("shape", "dtype"), [((24, 20), "uint16"), ((24, 20, 5), "float32")])
def test_grey_many_channels_and_16_bits(folder, compare, shape, dtype):
    noisy = np.random.default_rng(0).normal(0.5, 0.1, shape).astype(np.float32)
    write_image("cells.tif", noisy)
    file = read_image("cells.tif")
    like = file if dtype == "float32" else file.__class__(**{**vars(file), "dtype": np.dtype(dtype), "scale": 65535.0})
    write_image("cells.tif", noisy, like=like)
    assert read_image("cells.tif").dtype == dtype
    assert compare("cells.tif", methods="tv,zs-n2n", steps=3)
    assert read_image("out/tv.tif").dtype == dtype
    assert read_image("out/tv.tif").pixels.shape == shape
    assert rows()["zs-n2n"]["failure"] == ""


def test_a_trained_model_that_is_damaged_fails_alone(folder, compare, no_figure):
    Path("models/mine").mkdir(parents=True)
    Path("models/mine/model.safetensors").write_bytes(b"no weights")
    assert compare(methods="mine,tv")
    assert "mine" in rows()["mine"]["failure"]
    assert "holds no model" in Path("out/comparison.md").read_text()
    Path("models/tv").mkdir()
    Path("models/tv/model.safetensors").write_bytes(b"")
    with pytest.raises(NasdipError, match="has a name that is taken"):
        compare(methods="tv")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": "magic,tv"}, "unknown method 'magic': use some of nasdip-restore,dip,"),
        ({"methods": "tv,tv"}, "named twice"),
        ({"methods": ","}, "unknown method"),
        ({"sigma": "loud"}, "is no noise level"),
        ({"device": "abacus"}, "unknown device"),
        ({"methods": "tv,nas-dip", "width": 3}, "divisible by 4"),
        ({"clean": Path("none.png")}, "does not exist"),
        ({"models": Path("modles")}, "modles is no folder of trained models"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(folder, compare, options, words):
    with pytest.raises(NasdipError, match=words):
        compare(**options)
    assert not Path("out").exists()


@pytest.mark.parametrize("name", ["tv.png", "observation/noisy.tif", "comparison.png"])
def test_a_picture_that_would_be_overwritten(folder, compare, name):
    Path(name).parent.mkdir(exist_ok=True)
    write_image(name, read_image("photo.png").pixels)
    before = Path(name).read_bytes()
    for options in ({}, {"clean": Path(name), "image": "photo.png"}):
        with pytest.raises(NasdipError, match=f"{name} would be overwritten"):
            compare(**{"image": name, **options}, output=".", methods="tv")
    assert Path(name).read_bytes() == before
    assert not Path("methods").exists()


def test_files_of_something_else_are_not_overwritten(folder, compare):
    Path("out").mkdir()
    Path("out/results.csv").write_text("years of work")
    with pytest.raises(NasdipError, match=r"results\.csv is not of an earlier comparison"):
        compare(methods="tv")
    assert Path("out/results.csv").read_text() == "years of work"


def test_results_of_another_comparison_do_not_count(folder, compare, no_figure):
    """As where a person removed the record of an earlier one."""
    compare(methods="tv")
    first = made()
    for path in Path("out").glob("*.*"):
        path.unlink()
    compare(methods="tv", seed=1)
    assert made()["tv"] != first["tv"]


def test_a_damaged_result_is_a_row_and_is_made_anew(folder, compare, no_figure):
    compare(methods="tv,nl-means")
    Path("out/methods/tv/restored.tif").write_bytes(b"cut")
    assert compare(methods="tv,nl-means")
    assert "cannot read" in rows()["tv"]["failure"]
    assert rows()["nl-means"]["failure"] == ""
    assert not Path("out/tv.png").exists()
    compare(methods="tv,nl-means")
    assert rows()["tv"]["failure"] == ""
    assert Path("out/tv.png").exists()


def test_compression_is_told(folder, compare, no_figure, capsys):
    iio.imwrite("photo.jpg", iio.imread("photo.png"))
    compare("photo.jpg", methods="tv")
    assert "compression" in capsys.readouterr().err


def test_the_record_says_what_was_run(folder, compare, no_figure):
    compare(methods="tv", sigma="20")
    record = json.loads(Path("out/record.json").read_text())
    assert record["comparison"]["settings"]["sigma"] == 20
    assert ComparisonFolder(Path("out")).heldout().sum() == round(0.05 * 40 * 32)
