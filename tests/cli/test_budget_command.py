"""`nasdip restore --budget` and `nasdip.restore(budget=...)`, from a made-up zoo to the files."""

import json

import imageio.v3 as iio
import numpy as np
import pytest

import nasdip as package
from nasdip.cli.commands import restore
from nasdip.files import read_json
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.planned import Plan
from nasdip.restoration.working_time import WorkingTime
from nasdip.zoo import catalog

QUICK = ("--width", "8", "--stop", "fixed", "--no-refine", "--no-report")
FACTS = {"task": "denoising", "summary": "made up", "source": "nowhere"}
STEP = {"dip+bilinear:4": 0.1, "dip+bilinear:2": 0.4}  # seconds


@pytest.fixture
def folder(folder):
    """With a picture whose fits take no time: how long they are said to take is made up."""
    iio.imwrite("photo.png", iio.imread("photo.png")[:20, :18])
    return folder


@pytest.fixture
def zoo(tmp_path_factory, monkeypatch):
    """A zoo of a quick network and a better one, whose costs can be set."""
    place, step = tmp_path_factory.mktemp("zoo"), dict(STEP)
    monkeypatch.setattr(catalog, "_folder", lambda: place)
    for name, text, gain, ratio in (("dip", "dip+bilinear:4", 0.0, 1.0), ("better", "dip+bilinear:2", 0.5, 4.0)):
        figures = {"gain_db": gain, "gain_error_db": 0.0, "step_ratio": ratio, "source": "made up"}
        facts = {"name": name, "architecture": text, "figures": figures, **FACTS}
        (place / f"{name}.json").write_text(json.dumps(facts))

    def working_time(made, folder, reference_seconds):
        return WorkingTime(step[str(made.task.architecture)] * made.missing, made.task.config.steps, 0.0)

    monkeypatch.setattr(Plan, "time_with", working_time)
    return step


def done(folder):
    read = RestorationFolder(folder / "restored/photo").read()
    return str(read.architecture), read.config.steps, len(read.repetitions)


@pytest.mark.parametrize(
    ("options", "words", "made"),
    [
        (("--budget", "10s"), "budget 10 s: better, estimated 8.0 s (none is better)", ("dip+bilinear:2", 20, 1)),
        (("--budget", "5"), "budget 5.0 s: dip, estimated 2.0 s (better would take 8.0 s)", ("dip+bilinear:4", 20, 1)),
        (("--budget", "5", "--repeats", "2"), "dip, estimated 4.0 s (better would take 16 s)",
         ("dip+bilinear:4", 20, 2)),
        (("--budget", "6", "--steps", "100"), "dip with 60 of 100 steps, estimated 6.0 s (dip would take 10 s; better",
         ("dip+bilinear:4", 60, 1)),
    ],
)  # fmt: skip
def test_what_fits_is_picked_told_and_done(folder, nasdip, zoo, options, words, made):
    code, out, err = nasdip("restore", "photo.png", "--steps", "20", *options, *QUICK)
    assert (code, out) == (0, "restored/photo.png\n"), err
    assert words in err
    assert f"about {'6.0' if '60' in words else words.split('estimated ')[1][:3]} s" in err  # the same is announced
    assert done(folder) == made


def test_a_stopped_restoration_goes_on_with_what_was_picked(folder, nasdip, zoo, ctrl_c_in_fit):
    fits = ctrl_c_in_fit(2)
    command = ("restore", "photo.png", "--budget", "10", "--steps", "60", "--repeats", "2", *QUICK)
    code, _, err = nasdip(*command)
    assert code == 130
    assert "dip with 50 of 60 steps, estimated 10 s (dip would take 12 s" in err
    assert read_json(folder / "restored/photo/record.json")["budget"] == {"seconds": 10, "steps": 60, "repeats": 2}
    zoo.update({"dip+bilinear:4": 0.01, "dip+bilinear:2": 0.02})  # the better one would fit by now
    code, _, err = nasdip(*command)
    assert code == 0, err
    assert "budget 10 s: going on with dip, which an earlier start picked, estimated 0.5 s" in err
    assert "1 of 2 fits done" in err
    assert (done(folder), len(fits)) == (("dip+bilinear:4", 50, 2), 3)


@pytest.mark.parametrize("change", [("--budget", "11"), ("--steps", "61"), ("--quality", "balanced"), ("--seed", "1")])
def test_another_command_picks_anew(folder, nasdip, zoo, change):
    command = ("restore", "photo.png", "--budget", "5", "--steps", "20", *QUICK)
    nasdip(*command)
    assert done(folder)[0] == "dip+bilinear:4"
    zoo.update({"dip+bilinear:2": 0.01})
    _, _, err = nasdip(*command)
    assert "going on with dip" in err
    _, _, err = nasdip(*command, *change)
    assert "better, estimated" in err
    assert done(folder)[0] == "dip+bilinear:2"


def test_what_is_done_takes_no_time(folder, nasdip, zoo):
    nasdip("restore", "photo.png", "--architecture", "better", "--steps", "20", *QUICK)
    _, _, err = nasdip("restore", "photo.png", "--budget", "1", "--steps", "20", *QUICK)
    assert "budget 1.0 s: better, estimated 0.0 s (none is better)" in err
    assert "1 of 1 fits done" in err


def test_pictures_of_a_batch_are_picked_for_one_by_one(folder, nasdip, zoo, monkeypatch):
    monkeypatch.setattr(restore, "_KEPT", 0)  # so that their tasks are made anew before the fits
    iio.imwrite("other.png", iio.imread("photo.png")[:17, :16])
    code, out, err = nasdip("restore", "photo.png", "other.png", "--budget", "6", "--steps", "100", *QUICK)
    assert code == 0, err
    assert out.splitlines() == ["restored/photo.png", "restored/other.png"]
    assert done(folder) == ("dip+bilinear:4", 60, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--budget", "soon"), "budget 'soon' is no time: use one like 60s, 5m, 1.5h or 90 (seconds)"),
        (("--budget", "0s"), "budget 0.0 is no time: use a number of seconds above 0"),
        (("--budget", "60s", "--architecture", "dip"),
         "a budget picks the architecture itself: drop either the architecture or the budget"),
    ],
)  # fmt: skip
def test_bad_budgets_are_one_line(folder, nasdip, options, message):
    code, out, err = nasdip("restore", "photo.png", *options)
    assert (code, out, err.strip()) == (2, "", f"nasdip: error: {message}")
    assert not (folder / "restored").exists()


def test_the_zoo_of_this_package_does_end_to_end(folder, nasdip):
    code, _, err = nasdip("restore", "photo.png", "--budget", "1h", "--steps", "3", "--width", "8", "--no-report")
    assert code == 0, err
    assert "budget 1 h: " in err
    assert "the estimates without a network take about" in err


def test_arrays_within_a_budget(zoo):
    image = np.random.default_rng(0).random((20, 24, 3), dtype=np.float32)
    quick = {"channel_axis": -1, "width": 8, "stop": "fixed", "refine": False, "sigma": 25}
    for seconds, architecture, steps in ((10, "better", 20), (5, "dip", 20)):
        given = package.restore(image, budget=seconds, steps=20, **quick)
        assert np.array_equal(given, package.restore(image, architecture=architecture, steps=steps, **quick))
    cut = package.restore(image, budget=6, steps=100, **quick)
    assert np.array_equal(cut, package.restore(image, architecture="dip", steps=60, **quick))
    for bad in ({"budget": -1}, {"budget": "60s"}, {"budget": 60, "architecture": "dip"}):
        with pytest.raises(package.NasdipError, match="budget"):
            package.restore(image, **quick, **bad)
