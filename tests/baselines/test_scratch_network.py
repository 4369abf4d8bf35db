"""The framework's denoiser learns exactly as its twin of torch's layers does."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from nasdip.baselines.scratch import SGD, ScratchTrainable, Sequential, scratch_network
from nasdip.baselines.scratch.module import Module
from nasdip.baselines.scratch.twin import torch_twin
from nasdip.baselines.trainable import TorchTrainable
from nasdip.errors import NasdipError

RATE, MOMENTUM = 0.3, 0.9


def trainable(seed=0, momentum=MOMENTUM):
    network = scratch_network(width=12, seed=seed)
    return ScratchTrainable(network, SGD(network.param(), RATE, momentum=momentum)), network


def batches(number, images=8):
    """Smooth images with noise, twice."""
    generator = torch.Generator().manual_seed(number)
    coarse = torch.rand(images, 3, 4, 4, generator=generator)
    clean = coarse.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    source, target = (clean + 0.09 * torch.randn(clean.shape, generator=generator) for _ in range(2))
    return source, target, clean


def test_it_learns_as_its_twin():
    """Losses of 20 steps, the weights and the outputs after them, in float32."""
    own, network = trainable()
    twin = torch_twin(network)
    other = TorchTrainable(twin, torch.optim.SGD(twin.parameters(), lr=RATE, momentum=MOMENTUM))
    losses = [(own.step(*batches(k)[:2]), other.step(*batches(k)[:2])) for k in range(20)]
    assert all(first == pytest.approx(second, rel=1e-4) for first, second in losses)
    assert losses[-1][0] < losses[0][0]
    for name, value in other.weights().items():
        torch.testing.assert_close(own.weights()[name], value, rtol=1e-3, atol=1e-4)
    batch = batches(99)[0]
    torch.testing.assert_close(own.predict(batch), other.predict(batch), rtol=1e-3, atol=1e-4)


def test_predicting_changes_nothing():
    own, _ = trainable()
    own.step(*batches(0)[:2])
    before = {name: value.clone() for name, value in (own.weights() | own.optimiser()).items()}
    output = own.predict(batches(1)[0])
    kept = output.clone()
    own.predict(batches(2)[0])
    assert torch.equal(output, kept)
    assert all(torch.equal(before[name], value) for name, value in (own.weights() | own.optimiser()).items())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_training_goes_on_from_files(momentum, tmp_path):
    whole, _ = trainable(momentum=momentum)
    for step in range(4):
        whole.step(*batches(step)[:2])
    part, _ = trainable(momentum=momentum)
    for step in range(2):
        part.step(*batches(step)[:2])
    for name, state in (("weights", part.weights()), ("optimiser", part.optimiser())):
        save_file(state, tmp_path / name)
    resumed, _ = trainable(seed=1, momentum=momentum)
    resumed.load_weights(load_file(tmp_path / "weights"))
    resumed.load_optimiser(load_file(tmp_path / "optimiser"))
    for step in range(2, 4):
        resumed.step(*batches(step)[:2])
    assert all(torch.equal(value, resumed.weights()[name]) for name, value in whole.weights().items())


def test_weights_of_another_network_are_refused():
    own, _ = trainable()
    with pytest.raises(NasdipError, match="another network"):
        own.load_weights({"0.weight": torch.zeros(1)})
    with pytest.raises(NasdipError, match="another network or momentum"):
        own.load_optimiser({})


def test_networks_within_networks_keep_their_names():
    inner = scratch_network(width=4, seed=0)
    own = ScratchTrainable(Sequential(inner), SGD(inner.param(), RATE))
    assert set(own.weights()) == set(torch_twin(Sequential(inner)).state_dict())
    assert {"0.0.weight", "0.12.bias"} <= set(own.weights())


def test_the_seed_decides_the_network():
    first, second, other = (scratch_network(width=4, seed=seed).param()[0][0] for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_module_without_a_twin_is_named():
    class Identity(Module):
        def forward(self, x):
            return x

        def backward(self, gradient):
            return gradient

    with pytest.raises(NasdipError, match="Identity has no twin"):
        torch_twin(Sequential(Identity()))
