"""Our networks compute the same functions, with the same gradients, as the published ones."""

import json

import numpy as np
import pytest
import torch

from nasdip.network.build import build_network
from nasdip.network.plain.operations import count_parameters
from nasdip.space.architecture import Architecture


@pytest.fixture(scope="module")
def vectors(shared_data):
    return np.load(shared_data / "network_parity.npz"), json.loads((shared_data / "network_parity.json").read_text())


def published_architecture(cases, case):
    if case == "dip":
        return Architecture.from_text("dip+bilinear:4.4.4.4.4")
    entry = next(e for e in cases["nas_dip"] if str(e["case"]) == case)
    return Architecture.from_published_index(entry["cell_index"], entry["skips"])


def published_names(network, names):
    """Map our parameter names to the published ones.

    Both are nested lists of blocks in the same order; only the numbering inside an upsampling cell differs, where the
    published code keeps a place for operations without weights.
    """
    ours = [name for name, _ in network.named_parameters()]
    theirs = {}
    for name in ours:
        block = name.split(".")[0]
        same_block = [n for n in names if n.split(".")[0] == block]
        if block.startswith(("up", "skip_up")):
            index = [n for n in ours if n.split(".")[0] == block].index(name)
            theirs[name] = same_block[index]
        else:
            theirs[name] = name
    return theirs


@pytest.mark.parametrize("case", ["0", "1", "2", "4", "6", "dip"])
def test_outputs_and_gradients_agree(vectors, case):
    data, cases = vectors
    weights = {k.split("/")[2]: data[k] for k in data.files if k.startswith(f"{case}/weights/")}
    network = build_network(published_architecture(cases, case), in_channels=4, out_channels=3, width=8).double()
    names = published_names(network, list(weights))
    network.load_state_dict({ours: torch.from_numpy(weights[theirs]).double() for ours, theirs in names.items()})
    output = network(torch.from_numpy(data[f"{case}/input"]).double())
    expected = torch.from_numpy(data[f"{case}/output"]).double()
    assert (output - expected).abs().max() < 1e-5 * expected.abs().max()

    output.square().sum().backward()
    # float64 round-off of a gradient that is zero in exact arithmetic (biases in front of a batch normalisation).
    noise = 1e-9 * max(float(p.grad.norm()) for p in network.parameters())
    for ours, parameter in network.named_parameters():
        published = float(data[f"{case}/gradient_norm/{names[ours]}"])
        assert float(parameter.grad.norm()) == pytest.approx(published, rel=1e-4, abs=noise), ours


@pytest.mark.parametrize("case", ["0", "1", "2", "4", "6", "dip"])
def test_no_parameter_without_a_path(vectors, case):
    _, cases = vectors
    network = build_network(published_architecture(cases, case), in_channels=4, out_channels=3, width=8)
    if case == "dip":
        expected = cases["dip"]["parameters"]
    else:
        expected = next(e for e in cases["nas_dip"] if str(e["case"]) == case)["parameters_used"]
    assert count_parameters(network) == expected
