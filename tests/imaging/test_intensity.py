import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasdip.errors import NasdipError
from nasdip.imaging.intensity import IntensityScaling, working_range

IDENTITY = IntensityScaling(0.0, 1.0)


def image_of(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, 64, dtype=np.float32).reshape(8, 8)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.5), (0.25, 0.75), (-0.5, 1.5), (0.1, 0.9), (-0.3, 0.6)])
def test_ordinary_images_are_left_alone(low: float, high: float) -> None:
    assert working_range(image_of(low, high)) == IDENTITY


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1 / 16), (0.5, 0.9), (-0.6, 1), (0, 1.6), (3, 4000), (-2, -1), (-0.4, 0.3)]
)
def test_others_are_mapped_to_the_unit_interval(low: float, high: float) -> None:
    image = image_of(low, high)
    scaling = working_range(image)
    mapped = scaling.apply(image)
    assert mapped.dtype == np.float32
    assert (mapped.min(), mapped.max()) == pytest.approx((0, 1), abs=1e-6)
    np.testing.assert_allclose(scaling.invert(mapped), image, rtol=0, atol=1e-6 * max(abs(low), abs(high), 1))


def test_another_nominal_range() -> None:
    assert working_range(image_of(0, 255), nominal=(0, 255)) == IntensityScaling(0, 255)
    assert working_range(image_of(0, 20), nominal=(0, 255)) == IntensityScaling(0, 20)


@pytest.mark.parametrize("level", [0.0, 0.4, -7.0])
def test_a_constant_image_maps_to_zero_and_back(level: float) -> None:
    image = np.full((4, 4), level)
    scaling = working_range(image)
    np.testing.assert_array_equal(scaling.apply(image), 0)
    np.testing.assert_array_equal(scaling.invert(scaling.apply(image)), level)


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
def test_round_trip(values: list[float]) -> None:
    image = np.array(values).reshape(2, 2)
    scaling = working_range(image)
    assert scaling.scale > 0
    np.testing.assert_allclose(scaling.invert(scaling.apply(image)), image, rtol=1e-9, atol=1e-9)


def test_refusals() -> None:
    with pytest.raises(NasdipError, match="in 1 pixels"):
        working_range(np.array([[0.0, np.nan]]))
    with pytest.raises(NasdipError, match="nominal"):
        working_range(np.ones((2, 2)), nominal=(1, 1))
