import sys

import pytest
from blank_figures import leave_figures_blank
from quick_reference import use_quick_reference

from nasdip.cli import main
from nasdip.cli.commands import demo_report, restore, search
from nasdip.restoration import repetition


@pytest.fixture(autouse=True)
def _blank_figures(request, monkeypatch):
    """Leave figures undrawn, where a test does not ask for `real_figures`."""
    if "real_figures" not in request.fixturenames:
        leave_figures_blank(monkeypatch.setattr)


@pytest.fixture
def real_figures():
    """Ask for figures as people get them."""


@pytest.fixture(autouse=True)
def _quick_reference(request, monkeypatch):
    """Let the estimate without a network take little time, where a test does not ask for `real_reference`."""
    if "real_reference" not in request.fixturenames:
        use_quick_reference(monkeypatch.setattr)


@pytest.fixture
def real_reference():
    """Ask for the estimate without a network as people get it."""


@pytest.fixture
def empty_page(monkeypatch):
    """Leave pages of reports empty, but for those of the command report."""

    def write_report(path):
        page = path / "report.html"
        page.touch()
        return page

    for module in (restore, search, demo_report):
        monkeypatch.setattr(module, "write_report", write_report)


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
