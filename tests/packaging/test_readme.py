"""The README's commands run as they are written, with smaller fits."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from nni_process import wait_until
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.io.image_file import write_image
from nasdip.measurement.add_noise import add_noise

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALLER = {
    "restore": ["--steps", "2", "--width", "16"],
    "compare": shlex.split("--methods dip,zs-n2n,tv --steps 2 --width 16"),
    "train": ["--batch", "16"],
    "demo-report": shlex.split("--repeats 1 --steps 2 --width 16"),
    "search": shlex.split("--trials 2 --crop 16 --width 16 --steps 2 --final-steps 2 --final-width 16 --warm-start 3"),
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands(nni=False):
    """Return the commands of the blocks that are about NNI, or of all others."""
    chosen = [block for block in blocks("sh") if ("nnictl" in block) == nni]
    lines = [line.split("  #")[0] for block in chosen for line in block.splitlines()]
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
    from nasdip.nas.backends.nni import health

    # Portals which tests beside this one open on purpose are no matter of the README.
    monkeypatch.setattr(health, "managers", lambda: iter(()))
    found = commands()
    assert {command[1] for command in found} >= {"restore", "search", "status", "report", "noise", "spectrum", "zoo"}
    for command in found:
        resuming = "--resume" in command
        smaller = [] if resuming else SMALLER.get(command[1], [])
        monkeypatch.setattr("sys.argv", [*command, *smaller])
        with pytest.raises(SystemExit) as caught:
            main()
        assert not caught.value.code, (command, *capsys.readouterr())


@pytest.mark.nni
def test_every_nni_command_of_the_readme_runs(folder):
    shutil.copytree(ROOT / "search_spaces", folder / "search_spaces")
    shutil.copytree(ROOT / "experiments", folder / "experiments", ignore=shutil.ignore_patterns("benchmarks"))
    config = folder / "experiments/denoise_cpu.yml"
    text = config.read_text(encoding="utf-8")
    for line, smaller in (
        ("crop: 96", "crop: 16"),
        ("steps: 600", "steps: 4"),
        ("maxTrialNumber: 40", "maxTrialNumber: 3"),
        ("warm_start: 400", "warm_start: 4"),
    ):
        assert line in text
        text = text.replace(line, smaller)
    config.write_text(text, encoding="utf-8")
    environment = {**os.environ, "HOME": str(folder), "PWD": str(folder)}

    def nasdip(*words):
        command = [sys.executable, "-m", "nasdip", *words]
        return subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True).stdout

    found = commands(nni=True)
    assert [command[1:3] for command in found] == [
        ["doctor", "experiments/denoise_cpu.yml"], ["nnictl", "create"], ["status", "ID"], ["nnictl", "resume"],
    ]  # fmt: skip
    doctor, create, status, resume = (command[1:] for command in found)
    # Another port, since other tests, or people, may use NNI's own.
    try:
        assert "sound" in nasdip(*doctor)
        words = nasdip(*create, "--port", "18690")
        (name,) = set(re.findall(r"nnictl stop (\w{8})", words))
        wait_until(
            lambda: "3 of 3" in nasdip(*(name if word == "ID" else word for word in status)), 90, "the third trial"
        )
        assert (folder / "runs" / name / "run/best.json").is_file()
        nasdip("nnictl", "stop", name)
        assert name in nasdip(*(name if word == "ID" else word for word in resume), "--port", "18690")
        assert "report.html" in nasdip("report", name)
        nasdip("restore", "photo.png", "--architecture", name, "--steps", "2", "--width", "16")
    finally:
        subprocess.run(
            [sys.executable, "-m", "nasdip", "nnictl", "stop", "--all"], env=environment, cwd=folder, check=True
        )


def test_the_python_of_the_readme_runs(folder, monkeypatch):
    from nasdip import api

    (block,) = blocks("python")
    restore, search = api.restore, api.search
    tiny = {"trials": 2, "crop": 16, "width": 16, "steps": 2, "final_steps": 2, "final_width": 16}
    monkeypatch.setattr(api, "restore", lambda image, **o: restore(image, **{**o, "steps": 2, "width": 8}))
    monkeypatch.setattr(api, "search", lambda image, **o: search(image, **{**o, **tiny}))
    exec(compile(block, "README.md", "exec"), {})
