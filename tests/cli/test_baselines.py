"""`nasdip pairs`, `train` and `denoise`."""

import json
import shutil
import sys

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from skimage.data import astronaut, coffee
from skimage.util import img_as_float32

from nasdip.baselines.model_folder import ModelFolder
from nasdip.baselines.pairs import make_pairs, read_pairs, write_pairs
from nasdip.baselines.trainable import TorchTrainable
from nasdip.io.image_file import read_image

TRAIN = ("train", "noise2noise-half", "--pairs", "pairs.npz", "-o", "models/half", "--batch", 8, "--epochs", 2)


@pytest.fixture(scope="module")
def pair_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.npz"
    images = {"astronaut": img_as_float32(astronaut()[:200, :200])}, {"coffee": img_as_float32(coffee()[:200, :200])}
    write_pairs(path, make_pairs(*images, count=24, validation_count=8, factors=(2,)))
    return path


@pytest.fixture
def pairs(folder, pair_file):
    shutil.copy(pair_file, folder)


def test_pairs_of_scikit_images_photographs(folder, nasdip):
    code, out, err = nasdip("pairs", "-o", "pairs.npz", "--count", 24, "--validation-count", 8)
    assert (code, out.strip()) == (0, "pairs.npz"), err
    assert "24 pairs of 32x32 px of 4 images to train with, 8 of 2 others to validate with" in err
    assert set(read_pairs(folder / "pairs.npz").facts["validation"]) == {"chelsea", "coffee"}


def test_pairs_of_files_and_folders(folder, nasdip):
    (folder / "grey").mkdir()
    for number in range(5):
        iio.imwrite(folder / f"grey/{number}.png", np.full((40, 50), 30 * number, np.uint8))
    code, _, err = nasdip("pairs", "grey", "clean.png", "-o", "out/p.npz", "--count", 8, "--factor", 1)
    assert code == 0, err
    facts = read_pairs(folder / "out/p.npz").facts
    assert facts["training"] == [f"grey/{number}.png" for number in range(5)]
    assert facts["validation"] == ["clean.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clean.png", "-o", "p.npz"), "name two at least"),
        (("-o", "p.csv"), "does not end in .npz"),
        (("clean.png", "--validation", "clean.png", "-o", "p.npz"), "trained and validated with"),
        (("clean.png", "--validation", "empty/../clean.png", "-o", "p.npz"), "trained and validated with"),
        (("clean.png", "empty/../clean.png", "-o", "p.npz"), "name two at least"),
        (("--validation", "clean.png", "-o", "p.npz"), "none to train with"),
        ((".", "--validation", "nowhere.png", "-o", "p.npz"), "nowhere.png does not exist"),
        (("empty", "photo.png", "-o", "p.npz"), "holds no image"),
        (("clean.png", "photo.png", "-o", "p.npz"), "too few for crops of 64 px"),
    ],
)
def test_wrong_pairs_are_told_and_nothing_is_written(folder, nasdip, arguments, words):
    (folder / "empty").mkdir()
    size = ("--size", 64) if "64" in words else ()
    code, _, err = nasdip("pairs", *arguments, *size)
    assert code == 2
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not list(folder.glob("*.npz"))


def test_a_model_is_trained_and_denoises_pictures_of_any_kind(pairs, folder, nasdip):
    code, out, err = nasdip(*TRAIN)
    assert (code, out.strip()) == (0, "models/half"), err
    assert "2 epochs of 3 steps with 8 images, learning rate 0.001, on cpu" in err
    assert "validation pairs have 20." in err
    names = {"model.json", "model.safetensors", "last.safetensors", "history.csv", "curve.png"}
    assert {path.name for path in (folder / "models/half").iterdir()} >= names
    assert json.loads((folder / "models/half/model.json").read_text())["best"]["epoch"] in (1, 2)

    sixteen = np.random.default_rng(0).integers(0, 65536, (70, 45)).astype(np.uint16)
    tifffile.imwrite(folder / "cells.tif", sixteen)
    code, out, err = nasdip("denoise", "photo.png", "cells.tif", "--model", "models/half")
    assert code == 0, err
    assert out.split() == ["denoised/photo.png", "denoised/cells.tif"]
    assert "the model was trained for 2" in err  # of the second one's noise
    cells = read_image(folder / "denoised/cells.tif")
    assert (cells.dtype, cells.pixels.shape) == (np.uint16, (70, 45))
    assert iio.imread(folder / "denoised/photo.png").shape == (40, 32, 3)
    assert nasdip("denoise", "photo.png", "--model", "models/half", "--clean", "clean.png")[2].count("PSNR") == 1


