"""The commands and Python examples of the README and of docs/ run as they are written, with smaller fits."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage
import tifffile
from blank_figures import leave_figures_blank
from nni_process import wait_until
from quick_reference import use_quick_reference
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.io.image_file import write_image
from nasdip.measurement.add_noise import add_noise

ROOT = Path(__file__).parents[2]
README, NNI = ROOT / "README.md", ROOT / "docs/nni.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
SMALLER = {
    "restore": shlex.split("--steps 2 --width 8 --repeats 1"),
    "compare": shlex.split("--methods tv"),
    "pairs": ["--validation-count", "8"],
    "train": ["--batch", "4"],
    "demo-report": shlex.split("--repeats 1 --steps 2 --width 8"),
    "search": shlex.split("--space tiny --crop 16 --width 16 --steps 2"),
}
# The first search has a last fit, the others' is left out.
FIRST_SEARCH = shlex.split("--trials 2 --final-steps 2 --final-width 16 --warm-start 3")
OTHER_SEARCH = shlex.split("--trials 1 --final-steps 0 --warm-start 0 --candidate none")


def blocks(language, page):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands(*pages, nni=False):
    """Return the commands of the blocks that are about NNI, or of all others, each once."""
    chosen = [block for page in pages for block in blocks("sh", page) if ("nnictl" in block) == nni]
    lines = [line.split("  #")[0] for block in chosen for line in block.splitlines()]
    found = [tuple(shlex.split(line)) for line in lines if line.startswith("nasdip ")]
    return [list(command) for command in dict.fromkeys(found)]


def smaller(command, before):
    """Return what makes a command's fits smaller; `before` are the names of the commands that were run before it."""
    name = command[1]
    if "--resume" in command:
        return []
    search = [] if name != "search" else OTHER_SEARCH if name in before else FIRST_SEARCH
    return [*SMALLER.get(name, []), *search]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    clean = img_as_float32(astronaut()[80:98, 210:226])
    write_image(tmp_path / "clean.png", clean)
    write_image(tmp_path / "photo.png", add_noise(clean, sigma=25, seed=0))
    tifffile.imwrite(tmp_path / "cells.tif", np.random.default_rng(0).integers(0, 4000, (17, 18)).astype(np.uint16))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Take no time for what is tested elsewhere."""
    use_quick_reference(monkeypatch.setattr)
    leave_figures_blank(monkeypatch.setattr)


@pytest.fixture
def _no_reports(monkeypatch):
    """Write no report but that of the command report: that takes longer than these fits."""
    from nasdip.cli.commands import demo_report, restore, search

    for module in (restore, search, demo_report):
        monkeypatch.setattr(module, "write_report", lambda path: path / "report.html")


@pytest.mark.usefixtures("_no_reports")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_command_runs(folder, monkeypatch, capsys):
    from nasdip.cli import main
    from nasdip.nas.backends.nni import health

    # Portals which tests beside this one open on purpose are no matter of the README.
    monkeypatch.setattr(health, "managers", lambda: iter(()))
    found = commands(*PAGES)
    assert {command[1] for command in found} >= {
        "restore", "search", "status", "report", "degrade", "spectrum", "zoo", "compare", "pairs", "train", "denoise",
        "demo-report", "doctor",
    }  # fmt: skip
    before = set()
    for command in found:
        monkeypatch.setattr("sys.argv", [*command, *smaller(command, before)])
        before.add(command[1])
        with pytest.raises(SystemExit) as caught:
            main()
        assert not caught.value.code, (command, *capsys.readouterr())


@pytest.mark.nni
def test_every_nni_command_runs(folder):
    shutil.copytree(ROOT / "search_spaces", folder / "search_spaces")
    shutil.copytree(ROOT / "experiments", folder / "experiments", ignore=shutil.ignore_patterns("benchmarks"))
    config = folder / "experiments/denoise_cpu.yml"
    text = config.read_text(encoding="utf-8")
    for line, fewer in (
        ("crop: 96", "crop: 16"),
        ("steps: 600", "steps: 4"),
        ("maxTrialNumber: 40", "maxTrialNumber: 3"),
        ("warm_start: 400", "warm_start: 4"),
    ):
        assert line in text
        text = text.replace(line, fewer)
    config.write_text(text, encoding="utf-8")
    environment = {**os.environ, "HOME": str(folder), "PWD": str(folder)}
    name = "ID"

    def nasdip(*words, check=True):
        command = [sys.executable, "-m", "nasdip", *(name if word == "ID" else word for word in words)]
        return subprocess.run(command, env=environment, cwd=folder, check=check, capture_output=True, text=True).stdout

    found = commands(NNI, nni=True)
    assert {tuple(command) for command in commands(README, nni=True)} <= {tuple(command) for command in found}
    assert [command[1:3] for command in found] == [
        ["doctor", "experiments/denoise_cpu.yml"], ["nnictl", "create"], ["status", "ID"], ["nnictl", "resume"],
        ["report", "ID"], ["nnictl", "update"], ["nnictl", "stop"], ["nnictl", "view"], ["restore", "photo.png"],
    ]  # fmt: skip
    doctor, create, status, resume, report, update, stop, view, restore = (command[1:] for command in found)
    # Another port, since other tests, or people, may use NNI's own.
    port = ("--port", "18690")
    try:
        # Not that its code is 0: tests beside this one open portals on purpose, which it finds.
        assert "denoise_cpu.yml is sound" in nasdip(*doctor, check=False)
        (name,) = set(re.findall(r"nnictl stop (\w{8})", nasdip(*create, *port)))
        wait_until(lambda: "3 of 3" in nasdip(*status), 90, "the third trial")
        assert (folder / "runs" / name / "run/best.json").is_file()
        nasdip(*stop)
        assert name in nasdip(*resume, *port)
        assert "report.html" in nasdip(*report)
        nasdip(*update)
        wait_until(lambda: " of 80" in nasdip(*status), 30, "the higher limit")
        nasdip(*stop)
        nasdip(*view, *port)
        nasdip(*stop)
        nasdip(*restore, *SMALLER["restore"])
    finally:
        subprocess.run(
            [sys.executable, "-m", "nasdip", "nnictl", "stop", "--all"], env=environment, cwd=folder, check=True
        )


@pytest.fixture
def _registries():
    """Take back what examples register."""
    from nasdip.io.formats import FORMATS
    from nasdip.measurement import add_noise as noises
    from nasdip.measurement.operators.registry import OPERATORS
    from nasdip.network.plain.operations import ACTIVATIONS, BUILDERS
    from nasdip.searchers.registry import SEARCHERS
    from nasdip.space.operations import OPERATIONS

    registries, kinds = (noises._MODELS, OPERATORS, ACTIVATIONS, BUILDERS, SEARCHERS, OPERATIONS, FORMATS), noises.KINDS
    kept = [dict(registry) for registry in registries]
    yield
    noises.KINDS = kinds
    for registry, before in zip(registries, kept, strict=True):
        registry.clear()
        registry.update(before)


@pytest.mark.usefixtures("_registries")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks("python", page)], ids=lambda page: page.name)
def test_the_python_runs(page, folder, monkeypatch, capsys):
    """All blocks of a page, one after the other, on a smaller picture."""
    from nasdip import api

    small = {"steps": 2, "width": 8, "repeats": 1}
    tiny = {"space": "tiny", "crop": 16, "width": 16, "steps": 2, "final_steps": 2, "final_width": 16, "warm_start": 0}
    restore, inpaint, search = api.restore, api.inpaint, api.search
    monkeypatch.setattr(api, "restore", lambda image, **o: restore(image, **{**o, **small}))
    monkeypatch.setattr(api, "inpaint", lambda image, mask, **o: inpaint(image, mask, **{**o, **small}))
    # Those of a resumed search are its own.
    monkeypatch.setattr(
        api, "search",
        lambda image, **o: search(image, **{**o, "trials": o["trials"] // 10, **({} if "resume" in o else tiny)}),
    )  # fmt: skip
    picture = astronaut()[:60, :180]
    monkeypatch.setattr(skimage.data, "astronaut", lambda: picture)
    (folder / "experiments").symlink_to(ROOT / "experiments")
    names = {}
    for number, block in enumerate(blocks("python", page), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
