"""NNI's web portal in a real browser, during a search: its trials, their curves, and our decisions."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from nni_process import BIN, RunningExperiment, nni_experiment, wait_until, write_config
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult

CHECKOUT = Path(__file__).resolve().parents[3]
PORTS = range(18560, 18598)
TRIALS = 4
PROXY = {"crop": 32, "width": 16, "steps": 200, "children": 1, "warm_start": 8}

# How many of a canvas's pixels have a colour, which axes, grids and words have not.
COLOURED = """
const canvas = arguments[0];
const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
let count = 0;
for (let i = 0; i < data.length; i += 4) {
  const [low, high] = [Math.min(...data.slice(i, i + 3)), Math.max(...data.slice(i, i + 3))];
  if (data[i + 3] > 200 && high - low > 60) count += 1;
}
return count;
"""

# The words of the cells that a selector finds, without the icons which follow them.
CELLS = "return [...document.querySelectorAll(arguments[0])].map((cell) => cell.innerText.split('\\n')[0].trim())"

pytestmark = [pytest.mark.browser, pytest.mark.nni]


class Portal(NamedTuple):
    """A browser, and the experiment whose portal it shows."""

    browser: webdriver.Chrome
    experiment: RunningExperiment

    def open(self, page: str) -> None:
        """Load a page of the portal: oview or detail."""
        self.browser.get(f"http://127.0.0.1:{self.experiment.port}/{page}")

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements of a CSS selector, as soon as there are some."""
        return list(wait_until(lambda: self.browser.find_elements(By.CSS_SELECTOR, selector), 20, selector))

    def text(self) -> str:
        """Return all words on the page."""
        return self.browser.find_element(By.TAG_NAME, "body").text

    def tab(self, name: str) -> None:
        """Open a tab of the detail page's charts."""
        next(tab for tab in self.all("button[role=tab]") if name in tab.text).click()

    def cells(self, column: str) -> list[str]:
        """Return a column of the page's table of trials, by NNI's key for it."""
        selector = f".ms-DetailsRow [data-automation-key={column}]"

        def drawn() -> list[str]:
            cells = self.browser.execute_script(CELLS, selector)
            return cells if all(cells) else []

        return list(wait_until(drawn, 20, f"the column {column}"))

    def results(self) -> dict[str, TrialResult]:
        """Return our results by NNI's ids of the trials."""
        return {str(result.job): result for result in RunFolder(self.experiment.path / "run").trials()}


@pytest.fixture(scope="module")
def portal(browser: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The portal of the search of denoise_cpu.yml, small, while its trials run."""
    folder = tmp_path_factory.mktemp("portal")
    config = yaml.safe_load((CHECKOUT / "experiments/denoise_cpu.yml").read_text())
    for part in ("tuner", "assessor"):
        config[part]["codeDirectory"] = str(CHECKOUT)
    config["tuner"]["classArgs"].update(PROXY)
    config |= {
        "searchSpaceFile": str(CHECKOUT / "search_spaces/nas_dip.json"), "trialCodeDirectory": str(folder),
        "experimentWorkingDirectory": str(folder / "runs"), "maxTrialNumber": TRIALS,
        "trialCommand": f"exec {BIN / 'python'} -m nasdip.nas.backends.nni.trial",
    }  # fmt: skip
    with nni_experiment(folder, write_config(folder, config), PORTS) as experiment:
        wait_until(lambda: [t for t in experiment.get("metric-data") if t["type"] == "PERIODICAL"], 60, "a curve")
        yield Portal(browser, experiment)


def wait_for_page(portal: Portal, page: str, condition: Callable[[], Any], what: str) -> None:
    """Load a page again and again until a condition holds; the portal itself refreshes every 10 s."""

    def holds() -> Any:
        portal.open(page)
        time.sleep(1)
        return condition()

    wait_until(holds, 60, what)


def test_a_running_trial_shows_its_curve(portal):
    def running() -> bool:
        cells = zip(portal.cells("status"), portal.cells("latestAccuracy"), strict=False)  # rows may come between
        return any(status == "RUNNING" and metric.endswith("(LATEST)") for status, metric in cells)

    wait_for_page(portal, "detail", running, "a trial with a curve")
    portal.tab("Intermediate result")
    time.sleep(2)  # the lines grow
    (chart,) = portal.all(".intermediate-graph canvas")
    assert portal.browser.execute_script(COLOURED, chart) > 300


def test_the_overview_shows_the_search(portal):
    wait_for_page(portal, "oview", lambda: portal.results() and "SUCCEEDED" in portal.text(), "the first result")
    words = portal.text()
    for expected in ("nasdip denoise, 2 cores", portal.experiment.id, "ReinforceTuner", "SizeAssessor"):
        assert expected in words
    assert set(portal.cells("id")) <= {trial["trialJobId"] for trial in portal.experiment.trials()}


def test_final_metrics_are_our_rewards(portal):
    portal.experiment.wait_for("DONE", seconds=90)
    wait_for_page(portal, "detail", lambda: portal.cells("status") == ["SUCCEEDED"] * TRIALS, "the end of all trials")
    results = portal.results()
    shown = dict(zip(portal.cells("id"), portal.cells("latestAccuracy"), strict=True))
    assert set(shown) == set(results)
    for job, words in shown.items():
        number, kind = words.split()
        assert (float(number), kind) == (pytest.approx(results[job].reward, abs=1e-6), "(FINAL)")


def test_intermediate_results_are_the_curves(portal):
    for job, result in portal.results().items():
        metrics = portal.experiment.get(f"metric-data/{job}")
        shown = [yaml.safe_load(yaml.safe_load(m["data"])) for m in metrics if m["type"] == "PERIODICAL"]
        curve = tuple((point["step"], point["default"]) for point in shown if "step" in point)
        assert curve == result.curve
        assert len(curve) >= 10


def test_a_row_shows_the_decisions_of_its_trial(portal):
    portal.open("detail")
    space = RunFolder(portal.experiment.path / "run").space()
    shown = [portal.results()[job].architecture for job in portal.cells("id")]
    # A candidate may be no part of the space.
    place = next(
        n for n, architecture in enumerate(shown) if space.holds(architecture)
    )  # the candidate is no part of it
    codes = space.encode(shown[place])
    portal.all(".ms-DetailsRow [data-automation-key=_expand] i")[place].click()
    wait_until(lambda: "Copy as json" in portal.text(), 20, "the open row")
    words = portal.text().splitlines()
    for decision, code in zip(space.decisions, codes, strict=True):
        value = decision.options[code]
        assert f'{decision.name}:"{value}"' in words or f"{decision.name}:{value}" in words


def test_the_chart_of_hyper_parameters_has_an_axis_for_each_decision(portal):
    portal.open("detail")
    portal.tab("Hyper-parameter")
    labels = {label.get_attribute("textContent") for label in portal.all(".parcoords .dimension .label")}
    names = {decision.name for decision in RunFolder(portal.experiment.path / "run").space().decisions}
    assert labels >= names | {"default"}
    lines = portal.all(".parcoords canvas.foreground")[0]
    assert portal.browser.execute_script(COLOURED, lines) > 300


def test_the_console_has_no_error_but_of_missing_fonts(portal):
    portal.open("oview")
    portal.open("detail")
    portal.all(".ms-DetailsRow")
    entries = [entry for entry in portal.browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [entry["message"] for entry in entries if ".cdn.office.net/" not in entry["message"]] == []
