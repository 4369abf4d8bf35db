import sys

import pytest
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.cli import main
from nasdip.imaging.image_file import write_image
from nasdip.imaging.noise import add_noise
from nasdip.prior import repetition


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a clean and a noisy picture of 40x32 px."""
    clean = img_as_float32(astronaut()[80:120, 210:242])
    write_image(tmp_path / "clean.png", clean)
    write_image(tmp_path / "photo.png", add_noise(clean, sigma=25, seed=0))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nasdip(monkeypatch, capsys):
    """Run the command line in this process: (exit code, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["nasdip", *(str(a) for a in arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capsys.readouterr()
        return caught.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def ctrl_c_in_fit(monkeypatch):
    """Let Ctrl-C come in a fit, by its number; returns a list with an item for each fit that began."""

    def set_up(number):
        real, calls = repetition.fit, []

        def interrupted(*args, **kwargs):
            calls.append(1)
            if len(calls) == number:
                raise KeyboardInterrupt
            return real(*args, **kwargs)

        monkeypatch.setattr(repetition, "fit", interrupted)
        return calls

    return set_up
