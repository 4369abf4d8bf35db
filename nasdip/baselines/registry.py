"""The baselines that are trained, by name, with settings: their reports', where these say.

Report C names no learning rate, report D only its descent and the size of its framework; theirs were tried here.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from nasdip.baselines.direct_connections import DirectConnections
from nasdip.baselines.noise2noise import NoiseToNoise, NoiseToNoiseHalf
from nasdip.baselines.scratch import SGD, ScratchTrainable, scratch_network
from nasdip.baselines.trainable import TorchTrainable, Trainable
from nasdip.errors import NasdipError

SCRATCH_MOMENTUM = 0.9  # of the framework's descent
# Seed, learning rate, device.
Build = Callable[[int, float, torch.device], Trainable]


class Baseline(NamedTuple):
    """How a baseline is built and trained.

    Attributes
    ----------
    name : str
        What people call it.
    build : callable
        From a seed, a learning rate and a device to what can be trained.
    learning_rate : float
    batch : int
        Images for one optimiser step.
    epochs : int
        Passes over the training pairs.
    noise : str or None
        None: from the noisy source to the noisy target of each pair. Else a kind of `nasdip.add_noise` which is added
        to the clean image of each pair, with a new seed in every epoch; the target is the clean image.
    """

    name: str
    build: Build
    learning_rate: float
    batch: int
    epochs: int
    noise: str | None = None


def find_baseline(name: str) -> Baseline:
    """Return the baseline `name`; NasdipError names the known ones."""
    if name not in BASELINES:
        raise NasdipError(f"unknown baseline '{name}': use {', '.join(BASELINES)}")
    return BASELINES[name]


def _seeded(network: Callable[[], nn.Module], seed: int, device: torch.device) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network().to(device)


def _noise2noise(seed: int, rate: float, device: torch.device) -> Trainable:
    network = _seeded(NoiseToNoise, seed, device)
    return TorchTrainable(network, torch.optim.Adam(network.parameters(), lr=rate))


def _noise2noise_half(seed: int, rate: float, device: torch.device) -> Trainable:
    network = _seeded(NoiseToNoiseHalf, seed, device)
    return TorchTrainable(network, torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99), eps=1e-8))


def _dcnn(seed: int, rate: float, device: torch.device) -> Trainable:
    network = _seeded(DirectConnections, seed, device)
    return TorchTrainable(network, torch.optim.SGD(network.parameters(), lr=rate))


def _scratch(seed: int, rate: float, device: torch.device) -> Trainable:
    network = scratch_network(seed=seed, device=device)
    return ScratchTrainable(network, SGD(network.param(), rate, momentum=SCRATCH_MOMENTUM))


BASELINES = {
    baseline.name: baseline
    for baseline in (
        Baseline("noise2noise", _noise2noise, 0.01, 100, 100),
        Baseline("noise2noise-half", _noise2noise_half, 0.001, 100, 10),
        Baseline("dcnn", _dcnn, 0.1, 10, 150, noise="blur-salt-pepper"),
        Baseline("scratch", _scratch, 0.2, 20, 5),
    )
}
