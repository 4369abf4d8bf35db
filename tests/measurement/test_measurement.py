"""What a measurement says of itself, and its way into files and back."""

import json
from dataclasses import replace

import numpy as np
import pytest

from nasdip.errors import NasdipError
from nasdip.imaging.intensity import IntensityScaling, working_range
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.operators.identity import Identity
from nasdip.measurement.operators.mask import Mask

RNG = np.random.default_rng(0)
IMAGE = RNG.random((18, 21, 2))
KNOWN, IMPULSES = RNG.random((18, 21)) > 0.3, RNG.random((18, 21)) < 0.1
PIXELS = (IMAGE * KNOWN[..., None]).astype(np.float32)
NOISE = replace(NoiseModel.white(25.0, "poisson"), given=True, measured_level=NoiseLevel(12.0, 0.5))
WHOLE = Measurement(
    PIXELS, NOISE, Mask(KNOWN), scaling=IntensityScaling(0.1, 2.0), variance=PIXELS / 100, impulses=IMPULSES
)  # fmt: skip


def through_a_file(measurement: Measurement) -> Measurement:
    facts, arrays = measurement.to_tensors()
    return Measurement.from_tensors(
        json.loads(json.dumps(facts)), {name: array.copy() for name, array in arrays.items()}
    )


def test_a_file_gives_the_measurement_back() -> None:
    again = through_a_file(WHOLE)
    for name in ("pixels", "variance", "impulses", "valid"):
        assert np.array_equal(getattr(again, name), getattr(WHOLE, name)), name
        assert getattr(again, name).dtype == getattr(WHOLE, name).dtype, name
    assert (again.noise, again.scaling) == (WHOLE.noise, WHOLE.scaling)
    assert isinstance(again.scaling, IntensityScaling)
    assert again.identity() == WHOLE.identity()
    assert again.contradicted


def test_what_a_measurement_has_not_a_file_does_not_make_up() -> None:
    again = through_a_file(Measurement(PIXELS))
    assert (again.noise, again.scaling, again.variance, again.impulses, again.valid) == (None,) * 5
    assert isinstance(again.operator, Identity)
    assert (again.sigma, again.kind, again.relative_sigma, again.contradicted) == (None, "gaussian", 0.0, False)


def test_what_tells_of_the_image_was_measured_and_is_no_impulse() -> None:
    assert np.array_equal(WHOLE.valid, KNOWN & ~IMPULSES)
    assert np.array_equal(replace(WHOLE, operator=Identity()).valid, ~IMPULSES)
    assert np.array_equal(replace(WHOLE, impulses=None).valid, KNOWN)
    assert Measurement(PIXELS).valid is None
    assert WHOLE.is_masked
    assert not Measurement(PIXELS, impulses=IMPULSES).is_masked


def test_the_residual_is_zero_where_nothing_tells_of_the_image() -> None:
    left = WHOLE.residual(IMAGE + 0.5)
    assert (left[~WHOLE.valid] == 0).all()
    np.testing.assert_allclose(left[WHOLE.valid], -0.5, atol=1e-6)
    np.testing.assert_allclose(Measurement(PIXELS).residual(IMAGE), PIXELS - IMAGE)


def test_the_range_that_is_fitted_is_that_of_what_was_measured() -> None:
    pixels = (0.2 + IMAGE / 20) * KNOWN[..., None]
    masked = Measurement(pixels, operator=Mask(KNOWN))
    assert masked.working == working_range(pixels[KNOWN])
    assert masked.working.offset > 0.19
    assert replace(masked, scaling=WHOLE.scaling).working == WHOLE.scaling


def test_parts_have_their_part_of_the_mask() -> None:
    place = (slice(0, 17), slice(2, 20))
    part = WHOLE.part(place)
    assert np.array_equal(part.valid, WHOLE.valid[place])
    assert np.array_equal(part.residual(IMAGE[place]), WHOLE.residual(IMAGE)[place])


def test_the_content_of_the_mask_is_part_of_the_identity() -> None:
    other = KNOWN.copy()
    other[0, 0] = ~other[0, 0]
    first, same, changed = (replace(WHOLE, operator=Mask(known)).identity() for known in (KNOWN, KNOWN.copy(), other))
    assert json.loads(json.dumps(first)) == same
    assert first != changed
    assert first["noise"] == changed["noise"] == {"sigma": 25.0}
    assert "operator" not in Measurement(PIXELS).identity()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((32, 32), np.float32), r"the shape \(H, W, C\)"),
        (np.zeros((15, 32, 3), np.float32), "a 15x32 px image is too small"),
        (np.full((16, 16, 1), np.nan, np.float32), "256 values are NaN or infinite"),
    ],
)
def test_pixels_that_cannot_be_restored_are_refused(pixels: np.ndarray, words: str) -> None:
    with pytest.raises(NasdipError, match=words):
        Measurement(pixels)
