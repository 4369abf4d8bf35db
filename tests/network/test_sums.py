"""Sums of maps keep their memory format."""

import pytest
import torch

from nasdip.network.fast import sums


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
