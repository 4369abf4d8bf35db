"""The wheel works outside the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from skimage.data import camera

CHECKOUT = Path(__file__).parents[2]
COMMANDS = (
    "nasdip restore photo.png --steps 2 --width 8 --no-report",
    "nasdip search photo.png --space tiny --trials 2 --crop 16 --width 16 --steps 2 --final-steps 0 --searcher random "
    "--parallel 1",
)
# In one process: most of the time goes to importing.
RUN = """
import sys
from nasdip.cli import main
for command in COMMANDS:
    sys.argv = command.split()
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder where only the wheel's files are, besides the environment's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", CHECKOUT],
        check=True,
        capture_output=True,
    )
    (wheel,) = (folder / "dist").glob("nasdip-*.whl")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            folder / "site",
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    return folder, wheel


def run(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder / "site")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_it_holds_the_spaces_the_zoo_and_the_report(installed):
    names = zipfile.ZipFile(installed[1]).namelist()
    for name in ("search_spaces/nas_dip.json", "zoo/dip.json", "report/templates/", "nas/backends/nni/guard/", "cli/"):
        assert [n for n in names if n.startswith(f"nasdip/{name}")], name
    assert not [n for n in names if n.startswith(("tests", "experiments"))]


def test_it_restores_and_searches_outside_the_checkout(installed):
    folder, _ = installed
    assert str(folder) in run(folder, "-c", "import nasdip; print(nasdip.__file__)")
    from nasdip.io.image_file import write_image

    write_image(folder / "photo.png", camera()[:20, :20] / 255)
    assert run(folder, "-m", "nasdip", "--version")
    out = run(folder, "-c", f"COMMANDS = {COMMANDS!r}\n{RUN}")
    assert out.splitlines() == ["restored/photo.png", "runs/photo/report.html"]
