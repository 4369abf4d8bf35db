import pytest

from nasdip.fit import cost
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture

CALLS, PIXEL = 0.010, 1e-6


@pytest.fixture
def measured(monkeypatch):
    """A step whose time has a part that grows with the pixels, and one that does not."""

    def measure(network, z):
        return CALLS + PIXEL * z.shape[2] * z.shape[3], 4 * z.numel()

    monkeypatch.setattr(cost, "_measure_step", measure)


def test_time_grows_by_what_grows_with_the_pixels(measured):
    architecture = Architecture.from_text("dip+bilinear:4.4")
    for side in (64, 128, 1024):
        told = cost.estimate_fit(architecture, (side, side, 3), FitConfig(), width=8).seconds_per_step
        assert told == pytest.approx(1.1 * (CALLS + PIXEL * side**2), rel=0.01)


def test_a_network_so_deep_that_both_samples_are_of_one_size(measured):
    architecture = Architecture.from_text("dip+bilinear:4.4.4.4.4.4.4")
    told = cost.estimate_fit(architecture, (1024, 1024, 3), FitConfig(), width=8).seconds_per_step
    assert told >= 1.1 * (CALLS + PIXEL * 1024**2)


def test_one_measurement_tells_the_cost_of_any_smaller_image(measured):
    architecture = Architecture.from_text("dip+bilinear:4.4")
    measured_cost = cost.measure_cost(architecture, (1024, 2048, 3), FitConfig(), width=8)
    for height, width in ((32, 64), (64, 64), (256, 512), (1024, 2048)):
        told = measured_cost.of(height, width)
        assert told.seconds_per_step == pytest.approx(1.1 * (CALLS + PIXEL * height * width), rel=0.01)
    memory = [measured_cost.of(side, side).memory for side in (100, 200, 400)]  # of network sizes, multiples of 4
    assert memory[2] - memory[1] == pytest.approx(4 * (memory[1] - memory[0]), rel=1e-6)
