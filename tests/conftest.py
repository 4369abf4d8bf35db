import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from skimage.data import astronaut
from skimage.util import img_as_float32
from warm_process import WarmProcess

from nasdip import child_process
from nasdip.io.image_file import write_image
from nasdip.measurement.add_noise import add_noise

if TYPE_CHECKING:
    from selenium import webdriver

_cold_start = child_process._start
CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
# Nothing but this machine is found: pages must do without a network.
CHROMIUM_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--window-size=1400,1200", "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Reference images and vectors beside the checkout; they are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"reference data not found at {SHARED}")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[WarmProcess]:
    """What starts Python processes in no time."""
    with tempfile.TemporaryDirectory(prefix="warm-") as place, pytest.MonkeyPatch.context() as patch:
        warm = WarmProcess(Path(place) / "socket")
        patch.setattr(child_process, "_start", warm.start)
        yield warm
        warm.end()


@pytest.fixture
def cold_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that are started as outside of tests."""
    monkeypatch.setattr(child_process, "_start", _cold_start)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a clean and a noisy picture of 40x32 px."""
    clean = img_as_float32(astronaut()[80:120, 210:242])
    write_image(tmp_path / "clean.png", clean)
    write_image(tmp_path / "photo.png", add_noise(clean, sigma=25, seed=0))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def browser() -> "Iterator[webdriver.Chrome]":
    """A headless Chromium of Debian's, which keeps what pages write to their console."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    if not (CHROMIUM.exists() and DRIVER.exists()):
        reason = "chromium and chromedriver are not installed: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    options = Options()
    options.binary_location = str(CHROMIUM)
    for option in CHROMIUM_OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()
