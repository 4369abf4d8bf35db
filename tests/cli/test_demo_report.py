"""`nasdip demo-report`: the experiment of the NAS-DIP report with any picture."""

import csv

import numpy as np
import pytest
import tifffile

from nasdip.cli.commands import demo_report as room
from nasdip.cli.commands.demo_report import noisy_version
from nasdip.imaging.metrics import psnr
from nasdip.io.image_file import read_image, write_image
from nasdip.records.restoration_folder import RestorationFolder

NARROW = ("--repeats", "2", "--steps", "8", "--width", "8", "--architecture", "dip+bilinear:4.4")


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return sorted((str(p), p.read_bytes() if p.is_file() else b"") for p in folder.rglob("*"))


@pytest.fixture
def undrawn(monkeypatch):
    """Page and figure, which take most of the time of so small a fit, are not drawn."""
    monkeypatch.setattr(room, "write_report", lambda folder: folder / "report.html")
    monkeypatch.setattr(room, "save_png", lambda figure, path: path.write_bytes(b""))


def test_figure_table_and_page_tell_what_was_fitted(folder, nasdip):
    code, out, err = nasdip("demo-report", "clean.png", "-o", "demo", *NARROW)
    assert code == 0
    assert out.split() == [f"demo/{name}" for name in (
        "first_last.png", "repetitions.csv", "summary.md", "clean/report.html")]  # fmt: skip
    assert all((folder / path).stat().st_size for path in out.split())
    assert "2 x 8 steps" in err
    assert "standard deviation" in err
    done = RestorationFolder(folder / "demo/clean").read()
    assert (done.config.stop, done.config.learning_rate, done.sigma, done.refined) == ("fixed", 0.01, 25.0, False)
    assert np.array_equal(done.noisy, read_image("demo/noisy.png").pixels)
    for row, fit in zip(rows("demo/repetitions.csv"), done.repetitions, strict=True):
        assert float(row["oracle_psnr_db"]) == pytest.approx(psnr(done.clean, fit.oracle, data_range=1.0), abs=2e-4)
        assert float(row["last_psnr_db"]) == pytest.approx(psnr(done.clean, fit.last, data_range=1.0), abs=2e-4)
        step = int(row["blind_step"])
        assert (step, len(fit.curves.step)) == (fit.choices["reference"].step, 8)
        blind = fit.curves.oracle_psnr_averaged[step - 1]
        assert float(row["blind_psnr_db"]) == pytest.approx(blind, abs=2e-4)
        assert float(row["blind_psnr_db"]) <= float(row["oracle_psnr_db"]) + 2e-4
    page = (folder / "demo/clean/report.html").read_text()
    assert "What stopping rules came to" in page


def test_stopped_with_ctrl_c_the_same_command_goes_on(folder, nasdip, ctrl_c_in_fit, undrawn):
    calls = ctrl_c_in_fit(2)
    code, out, err = nasdip("demo-report", "clean.png", "-o", "demo", *NARROW)
    assert (code, out) == (130, "")
    assert "1 of 2 repetitions are in demo/clean; the same command goes on" in err
    assert sorted(path.name for path in (folder / "demo").iterdir()) == ["clean", "noisy.png"]
    assert nasdip("demo-report", "clean.png", "-o", "demo", *NARROW)[0] == 0
    assert len(calls) == 3
    assert len(rows("demo/repetitions.csv")) == 2

    before = contents(folder / "demo")
    nasdip("demo-report", "clean.png", "-o", "demo", *NARROW)
    changed = {a[0] for a, b in zip(before, contents(folder / "demo"), strict=True) if a != b}
    assert len(calls) == 3
    assert not [path for path in changed if "repetition" in path or path.endswith(".md")]


def test_other_noise_is_another_experiment(folder, nasdip, undrawn):
    for sigma in ("25", "10"):
        _, _, err = nasdip("demo-report", "clean.png", "-o", "demo", "--sigma", sigma, *NARROW, "--repeats", "1")
    assert "now in demo/clean.1" in err
    assert "sigma 10 " in (folder / "demo/summary.md").read_text()
    assert RestorationFolder(folder / "demo/clean").read().sigma == 10


def test_a_picture_of_more_channels_and_bits(folder, nasdip, undrawn):
    samples = np.random.default_rng(0).integers(0, 65536, (2, 24, 20)).astype(np.uint16)
    tifffile.imwrite("cells.tif", samples, photometric="minisblack", metadata={"axes": "CYX"})
    assert nasdip("demo-report", "cells.tif", "-o", "demo", *NARROW)[0] == 0
    done = RestorationFolder(folder / "demo/cells").read()
    assert np.array_equal(done.noisy, read_image("demo/noisy.tif").pixels)
    assert np.array_equal(np.rint(65535 * done.clean.transpose(2, 0, 1)), samples)


