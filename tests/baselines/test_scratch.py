"""The framework's layers equal torch's: outputs, gradients by inputs and parameters; and finite differences."""

import ast
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nasdip.baselines import scratch
from nasdip.baselines.scratch import (
    SGD,
    Conv2d,
    LeakyReLU,
    MaxPool2d,
    MeanSquaredError,
    ReLU,
    Sequential,
    Sigmoid,
    Upsample2d,
    kaiming,
    normal,
    unfolding,
)
from nasdip.baselines.scratch.twin import torch_twin
from nasdip.errors import NasdipError

DOUBLE = torch.float64


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def double_conv(inputs, outputs, size=3):
    layer = Conv2d(inputs, outputs, size, generator=1, dtype=DOUBLE)
    layer.bias.copy_(random(outputs, seed=2))
    return layer


def assert_equals_torch(module, x):
    """Output, and gradients by the input and the parameters, in float64."""
    twin = torch_twin(Sequential(module))
    wanted_x = x.clone().requires_grad_()
    wanted = twin(wanted_x)
    gradient = random(*wanted.shape, seed=3)
    wanted.backward(gradient)
    output = module.forward(x)
    of_x = module.backward(gradient)
    pairs = [(output, wanted), (of_x, wanted_x.grad)]
    pairs += [(own, other.grad) for (_, own), other in zip(module.param(), twin.parameters(), strict=True)]
    for own, other in pairs:
        torch.testing.assert_close(own, other, rtol=1e-8, atol=1e-8)
        assert not own.requires_grad


def assert_equals_differences(module, x):
    """Gradients by every value of the input and the parameters, of a weighted sum of the output."""
    weights = random(*module.forward(x).shape, seed=4)
    of_x = module.backward(weights)
    for values, gradient in [(x, of_x), *module.param()]:
        flat, expected = values.view(-1), []
        for place in range(len(flat)):
            sums, value = [], flat[place].item()
            for shift in (1e-5, -1e-5):
                flat[place] = value + shift
                sums.append((module.forward(x) * weights).sum())
            flat[place] = value
            expected.append((sums[0] - sums[1]) / 2e-5)
        torch.testing.assert_close(gradient.reshape(-1), torch.stack(expected), rtol=1e-7, atol=1e-7)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 5), size=st.tuples(st.integers(1, 9), st.integers(1, 9)), inputs=st.integers(1, 12),
    outputs=st.integers(1, 12), taps=st.sampled_from([1, 3, 5, 7]), part=st.sampled_from([1, 800, 3000, 10**9]),
    few=st.sampled_from([0, 4, 100]), band=st.sampled_from([1, 12, 10**9]), last=st.booleans(),
)  # fmt: skip
def test_convolution_of_any_size_and_in_any_parts(images, size, inputs, outputs, taps, part, few, band, last):
    x = random(images, inputs, *size)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfolding, "PART", part)
        patch.setattr(unfolding, "FEW_CHANNELS", few)
        patch.setattr(unfolding, "BAND_PIXELS", band)
        assert_equals_torch(double_conv(inputs, outputs, taps), x)


MODULES = {
    "convolution": lambda: double_conv(2, 3),
    "max-pooling": MaxPool2d,
    "upsampling": Upsample2d,
    "relu": ReLU,
    "leaky relu": LeakyReLU,
    "sigmoid": Sigmoid,
    "network": lambda: Sequential(double_conv(2, 4), LeakyReLU(), MaxPool2d(), Upsample2d(), double_conv(4, 1)),
}


@pytest.mark.parametrize("name", MODULES)
def test_every_layer_equals_torch(name):
    assert_equals_torch(MODULES[name](), random(3, 2, 4, 6))


@pytest.mark.parametrize("name", MODULES)
def test_every_layer_equals_finite_differences(name):
    assert_equals_differences(MODULES[name](), random(2, 2, 4, 4))


def test_the_first_of_equal_values_is_the_largest():
    assert_equals_torch(MaxPool2d(), torch.zeros(2, 3, 4, 4, dtype=DOUBLE))
    assert_equals_torch(MaxPool2d(3), random(2, 3, 6, 9).round())


@pytest.mark.parametrize("module", [ReLU(), LeakyReLU()])
def test_the_derivative_at_zero_is_torch_s(module):
    assert_equals_torch(module, torch.tensor([[[[0.0, -0.0, 1.0, -1.0]]]], dtype=DOUBLE))


def test_the_sigmoid_of_far_values_is_finite():
    module = Sigmoid()
    assert module.forward(torch.tensor([-1e4, 1e4])).tolist() == [0, 1]
    assert module.backward(torch.ones(2)).tolist() == [0, 0]


