"""The baseline of the benchmarks computes what the published code does."""

import numpy as np
import pytest
import torch
from published_loop import PublishedLoop, published_forward

from nasdip.network.build import build_network
from nasdip.space.architecture import Architecture

TEXTS = [
    "nearest+split-sum5+leaky-relu:10111.11011.01101.10110.01001",
    "bilinear+conv3:111.011.001",
    "dip+bilinear:4.4",
]


@pytest.mark.parametrize("text", TEXTS)
def test_its_networks_are_ours(text):
    architecture = Architecture.from_text(text)
    network = build_network(architecture, in_channels=3, width=8, seed=1).double()
    z = torch.rand(1, 3, 64, 96, dtype=torch.double)
    assert torch.allclose(published_forward(network, z), network(z), atol=1e-12)


def test_it_restores_and_falls_back():
    rng = np.random.default_rng(0)
    clean = np.broadcast_to(np.linspace(0.2, 0.8, 32, dtype=np.float32)[None, :, None], (32, 32, 3))
    noisy = np.clip(clean + 0.1 * rng.standard_normal(clean.shape), 0, 1).astype(np.float32)
    network = build_network(Architecture.from_text("dip+bilinear:4.4"), width=8, seed=0)
    loop = PublishedLoop(network, noisy, np.ascontiguousarray(clean), "cpu")
    psnr = [loop.step() for _ in range(60)]
    assert np.mean(psnr[-10:]) > np.mean(psnr[:10]) + 3
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)  # a spike
    spike = loop.step()
    assert spike < psnr[-1] - 5
    assert loop.step() > spike + 3
