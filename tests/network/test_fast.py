"""The rewritten networks compute the same function, with the same gradients, as the plain ones."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nasdip.network.build import build_network, smallest_size
from nasdip.network.fast import direct, layers, rewrite
from nasdip.network.fast.cross_skip import plan_rises
from nasdip.network.fast.depthwise import depthwise
from nasdip.network.fast.subpixel import interleave, phase_convolution, phases_of
from nasdip.network.plain.operations import ACTIVATIONS, BUILDERS
from nasdip.space.architecture import Architecture
from nasdip.space.operations import OPERATIONS, Operation
from nasdip.space.search_space import SearchSpace

# The first row has all kinds of paths: level, finer and coarser sources, some of them shared.
SKIPS = "10111.11011.01101.10110.01001"


def differences(architecture, width=8, images=1):
    """Return the largest differences of outputs, and of gradients relative to the largest gradient."""
    if getattr(architecture, "width", None):
        architecture = dataclasses.replace(architecture, width=None)
    network = build_network(architecture, in_channels=3, width=width, seed=1).double()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:  # biases and the scales of normalisations, which all begin equal
                parameter.add_(0.3 * torch.randn_like(parameter))
    side = smallest_size(architecture)
    z = torch.rand(images, 3, side, side + side // 2, dtype=torch.double)
    results = []
    for module in (network, rewrite(network)):
        network.zero_grad(set_to_none=True)
        output = module(z)
        (output * torch.linspace(-1, 1, output.numel(), dtype=torch.double).view_as(output)).sum().backward()
        zero = torch.zeros((), dtype=torch.double)
        gradients = [zero.expand_as(p) if p.grad is None else p.grad.clone() for p in network.parameters()]
        results.append((output.detach(), gradients))
    (plain, plain_gradients), (fast, fast_gradients) = results
    largest = max(float(g.abs().max()) for g in plain_gradients)
    gaps = [float((a - b).abs().max()) for a, b in zip(plain_gradients, fast_gradients, strict=True)]
    return float((plain - fast).abs().max()), max(gaps) / largest


@pytest.fixture(autouse=True)
def small_maps_are_large(monkeypatch):
    monkeypatch.setattr(layers, "LARGE", 0)


@pytest.mark.parametrize("space", ["nas_dip", "nas_dip_extended", "tiny"])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_random_architectures(space, seed):
    architecture = SearchSpace.load(space).sample(np.random.default_rng(seed))
    assert max(differences(architecture, width=16)) < 1e-9, str(architecture)


def cells():
    for spatial in (o for o in OPERATIONS.values() if o.role == "spatial"):
        for channel in sorted(spatial.partners or (o.name for o in OPERATIONS.values() if o.role == "channel")):
            for size in ("1", "3", "5", "7", "3d2", "3d3"):
                for activation in ("", "+leaky-relu"):
                    parts = [channel + size] if channel != "identity" else []
                    if spatial.has_kernel and "d" in size:
                        continue
                    name = spatial.name.removesuffix("-last") + (size if spatial.has_kernel else "")
                    yield "+".join([*parts, name] if spatial.channel_first else [name, *parts]) + activation


@pytest.mark.parametrize(
    "text", ["dip+bilinear:4.4.4.4.4", f"nearest+split-sum5+leaky-relu:{SKIPS}", "conv3+pixel-shuffle:101.111.011"]
)
def test_without_wide_vectors(text, monkeypatch):
    monkeypatch.setattr(direct, "LEAST_PIXELS", 1)
    monkeypatch.setattr(direct, "lacks_wide_vectors", lambda: True)
    assert max(differences(Architecture.from_text(text), width=16)) < 1e-9


@pytest.mark.parametrize("cell", sorted(set(cells())))
def test_every_kind_of_cell(cell):
    assert max(differences(Architecture.from_text(f"{cell}:11.11"), width=16)) < 1e-9


@pytest.mark.parametrize("activation", ["none", "relu", "leaky-relu", "selu", "prelu"])
@pytest.mark.parametrize("cell", ["nearest+conv5", "bilinear+conv3", "conv3+pixel-shuffle", "nearest+transposed-conv3"])
def test_every_activation_with_all_kinds_of_paths(cell, activation):
    text = f"{cell}:{SKIPS}" if activation == "none" else f"{cell}+{activation}:{SKIPS}"
    assert max(differences(Architecture.from_text(text))) < 1e-9


@pytest.mark.parametrize("large", [0, 2**30])
@pytest.mark.parametrize("text", ["dip+bilinear:4.4.4.4.4", "dip+nearest:4.0.4.0.4", "dip+nearest:0"])
def test_dip(text, large, monkeypatch):
    monkeypatch.setattr(layers, "LARGE", large)
    assert max(differences(Architecture.from_text(text))) < 1e-9


@pytest.mark.parametrize("cell", ["nearest+split-sum5+leaky-relu", "bilinear+transposed-conv3"])
def test_several_images_at_once(cell):
    assert max(differences(Architecture.from_text(f"{cell}:{SKIPS}"), width=16, images=2)) < 1e-9


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9])
@pytest.mark.parametrize("dilation", [1, 2, 3, 4])
def test_phases_of_a_convolution_of_doubled_pixels(kernel, dilation):
    x = torch.rand(2, 3, 6, 5, dtype=torch.double)
    weight = torch.rand(4, 3, kernel, kernel, dtype=torch.double)
    padding = dilation * (kernel - 1) // 2
    expected = F.conv2d(F.interpolate(x, scale_factor=2), weight, padding=padding, dilation=dilation)
    phases = phases_of(kernel, dilation)
    found = interleave(phase_convolution(x, weight, None, phases), phases)
    assert torch.allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("kernel", [3, 5, 7, 9, 11])
def test_depthwise_convolutions(kernel):
    x = torch.rand(2, 3, 7, 9, dtype=torch.double, requires_grad=True)
    weight = torch.rand(3, 1, kernel, kernel, dtype=torch.double, requires_grad=True)
    expected = F.conv2d(x, weight, padding=kernel // 2, groups=3)
    assert torch.allclose(depthwise(x, weight, 1), expected, atol=1e-12)
    towards = torch.rand_like(expected)
    found = torch.autograd.grad(depthwise(x, weight, 1), (x, weight), towards)
    wanted = torch.autograd.grad(expected, (x, weight), towards)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(found, wanted, strict=True))


def test_interleaving_is_differentiated_rightly():
    phases = phases_of(3, 1)
    maps = torch.rand(2, 8, 4, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: interleave(m, phases), maps)


def test_links_without_activation_are_applied_to_sums():
    linear, active = (
        Architecture.from_text(f"bilinear+conv3{act}:11111.01111.00111.00011.00001") for act in ("", "+relu")
    )
    # Level L wants all sources 2..5 that are coarser, each a subset of the next finer level's.
    assert {level: len(groups) for level, groups in plan_rises(active).items()} == {1: 4, 2: 3, 3: 2, 4: 1}
    shared = Architecture.from_text("bilinear+conv3:11111.01000.00100.00010.00001")
    assert {level: len(groups) for level, groups in plan_rises(shared).items()} == {1: 1, 2: 1, 3: 1, 4: 1}
    assert plan_rises(linear)[1] == [frozenset({1, 2, 3, 4})]


def test_weights_saved_by_one_fit_the_other():
    architecture = Architecture.from_text("nearest+conv5+relu:11.01")
    network = build_network(architecture, width=8, seed=1)
    fast = rewrite(network)
    assert {id(p) for p in fast.parameters()} == {id(p) for p in network.parameters()}
    other = build_network(architecture, width=8, seed=2)
    other.load_state_dict(network.state_dict())
    z = torch.rand(1, 32, 16, 16)
    assert torch.allclose(rewrite(other)(z), fast(z))


class Gate(torch.nn.Sequential):
    """An operation that nobody here knows: two convolutions with something between, like no separable one."""

    def forward(self, x):
        return self[1](self[0](x).tanh())


@pytest.mark.parametrize("cell", ["nearest+gate3", "bilinear+gate3", "nearest+conv3+wave", "conv3+pixel-shuffle+wave"])
def test_operations_that_somebody_adds_are_evaluated_as_they_stand(monkeypatch, cell):
    def build(n_in, n_out, kernel, dilation):
        return Gate(torch.nn.Conv2d(n_in, n_out, 1), torch.nn.Conv2d(n_out, n_out, kernel, padding=kernel // 2))

    monkeypatch.setitem(OPERATIONS, "gate", Operation("gate", "channel", has_kernel=True))
    monkeypatch.setitem(OPERATIONS, "wave", Operation("wave", "activation"))
    monkeypatch.setitem(BUILDERS, "gate", build)
    monkeypatch.setitem(ACTIVATIONS, "wave", torch.nn.Tanh)
    architecture = Architecture.from_text(f"{cell}:{SKIPS}")
    assert max(differences(architecture)) < 1e-9
    network = rewrite(build_network(architecture, width=8))
    assert network(torch.rand(1, 32, 64, 64).bfloat16()).dtype == torch.bfloat16
