import textwrap
from functools import partial
from pathlib import Path

import pytest
from quick_reference import use_quick_reference

from nasdip.cli.commands.compare import compare_file

OPTIONS = {
    "clean": None, "methods": None, "models": None, "steps": None, "width": None, "seed": 0,
    "sigma": "auto", "device": "cpu",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quick_reference(monkeypatch):
    """Let the estimate without a network take little time here; in the processes of the methods it is the real one."""
    use_quick_reference(monkeypatch.setattr)


@pytest.fixture
def defaults():
    """The options of the command line where none are given."""
    return OPTIONS


@pytest.fixture
def compare():
    """Compare by these options, the others being the defaults."""

    def run(image="photo.png", output="out", **options):
        return partial(compare_file, **{**OPTIONS, **options})(Path(image), Path(output))

    return run


@pytest.fixture
def fake_bm3d(tmp_path, monkeypatch):
    """Install a package bm3d that does what it is given, in the processes of the methods too."""

    def install(body):
        place = tmp_path / "packages"
        place.mkdir(exist_ok=True)
        (place / "bm3d.py").write_text(f"def bm3d_rgb(image, level):\n{textwrap.indent(body, '    ')}\n")
        monkeypatch.syspath_prepend(place)

    return install