def test_the_same_command_goes_on(pairs, folder, nasdip, monkeypatch):
    write, ended = ModelFolder.write_epoch, []

    def stop_after_the_first(*arguments):
        write(*arguments)
        ended.append(1)
        if len(ended) in (1, 2):
            raise KeyboardInterrupt

    monkeypatch.setattr(ModelFolder, "write_epoch", stop_after_the_first)
    code, _, err = nasdip(*TRAIN)
    assert code == 130
    assert "1 epochs are in models/half; the same command goes on" in err
    code, _, err = nasdip(*TRAIN)
    assert code == 130
    assert "going on with an earlier start, 1 epochs done" in err
    assert not (folder / "models/half/curve.png").exists()
    assert len(ModelFolder(folder / "models/half").history()) == 2
    code, _, err = nasdip(*TRAIN)
    assert code == 0, err
    assert "2 epochs are done; --epochs 3 or more goes on" in err
    assert (folder / "models/half/curve.png").exists()  # which the end that was stopped had left out
    assert len(ended) == 2
    code, _, err = nasdip(*TRAIN, "--seed", 1)
    assert code == 2
    assert "holds a training with seed 0, not 1: choose another folder with -o" in err


def test_curves_for_tensorboard(pairs, folder, nasdip):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert nasdip(*TRAIN[:-1], 1)[0] == 0
    code, _, err = nasdip(*TRAIN, "--tensorboard")
    assert code == 0, err
    assert "noise2noise-half: epoch 2, loss 0." in err
    events = EventAccumulator(str(folder / "models/half/tensorboard"))
    events.Reload()
    told = [event.value for event in events.Scalars("validation_psnr")]
    history = ModelFolder(folder / "models/half").history()
    assert told == pytest.approx([epoch.validation_psnr for epoch in history], rel=1e-5)


def test_without_tensorboard_it_is_said_before_the_training(pairs, folder, nasdip, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    code, _, err = nasdip(*TRAIN, "--tensorboard")
    assert code == 2
    assert "pip install nasdip[tensorboard]" in err
    assert not (folder / "models").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "unet", "--pairs", "pairs.npz", "-o", "m"), "unknown baseline 'unet': use noise2noise"),
        (("train", "dcnn", "--pairs", "nowhere.npz", "-o", "m"), "make it with nasdip pairs"),
        (("train", "dcnn", "--pairs", "photo.png", "-o", "m"), "is no file of pairs"),
        (("train", "dcnn", "--pairs", "pairs.npz", "-o", "m", "--learning-rate", -1), "use a number above 0"),
        (("denoise", "photo.png", "--model", "."), "holds no model"),
    ],
)
def test_wrong_arguments_are_told(pairs, folder, nasdip, arguments, words):
    code, _, err = nasdip(*arguments)
    assert code == 2
    assert words in err
    assert not (folder / "m").exists()
    assert not (folder / "denoised").exists()


def test_memory_that_runs_out_is_told(pairs, folder, nasdip, monkeypatch):
    def out_of_memory(*arguments):
        raise MemoryError

    monkeypatch.setattr(TorchTrainable, "step", out_of_memory)
    code, _, err = nasdip(*TRAIN)
    assert code == 2
    assert "out of memory for batches of 8 images on cpu: use a smaller --batch" in err


def test_no_input_is_overwritten(pairs, folder, nasdip):
    assert nasdip(*TRAIN)[0] == 0
    (folder / "truth").mkdir()
    before = (folder / "clean.png").read_bytes()
    shutil.copy(folder / "clean.png", folder / "truth/photo.png")
    arguments = ("denoise", "photo.png", "--model", "models/half", "--clean", "truth/photo.png", "-o", "truth")
    code, _, err = nasdip(*arguments)
    assert code == 2
    assert "truth/photo.png would be overwritten" in err
    assert (folder / "truth/photo.png").read_bytes() == before
    tifffile.imwrite(folder / "photo.tif", np.full((40, 40), 0.5, np.float32))
    assert nasdip("denoise", "photo.png", "photo.tif", "--model", "models/half")[0] == 0  # no folders of that name


def test_channels_that_no_model_denoises_are_told_before_any_work(pairs, folder, nasdip):
    assert nasdip(*TRAIN)[0] == 0
    tifffile.imwrite(folder / "two.tif", np.zeros((2, 40, 40), np.float32) + 0.5, metadata={"axes": "CYX"})
    code, _, err = nasdip("denoise", "photo.png", "two.tif", "--model", "models/half")
    assert code == 2
    assert "1 or 3 channels" in err
    assert not (folder / "denoised").exists()
