import pytest
from blank_figures import leave_figures_blank
from example_runs import ReportedRun, clean_image, noisy_image, write_search

from nasdip.report.report import write_report


@pytest.fixture(autouse=True)
def _blank_figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures undrawn, which take seconds for each report, where a test does not ask for `real_figures`.

    Those of `finished` are drawn, once.
    """
    if "real_figures" not in request.fixturenames:
        leave_figures_blank(monkeypatch.setattr)


@pytest.fixture
def real_figures() -> None:
    """Ask for figures as people get them."""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ReportedRun:
    """A finished search with a clean image, a final fit and a random run to compare with."""
    root = tmp_path_factory.mktemp("runs")
    clean = clean_image(64)
    noisy = noisy_image(clean)
    trials = write_search(root / "run", noisy=noisy, clean=clean, told=True)
    random = write_search(root / "random", noisy=noisy, clean=clean, searcher="random", final=False, seed=5)
    report = write_report(root / "run", random_run=root / "random")
    return ReportedRun(root / "run", report, report.read_text(encoding="utf-8"), trials, random, noisy, clean)
