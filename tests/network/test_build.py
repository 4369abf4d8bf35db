import pytest
import torch

from nasdip.errors import NasdipError
from nasdip.network.build import build_network, check_size
from nasdip.network.plain.operations import ACTIVATIONS, BUILDERS
from nasdip.space.architecture import Architecture
from nasdip.space.operations import OPERATIONS

UNET = Architecture.from_text("bilinear+conv3+relu:10.01")


def weights(seed):
    return torch.cat([p.flatten() for p in build_network(UNET, width=8, seed=seed).parameters()])


def test_same_seed_same_weights_whatever_the_global_state():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = weights(5)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(5), first)
    assert not torch.equal(weights(6), first)


def test_every_operation_of_the_space_has_a_module():
    listed = {o.name for o in OPERATIONS.values() if o.role != "activation"}
    assert listed == set(BUILDERS)
    assert {o.name for o in OPERATIONS.values() if o.role == "activation"} == set(ACTIVATIONS)


@pytest.mark.parametrize(
    ("text", "width", "word"),
    [("bilinear+split-sum3:1", 6, "divisible by 4"), ("pixel-shuffle+conv3:1", 10, "divisible by 4"),
     ("pixel-shuffle+split-sum3:1", 8, "divisible by 4")],
)  # fmt: skip
def test_channels_that_do_not_divide(text, width, word):
    with pytest.raises(NasdipError, match=word):
        build_network(Architecture.from_text(text), width=width)


def test_image_too_small_for_the_depth():
    check_size(UNET, 8, 12)
    for height, width in ((4, 8), (8, 10)):
        with pytest.raises(NasdipError, match="levels"):
            check_size(UNET, height, width)
        with pytest.raises(NasdipError, match="levels"):
            build_network(UNET, width=8)(torch.zeros(1, 32, height, width))


def test_smallest_size_runs():
    for text in ("bilinear+conv3:11111.11111.11111.11111.11111", "dip+nearest:4.0.4.0.4"):
        network = build_network(Architecture.from_text(text), in_channels=2, out_channels=1, width=8)
        network(torch.zeros(1, 2, 64, 64)).sum().backward()
        assert all(p.grad is not None for p in network.parameters())
