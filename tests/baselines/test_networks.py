"""The layers are those of the reports' tables."""

import pytest
import torch
from torch import nn

from nasdip.baselines.direct_connections import DirectConnections
from nasdip.baselines.noise2noise import NoiseToNoise, NoiseToNoiseHalf


def convolutions(network, size):
    """Return the channels (in, out) and the side of the output of each convolution, in the order of their calls."""
    found = []

    def note(module, _, output):
        found.append((module.in_channels, module.out_channels, output.shape[-1]))

    hooks = [
        module.register_forward_hook(note)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
    ]
    output = network(torch.rand(2, 3, size, size))
    for hook in hooks:
        hook.remove()
    assert output.shape == (2, 3, size, size)
    return found


def test_the_full_network_is_that_of_table_1():
    assert convolutions(NoiseToNoise(), 32) == [
        (3, 48, 32), (48, 48, 32), (48, 48, 16), (48, 48, 8), (48, 48, 4), (48, 48, 2), (48, 48, 1),
        (48, 96, 2), (144, 96, 2), (96, 96, 2),
        (96, 96, 4), (144, 96, 4), (96, 96, 4),
        (96, 96, 8), (144, 96, 8), (96, 96, 8),
        (96, 96, 16), (144, 64, 16), (64, 64, 16),
        (64, 61, 32), (64, 32, 32), (32, 32, 32),
        (32, 3, 32),
    ]  # fmt: skip


def test_every_convolution_of_the_full_network_is_normalised():
    network = NoiseToNoise()
    features = [module.num_features for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert sorted(features) == sorted(after for _, after, _ in convolutions(network, 32))
    slopes = {module.negative_slope for module in network.modules() if isinstance(module, nn.LeakyReLU)}
    assert slopes == {0.1}
    assert network(torch.rand(2, 3, 32, 32)).min() >= 0


def test_the_half_network_is_that_of_table_i():
    assert convolutions(NoiseToNoiseHalf(), 32) == [
        (3, 24, 32), (24, 24, 32), (24, 24, 16), (24, 24, 8), (24, 24, 4), (24, 24, 2), (24, 24, 1),
        (48, 48, 2), (48, 48, 2),
        (72, 48, 4), (48, 48, 4),
        (72, 48, 8), (48, 48, 8),
        (72, 48, 16), (48, 48, 16),
        (51, 32, 32), (32, 16, 32),
        (16, 3, 32),
    ]  # fmt: skip
    assert not [module for module in NoiseToNoiseHalf().modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("size", [64, 128])
def test_the_direct_connections_are_those_of_the_report(size):
    network = DirectConnections()
    assert convolutions(network, size) == [
        (3, 64, size), (64, 128, size // 2), (128, 128, size // 4), (128, 256, size // 8), (256, 512, size // 16),
        (128, 64, size // 2),  # the map that is added at half size, projected
        (512, 256, size // 8), (256, 128, size // 4), (128, 64, size // 2), (64, 64, size),
        # The last one has a row and a column too many, which are cut off.
        (64, 3, size + 1),
    ]  # fmt: skip
    assert not [module for module in network.modules() if isinstance(module, nn.Linear)]


@pytest.mark.parametrize("level", range(4))
def test_each_output_is_added_to_its_opposite_map(level):
    network = DirectConnections()
    x = torch.rand(1, 3, 64, 64)
    maps = {}

    def keep_own(module, inputs, output):
        maps["own"] = output

    def keep_sum(module, inputs, output):
        maps["sum"] = inputs[0]

    network.decoder[3 - level].register_forward_hook(keep_own)
    (network.last if level == 0 else network.decoder[4 - level]).register_forward_hook(keep_sum)
    network(x)
    opposite = maps["sum"] - maps["own"].relu()
    encoded = [network.first(x).relu()]
    for convolution in network.encoder:
        encoded.append(convolution(encoded[-1]).relu())
    expected = network.project(encoded[1]) if level == 1 else encoded[level]
    assert torch.allclose(opposite, expected, atol=1e-5)
