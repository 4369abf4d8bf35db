"""The README's commands run as they are written, with smaller fits."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.imaging.image_file import write_image
from nasdip.imaging.noise import add_noise

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SMALLER = {
    "restore": ["--steps", "2", "--width", "16"],
    "search": shlex.split("--trials 2 --crop 16 --width 16 --steps 2 --final-steps 2 --final-width 16"),
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands():
    lines = [line.split("  #")[0] for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("nasdip ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    clean = img_as_float32(astronaut()[80:120, 210:242])
    write_image(tmp_path / "clean.png", clean)
    write_image(tmp_path / "photo.png", add_noise(clean, sigma=25, seed=0))
    tifffile.imwrite(tmp_path / "cells.tif", np.random.default_rng(0).integers(0, 4000, (24, 20)).astype(np.uint16))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_command_of_the_readme_runs(folder, monkeypatch, capsys):
    from nasdip.cli import main

    found = commands()
    assert {command[1] for command in found} >= {"restore", "search", "status", "report", "noise", "spectrum", "zoo"}
    for command in found:
        resuming = "--resume" in command
        smaller = [] if resuming else SMALLER.get(command[1], [])
        monkeypatch.setattr("sys.argv", [*command, *smaller])
        with pytest.raises(SystemExit) as caught:
            main()
        assert not caught.value.code, (command, capsys.readouterr().err)


def test_the_python_of_the_readme_runs(folder, monkeypatch):
    from nasdip import api

    (block,) = blocks("python")
    restore, search = api.restore, api.search
    tiny = {"trials": 2, "crop": 16, "width": 16, "steps": 2, "final_steps": 2, "final_width": 16}
    monkeypatch.setattr(api, "restore", lambda image, **o: restore(image, **{**o, "steps": 2, "width": 8}))
    monkeypatch.setattr(api, "search", lambda image, **o: search(image, **{**o, **tiny}))
    exec(compile(block, "README.md", "exec"), {})
