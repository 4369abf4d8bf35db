"""The convolution whose kernels' gradient is a product of matrices equals the library's, and is used where it pays."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nasdip.network.fast import direct
from nasdip.network.fast.convolution import convolution


def results(function, x, weight, bias):
    """Return output and gradients of a convolution of fresh copies."""
    inputs = [t.clone().requires_grad_() for t in (x, weight, bias) if t is not None]
    output = function(*inputs)
    slope = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return [output.detach(), *torch.autograd.grad(output, inputs, slope)]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 3), size=st.tuples(st.integers(1, 9), st.integers(1, 9)), channels=st.integers(1, 5),
    outputs=st.integers(1, 5), taps=st.sampled_from([1, 3, 5, 7]), has_bias=st.booleans(), last=st.booleans(),
    strip=st.sampled_from([1, 200, 10**9]), offset=st.booleans(),
)  # fmt: skip
def test_equals_the_library(images, size, channels, outputs, taps, has_bias, last, strip, offset):
    generator = torch.Generator().manual_seed(images + 10 * outputs)
    padded = size[0] + taps - 1, size[1] + taps - 1
    x = torch.randn(images + offset, channels, *padded, generator=generator, dtype=torch.double)[int(offset) :]
    weight = torch.randn(outputs, channels, taps, taps, generator=generator, dtype=torch.double)
    bias = torch.randn(outputs, generator=generator, dtype=torch.double) if has_bias else None
    if last:
        x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "STRIP", strip)
        ours = results(direct.direct, x, weight, bias)
    for own, usual in zip(ours, results(F.conv2d, x, weight, bias), strict=True):
        torch.testing.assert_close(own, usual, rtol=1e-10, atol=1e-10)


def test_a_view_into_a_larger_map_is_read_where_it_lies():
    x = torch.randn(2, 12, 10, 3, dtype=torch.double)[1:, 2:].permute(0, 3, 1, 2)
    weight = torch.randn(4, 3, 3, 3, dtype=torch.double)
    assert x.storage_offset() > 0
    for own, usual in zip(results(direct.direct, x, weight, None), results(F.conv2d, x, weight, None), strict=True):
        torch.testing.assert_close(own, usual, rtol=1e-10, atol=1e-10)
    gradient = torch.randn(1, 4, 8, 8, dtype=torch.double).contiguous(memory_format=torch.channels_last)
    usual = torch.nn.grad.conv2d_weight(x, (4, 3, 3, 3), gradient)
    torch.testing.assert_close(direct.kernel_gradient(x, gradient), usual, rtol=1e-10, atol=1e-10)


def test_what_needs_no_gradient_gets_none():
    x, weight = torch.randn(1, 3, 8, 8), torch.randn(4, 3, 3, 3, requires_grad=True)
    direct.direct(x, weight).sum().backward()
    assert x.grad is None
    assert weight.grad is not None


@pytest.mark.parametrize(
    ("lacks", "side", "taps", "dtype", "is_used"),
    [
        (True, 64, 3, torch.float32, True),
        (True, 64, 5, torch.float32, True),
        (False, 64, 3, torch.float32, False),
        (True, 64, 1, torch.float32, False),  # a product of matrices already
        (True, 48, 3, torch.float32, False),
        (True, 64, 3, torch.bfloat16, False),
    ],
)
def test_the_way_is_chosen_by_processor_and_size(monkeypatch, lacks, side, taps, dtype, is_used):
    used = []

    def spy(*inputs):
        used.append(inputs)
        return whole(*inputs)

    whole = direct.direct
    monkeypatch.setattr(direct, "direct", spy)
    monkeypatch.setattr(direct, "lacks_wide_vectors", lambda: lacks)
    x, weight = torch.randn(1, 4, side, side).to(dtype), torch.randn(4, 4, taps, taps).to(dtype)
    output = convolution(x, weight, None, taps // 2)
    assert bool(used) == is_used
    tolerance = 0.3 if dtype == torch.bfloat16 else 1e-3
    torch.testing.assert_close(output, F.conv2d(x, weight, padding=taps // 2), rtol=tolerance, atol=tolerance)
