"""What holds for every operator H; a new one needs an example here."""

import json

import numpy as np
import pytest
import torch

from nasdip.errors import NasdipError
from nasdip.imaging.padding import Padding, pad_reflect
from nasdip.measurement.operators.identity import Identity
from nasdip.measurement.operators.mask import Mask
from nasdip.measurement.operators.operator import Operator
from nasdip.measurement.operators.registry import OPERATORS, load_operator

SHAPE = (20, 27, 3)
KNOWN = np.random.default_rng(0).random(SHAPE[:2]) > 0.3
EXAMPLES = {"identity": Identity(), "mask": Mask(KNOWN)}
PIXELWISE = [name for name, operator in OPERATORS.items() if operator.pixelwise]
PLACES = [(slice(3, 15), slice(0, 9)), np.ix_(np.array([0, 5, 4]), np.array([2, 26]))]


def draw(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))


@pytest.mark.parametrize("name", OPERATORS)
def test_the_adjoint_is_that_of_the_operator(name: str) -> None:
    operator = EXAMPLES[name]
    x = draw(1)
    y = draw(2, operator.forward(x).shape)
    assert operator.image_shape(y.shape) == x.shape
    wanted = float(np.sum(operator.forward(x) * y))
    assert float(np.sum(x * operator.adjoint(y))) == pytest.approx(wanted, rel=1e-12)
    x_tensor, y_tensor = tensor(x), tensor(y)
    assert float((operator.forward(x_tensor) * y_tensor).sum()) == pytest.approx(wanted, rel=1e-12)
    assert float((x_tensor * operator.adjoint(y_tensor)).sum()) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("name", OPERATORS)
def test_arrays_and_tensors_alike_and_their_gradients(name: str) -> None:
    operator, x = EXAMPLES[name], draw(1)
    again = operator.forward(x)
    x_tensor = tensor(x).requires_grad_()
    made = operator.forward(x_tensor)
    np.testing.assert_allclose(made.detach()[0].permute(1, 2, 0).numpy(), again)
    assert operator.forward(tensor(x).float()).dtype == torch.float32
    made.square().sum().backward()
    np.testing.assert_allclose(x_tensor.grad[0].permute(1, 2, 0).numpy(), 2 * operator.adjoint(again))


@pytest.mark.parametrize("place", PLACES, ids=["slices", "indices"])
@pytest.mark.parametrize("name", PIXELWISE)
def test_the_operator_of_a_part(name: str, place: tuple) -> None:
    operator, x = EXAMPLES[name], draw(1)
    np.testing.assert_array_equal(operator.part(place).forward(x[place]), operator.forward(x)[place])


@pytest.mark.parametrize("name", PIXELWISE)
def test_the_operator_of_a_padded_image(name: str) -> None:
    operator, x, padding = EXAMPLES[name], draw(1), Padding(2, 4, 5, 0)
    made = operator.padded(padding).forward(pad_reflect(x, padding))
    np.testing.assert_array_equal(made, pad_reflect(operator.forward(x), padding))


@pytest.mark.parametrize("name", OPERATORS)
def test_settings_and_arrays_are_all_of_it(name: str) -> None:
    operator, x = EXAMPLES[name], draw(1)
    record = json.loads(json.dumps({"name": operator.name, "settings": operator.settings()}))
    again = load_operator(record, {key: array.copy() for key, array in operator.arrays().items()})
    assert type(again) is type(operator)
    assert all(isinstance(text, str) and text for text in (again.name, again.task, again.summary))
    np.testing.assert_array_equal(again.forward(x), operator.forward(x))


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(NasdipError, match="unknown operator 'radon'"):
        load_operator({"name": "radon", "settings": {}}, {})


def test_an_operator_that_is_not_pixelwise_has_no_parts() -> None:
    class Blur(Identity):
        name, pixelwise, part = "blur", False, Operator.part

    for operator in (Blur(), *(EXAMPLES[name] for name in OPERATORS if name not in PIXELWISE)):
        with pytest.raises(NasdipError, match=f"the operator {operator.name} cannot be cut into parts"):
            operator.part(PLACES[0])


def test_a_mask_tells_where_was_measured_and_leaves_zeros_elsewhere() -> None:
    mask = EXAMPLES["mask"]
    assert np.array_equal(mask.measured, KNOWN)
    assert Identity().measured is None
    made = mask.forward(draw(1))
    assert (made[~KNOWN] == 0).all()
    assert np.array_equal(made[KNOWN], draw(1)[KNOWN])


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (np.ones(SHAPE, bool), r"an array \(H, W\) of bool, not \(20, 27, 3\)"),
        (KNOWN.astype(np.uint8), "of bool, not .* of uint8"),
        (np.ones_like(KNOWN), "names no missing pixel"),
        (np.zeros_like(KNOWN), "names all pixels as missing"),
    ],
)
def test_masks_that_are_none_are_refused(known: np.ndarray, words: str) -> None:
    with pytest.raises(NasdipError, match=words):
        Mask(known)


def test_parts_beside_and_within_a_hole() -> None:
    known = np.ones((32, 32), bool)
    known[8:20, 8:20] = False
    assert isinstance(Mask(known).part((slice(8), slice(8))), Identity)
    with pytest.raises(NasdipError, match="a hole covers a whole tile"):
        Mask(known).part((slice(10, 16), slice(10, 16)))
