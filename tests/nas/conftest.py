import pytest
from quick_reference import use_quick_reference
from warm_process import QUICK


@pytest.fixture(autouse=True)
def _quick_reference(request, monkeypatch):
    """Let the estimate without a network take little time, where a test does not ask for `real_reference`."""
    if "real_reference" not in request.fixturenames and request.node.get_closest_marker("nni") is None:
        use_quick_reference(monkeypatch.setattr)
        monkeypatch.setenv(QUICK, "1")


@pytest.fixture
def real_reference():
    """Ask for the estimate without a network as people get it."""
