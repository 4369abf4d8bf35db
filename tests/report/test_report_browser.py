"""The report in a real browser: it works from a file, without a network, on a phone and in the dark."""

from pathlib import Path

import pytest
from example_runs import ReportedRun, clean_image, noisy_image, write_restoration, write_search
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from nasdip.files import read_json, write_json
from nasdip.report.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser: webdriver.Chrome, finished: ReportedRun) -> webdriver.Chrome:
    emulate(browser, width=1200, scheme="light")
    browser.get(finished.report.as_uri())
    return browser


def emulate(browser: webdriver.Chrome, width: int, scheme: str, media: str = "") -> None:
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def style(browser: webdriver.Chrome, selector: str, name: str) -> str:
    script = "return getComputedStyle(document.querySelector(arguments[0])).getPropertyValue(arguments[1])"
    return str(browser.execute_script(script, selector, name))


def test_the_slider_moves_the_split_by_keyboard(opened: webdriver.Chrome) -> None:
    slider = opened.find_element(By.CSS_SELECTOR, ".compare input")
    before = opened.find_element(By.CSS_SELECTOR, ".handle").rect["x"]
    assert style(opened, ".layer.left", "clip-path") == "inset(0px 50% 0px 0px)"
    slider.send_keys(*[Keys.ARROW_RIGHT] * 20)
    assert style(opened, ".layer.left", "clip-path") == "inset(0px 30% 0px 0px)"
    assert style(opened, ".layer.right", "clip-path") == "inset(0px 0px 0px 70%)"
    assert opened.find_element(By.CSS_SELECTOR, ".handle").rect["x"] > before
    assert slider.get_attribute("aria-valuetext") == "70 % noisy, 30 % restored"


def test_other_images_can_be_compared(opened: webdriver.Chrome) -> None:
    choice = opened.find_element(By.CSS_SELECTOR, "select[data-side=right]")
    for option in choice.find_elements(By.TAG_NAME, "option"):
        option.click()
        shown = opened.find_elements(By.CSS_SELECTOR, ".layer.right, .layer.whole")
        assert [layer.get_attribute("data-name") for layer in shown] == [option.text]
    assert choice.get_attribute("value") == "clean"


def test_all_images_and_charts_are_drawn(opened: webdriver.Chrome) -> None:
    assert opened.execute_script("return [...document.images].every((i) => i.complete && i.naturalWidth > 0)")
    heights = opened.execute_script("return [...document.querySelectorAll('svg')].map((s) => s.clientHeight)")
    assert len(heights) == 13
    assert min(heights) > 100


def test_the_table_sorts_by_reward_both_ways(opened: webdriver.Chrome, finished: ReportedRun) -> None:
    def column(number: int) -> list[str]:
        return opened.execute_script(
            "return [...document.querySelectorAll('#trials tbody tr')].map((r) => r.cells[arguments[0]].dataset.value)",
            number,
        )

    header = opened.find_element(By.CSS_SELECTOR, "#trials th:nth-child(2)")
    header.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    rewards = sorted((trial.reward for trial in finished.trials), reverse=True)
    assert [float(value) for value in column(1)] == rewards
    assert header.get_attribute("aria-sort") == "descending"
    header.find_element(By.TAG_NAME, "button").click()
    assert [float(value) for value in column(1)] == rewards[::-1]
    assert header.get_attribute("aria-sort") == "ascending"
    opened.find_element(By.CSS_SELECTOR, "#trials th:nth-child(6) button").click()
    assert column(5)[-1] == ""  # the failed trial has no parameters
    assert header.get_attribute("aria-sort") is None


def test_a_phone_needs_no_sideways_scrolling(opened: webdriver.Chrome) -> None:
    emulate(opened, width=375, scheme="light")
    width = opened.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[1] == 375
    assert width[0] <= width[1]


def test_alarms_of_a_service_fit_a_phone(browser: webdriver.Chrome, tmp_path: Path) -> None:
    noisy = noisy_image(clean_image(32))
    long = "/data/" + "folder-with-a-long-name" * 10
    notes = {"service": "nni", "experiment": "abcd1234", "exposed": ["[::]:8080"], "failure": f"cannot write {long}"}
    write_search(tmp_path / "run", noisy=noisy, clean=None, planned=20, service=notes)
    emulate(browser, width=375, scheme="dark")
    browser.get(write_report(tmp_path / "run").as_uri())
    assert len(browser.find_elements(By.CSS_SELECTOR, ".alarm")) == 2
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 375
    assert style(browser, "tr.stopped td.status", "color") == style(browser, ".alarm.warn b", "color")
    assert browser.get_log("browser") == []


def test_the_map_of_the_expected_error_has_a_scale_on_a_phone(opened: webdriver.Chrome) -> None:
    for width in (375, 1200):
        emulate(opened, width=width, scheme="dark")
        strip, shown = (opened.find_element(By.CSS_SELECTOR, f"#trust {s} img").rect for s in (".colours", ".two"))
        assert strip["height"] > 8
        assert 0.6 * shown["width"] < strip["width"] < shown["width"]


def test_warnings_of_a_restoration_fit_a_phone(browser: webdriver.Chrome, tmp_path: Path) -> None:
    noisy = noisy_image(clean_image(32))
    write_restoration(tmp_path, noisy=noisy, clean=None, told=True)
    for name, change in (("record", {"kind": "correlated"}), ("repetition-02/fit", {"ahead": True})):
        path = tmp_path / f"{name}.json"
        content = read_json(path)
        (content["result"] if name == "record" else content).update(change)
        write_json(path, content)
    emulate(browser, width=375, scheme="light")
    browser.get(write_report(tmp_path).as_uri())
    titles = [title.text for title in browser.find_elements(By.CSS_SELECTOR, "#trust .alarm b")]
    assert titles == ["Nothing is promised", "A later step may be better"]
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 375
    assert style(browser, ".verdict", "border-left-color") == style(browser, ".alarm b", "color")
    assert browser.get_log("browser") == []


def test_the_dark_scheme_changes_page_and_charts(opened: webdriver.Chrome) -> None:
    light = style(opened, "body", "background-color"), style(opened, ".chart text", "fill")
    emulate(opened, width=1200, scheme="dark")
    dark = style(opened, "body", "background-color"), style(opened, ".chart text", "fill")
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_print_shows_both_images_and_all_rows(opened: webdriver.Chrome) -> None:
    emulate(opened, width=800, scheme="dark", media="print")
    left, right = (opened.find_element(By.CSS_SELECTOR, f".layer.{side} img").rect for side in ("left", "right"))
    assert right["x"] >= left["x"] + left["width"]
    assert style(opened, ".layer.left", "clip-path") == "none"
    assert style(opened, ".scroll.tall", "max-height") == "none"
    assert style(opened, "body", "background-color") == "rgb(255, 255, 255)"


def test_the_console_stays_silent(opened: webdriver.Chrome) -> None:
    assert opened.get_log("browser") == []