def test_the_noise_is_that_of_an_8_bit_file(folder, nasdip):
    nasdip("noise", "clean.png", "--sigma", "40", "--seed", "7", "-o", "file.png")
    clean = read_image("clean.png").pixels
    noisy = noisy_version(clean, 40, 7)
    assert np.array_equal(noisy, read_image("file.png").pixels)
    assert (noisy.min(), noisy.max()) == (0, 1)
    middle = (clean > 0.45) & (clean < 0.55)  # out of reach of clipping
    assert 255 * (noisy - clean)[middle].std() == pytest.approx(40, rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.png"], ["missing.png", "does not exist"]),
        (["clean.png", "--sigma", "0.3"], ["--sigma", "1"]),
        (["clean.png", "--sigma", "nan"], ["sigma"]),
        (["clean.png", "--repeats", "0"], ["--repeats"]),
        (["clean.png", "--architecture", "resnet"], ["unknown architecture 'resnet'"]),
        (["clean.png", "--width", "6"], ["divisible by 4"]),
        (["clean.png", "--device", "toaster"], ["unknown device 'toaster'"]),
        (["clean.png", "-o", "/proc/nowhere", *NARROW], ["cannot write"]),
        (["clean.png", "-o", "other"], ["other/noisy.png", "another folder"]),
        (["other/noisy.png", "-o", "other"], ["other/noisy.png", "overwritten"]),
        (["summary.md.png", "-o", "new"], ["one place"]),
        (["clean.png", "-o", "photo.png", *NARROW], ["photo.png", "cannot write"]),
        ([], ["IMAGE"]),
    ],
)
def test_bad_input_is_one_line_exit_2_and_nothing_written(folder, nasdip, arguments, words):
    (folder / "other").mkdir()
    for name in ("other/noisy.png", "summary.md.png"):
        write_image(folder / name, read_image("clean.png").pixels)
    before = contents(folder)
    code, out, err = nasdip("demo-report", *arguments)
    *notes, last = err.strip().splitlines()
    assert (code, out, notes) == (2, "", [])
    assert last.startswith("nasdip: error: ")
    for word in words:
        assert word in last
    assert contents(folder) == before


def test_the_files_of_a_restoration_are_not_overwritten(folder, nasdip):
    (folder / "other/clean").mkdir(parents=True)
    (folder / "other/noisy.png").write_bytes(b"of someone")
    code, _, err = nasdip("demo-report", "clean.png", "-o", "other", *NARROW)
    assert (code, err.strip()) == (
        2, "nasdip: error: other/noisy.png is not of this picture's report: choose another folder with -o",
    )  # fmt: skip
    assert (folder / "other/noisy.png").read_bytes() == b"of someone"


def test_a_picture_that_does_not_fit_into_the_memory_is_refused(folder, nasdip, monkeypatch):
    from nasdip.imaging.tiles import Tiling
    from nasdip.restoration import plan

    real = plan.choose_tiles
    tiles = Tiling((40, 32), (2, 1), (24, 32))
    monkeypatch.setattr(plan, "choose_tiles", lambda *a, **o: real(*a, **o)._replace(tiling=tiles))
    code, _, err = nasdip("demo-report", "clean.png", "-o", "demo", *NARROW)
    assert code == 2
    assert "clean.png does not fit into the memory as a whole: use a smaller --width or picture" in err
    assert not (folder / "demo").exists()


def test_a_picture_that_the_noise_would_hide_is_refused(folder, nasdip):
    """As 12 bits in a file of 16."""
    faint = np.random.default_rng(0).integers(0, 4096, (32, 32)).astype(np.uint16)
    tifffile.imwrite(folder / "faint.tif", faint)
    code, _, err = nasdip("demo-report", "faint.tif", "-o", "demo", *NARROW)
    assert code == 2
    assert "to 0.0624 (black to white: 0 to 1), which noise of sigma 25 would hide" in err
    assert not (folder / "demo").exists()


def test_values_that_are_clipped_are_told(folder, nasdip, undrawn):
    values = np.random.default_rng(0).uniform(-0.2, 1, (32, 32)).astype(np.float32)
    tifffile.imwrite(folder / "float.tif", values)
    code, _, err = nasdip("demo-report", "float.tif", "-o", "demo", *NARROW)
    assert code == 0
    assert "Values below 0 and above 1 were clipped." in err