def test_gradients_are_written_anew_in_place():
    module, x = double_conv(2, 3), random(1, 2, 4, 4)
    parameters = module.param()
    for _ in range(2):
        module.backward(module.forward(x))
    once = [gradient.clone() for _, gradient in parameters]
    module.backward(module.forward(x))
    assert all(torch.equal(own, other) for own, (_, other) in zip(once, parameters, strict=True))


def test_nothing_is_recorded_for_torch_s_gradients():
    module = Sequential(double_conv(2, 3), LeakyReLU(), MaxPool2d(), Upsample2d(), Sigmoid())
    output = module.forward(random(1, 2, 4, 4).requires_grad_())
    assert not output.requires_grad
    assert not module.backward(output.requires_grad_()).requires_grad


def test_the_loss_equals_torch_s():
    output, target = random(2, 3, 4, 4), random(2, 3, 4, 4, seed=5)
    loss = MeanSquaredError()
    wanted = nn.functional.mse_loss(output.requires_grad_(), target)
    wanted.backward()
    assert loss.forward(output, target) == pytest.approx(wanted.item(), rel=1e-12)
    torch.testing.assert_close(loss.backward(), output.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_descent_equals_torch_s(momentum):
    parameter, gradient = random(5), torch.zeros(5, dtype=DOUBLE)
    twin = parameter.clone().requires_grad_()
    own = SGD([(parameter, gradient)], 0.1, momentum=momentum)
    other = torch.optim.SGD([twin], lr=0.1, momentum=momentum)
    for step in range(5):
        gradient.copy_(random(5, seed=step))
        twin.grad = gradient.clone()
        own.step()
        other.step()
    torch.testing.assert_close(parameter, twin.detach(), rtol=1e-12, atol=1e-12)
    assert len(own.velocities) == (momentum > 0)


def test_initialisations_have_the_deviations_they_name():
    generator = torch.Generator().manual_seed(0)
    kernels = kaiming((100, 50, 3, 3), generator)
    assert kernels.std().item() == pytest.approx((2 / 450) ** 0.5, rel=0.02)
    assert abs(kernels.mean().item()) < 1e-3
    layer = Conv2d(50, 100, generator=0, initialise=normal(0.3))
    assert layer.kernels.std().item() == pytest.approx(0.3, rel=0.02)
    assert not layer.bias.any()
    assert not Conv2d(2, 2, generator=0, initialise=normal(0)).kernels.any()
    assert torch.equal(Conv2d(2, 2, generator=7).kernels, Conv2d(2, 2, generator=7).kernels)
    assert not torch.equal(Conv2d(2, 2, generator=7).kernels, Conv2d(2, 2, generator=8).kernels)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Conv2d(3, 4, 2, generator=0), "odd size"),
        (lambda: Conv2d(0, 4, generator=0), "1 channel or more"),
        (lambda: Conv2d(3, 4, generator=0).forward(torch.zeros(1, 2, 4, 4)), "3 channels got a batch of 2"),
        (lambda: Conv2d(3, 4, generator=0).forward(torch.zeros(3, 4, 4)), r"not an array of shape \(3, 4, 4\)"),
        (lambda: Conv2d(3, 4, generator=0).forward(torch.zeros(1, 3, 4, 4, dtype=DOUBLE)), "convert the batch"),
        (lambda: Conv2d(3, 4, generator=0).forward(torch.zeros(1, 3, 4, 4, dtype=torch.uint8)), "divide 8-bit values"),
        (lambda: Conv2d(3, 4, generator=0).backward(torch.zeros(1, 4, 4, 4)), "call forward first"),
        (lambda: MaxPool2d(0), "use 1 or more"),
        (lambda: MaxPool2d().forward(torch.zeros(1, 1, 4, 5)), "multiples of 2, not 4x5 px"),
        (lambda: LeakyReLU(1.0), "below 1"),
        (lambda: MeanSquaredError().forward(torch.zeros(2), torch.zeros(1)), "must be equal"),
        (lambda: MeanSquaredError().backward(), "call forward first"),
        (lambda: normal(-1), "use 0 or more"),
        (lambda: SGD([], 0), "above 0"),
        (lambda: SGD([], 1, momentum=1), "below 1"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(act, message):
    with pytest.raises(NasdipError, match=message) as error:
        act()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", MODULES)
def test_a_gradient_of_another_shape_is_refused(name):
    module = MODULES[name]()
    module.forward(random(1, 2, 4, 4))
    with pytest.raises(NasdipError, match="is none of it"):
        module.backward(random(1, 7, 4, 4))


def test_no_layers_and_no_gradients_of_torch_are_used():
    folder = Path(scratch.__file__).parent
    for file in folder.glob("*.py"):
        if file.name == "twin.py":  # the other network
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            names += [node.attr] if isinstance(node, ast.Attribute) else []
            assert not {part for name in names for part in name.split(".")} & {"nn", "autograd", "requires_grad_"}, file
