"""Winograd's convolution is the direct one, with its gradients; sums of maps keep their memory format."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nasdip.network.fast import sums, winograd
from nasdip.network.fast.convolution import convolution


def results(function, x, weight, bias):
    """Return output and gradients of a convolution of fresh copies."""
    inputs = [t.clone().requires_grad_() for t in (x, weight, bias) if t is not None]
    output = function(*inputs)
    slope = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return [output.detach(), *torch.autograd.grad(output, inputs, slope)]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 3), tiles=st.tuples(st.integers(1, 5), st.integers(1, 4)), channels=st.integers(1, 5),
    outputs=st.integers(1, 5), has_bias=st.booleans(), last=st.booleans(), strip=st.sampled_from([1, 500, 10**9]),
    offset=st.booleans(),
)  # fmt: skip
def test_equals_the_direct_convolution(images, tiles, channels, outputs, has_bias, last, strip, offset):
    generator = torch.Generator().manual_seed(images + 10 * outputs)
    size = 4 * tiles[0] + 2, 4 * tiles[1] + 2
    x = torch.randn(images + offset, channels, *size, generator=generator, dtype=torch.double)[int(offset) :]
    weight = torch.randn(outputs, channels, 3, 3, generator=generator, dtype=torch.double)
    bias = torch.randn(outputs, generator=generator, dtype=torch.double) if has_bias else None
    if last:
        x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "STRIP", strip)
        ours = results(winograd.winograd, x, weight, bias)
    for own, direct in zip(ours, results(F.conv2d, x, weight, bias), strict=True):
        torch.testing.assert_close(own, direct, rtol=1e-10, atol=1e-10)
    assert ours[0].is_contiguous(memory_format=torch.channels_last)


def test_a_view_into_a_larger_map_is_read_where_it_lies():
    large = torch.randn(2, 12, 10, 3, dtype=torch.double)
    x, weight = large[1:, 2:].permute(0, 3, 1, 2), torch.randn(4, 3, 3, 3, dtype=torch.double)
    torch.testing.assert_close(winograd.winograd(x, weight), F.conv2d(x, weight), rtol=1e-10, atol=1e-10)


def test_rounding_in_float32_stays_small():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 128, 34, 34, generator=generator, dtype=torch.double)
    weight = torch.randn(128, 128, 3, 3, generator=generator, dtype=torch.double) / (9 * 128) ** 0.5
    exact = results(F.conv2d, x, weight, None)
    ours = results(winograd.winograd, x.float(), weight.float(), None)
    errors = [float((own - other).square().mean().sqrt() / other.std()) for own, other in zip(ours, exact, strict=True)]
    assert max(errors) < 3e-6, errors


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(
    ("shape", "outputs", "dtype", "is_used"),
    [
        ((1, 128, 32, 32), 128, torch.float32, True),
        ((1, 32, 32, 32), 512, torch.float32, True),
        ((1, 128, 32, 32), 128, torch.bfloat16, False),  # rounds too much
        ((1, 128, 33, 32), 128, torch.float32, False),  # not tiles of 4 px
        ((1, 128, 16, 16), 128, torch.float32, False),
        ((1, 32, 64, 64), 32, torch.float32, False),
    ],
)
def test_the_way_is_chosen_by_size(monkeypatch, padding, shape, outputs, dtype, is_used):
    used = []

    def spy(*inputs):
        used.append(inputs)
        return whole(*inputs)

    whole = winograd.winograd
    monkeypatch.setattr(winograd, "winograd", spy)
    number, channels, height, width = shape
    margin = 2 - 2 * padding
    x = torch.randn(number, channels, height + margin, width + margin).to(dtype)
    weight = torch.randn(outputs, channels, 3, 3).to(dtype)
    output = convolution(x, weight, None, padding)
    assert bool(used) == is_used
    tolerance = 0.3 if dtype == torch.bfloat16 else 1e-3
    torch.testing.assert_close(output, F.conv2d(x, weight, padding=padding), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("copies", [1, 3])
def test_sums_stay_channels_last(copies):
    x = torch.randn(2, copies * 4 * 5, 6, 7).contiguous(memory_format=torch.channels_last).requires_grad_()
    added = sums.sum_of_groups(x, 4, copies)
    torch.testing.assert_close(added, x.unflatten(1, (copies, 4, 5)).sum(2).flatten(1, 2))
    assert added.is_contiguous(memory_format=torch.channels_last)
    (gradient,) = torch.autograd.grad(added.square().sum(), x)
    assert gradient.is_contiguous(memory_format=torch.channels_last)
    parts = list(x.detach().split(1))
    assert sums.total(parts[:1]) is parts[0]
    torch.testing.assert_close(sums.total(parts), parts[0] + parts[1])
