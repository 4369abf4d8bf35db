"""The door of the room: (architecture, seed) -> network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from nasdip.errors import NasdipError
from nasdip.network.plain.blocks import upsampling
from nasdip.network.plain.concat_skip import concat_skip_network
from nasdip.network.plain.cross_skip import CrossSkipNetwork
from nasdip.network.plain.operations import count_parameters
from nasdip.space.architecture import Architecture, ConcatSkipArchitecture, CrossSkipArchitecture, check_channels
from nasdip.space.cell import UpsamplingCell

if TYPE_CHECKING:  # reading spaces needs pydantic, which building does not
    from nasdip.space.search_space import SearchSpace

DEFAULT_WIDTH = 128


def build_network(
    architecture: Architecture,
    *,
    in_channels: int = 32,
    out_channels: int = 3,
    width: int | None = None,
    seed: int = 0,
) -> nn.Module:
    """Build a freshly initialised network, in float32 on the CPU.

    Deterministic: the same arguments give the same weights, whatever torch's global random state, which stays as it
    was. To "re-initialise", build again with another seed.

    Parameters
    ----------
    architecture : Architecture
        What to build.
    in_channels, out_channels : int
        Channels of the network's input z and of the image.
    width : int, optional
        Channels of every level, for architectures that leave it open; default 128. Smaller = faster and smoother.
    seed : int
        Of PyTorch's default initialisation (Kaiming uniform), which the published code uses too.

    Raises
    ------
    NasdipError
        Where the width does not suit the operations (channels not divisible); and, when the network is used, where
        the input's size does not suit its levels.

    Examples
    --------
    >>> from nasdip.space.architecture import Architecture
    >>> network = build_network(Architecture.from_text("bilinear+conv3:10.01"), width=8, seed=1)
    >>> network(torch.zeros(1, 32, 16, 24)).shape
    torch.Size([1, 3, 16, 24])
    """
    check_channels(width)
    channels = architecture.width or width or DEFAULT_WIDTH
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module
        if isinstance(architecture, CrossSkipArchitecture):
            network = CrossSkipNetwork(architecture, in_channels, out_channels, channels)
        elif isinstance(architecture, ConcatSkipArchitecture):
            network = concat_skip_network(architecture, in_channels, out_channels, channels)
        else:
            raise NasdipError(f"no network is known for {type(architecture).__name__}")
    network.register_forward_pre_hook(lambda _, inputs: check_size(architecture, *inputs[0].shape[-2:]))
    return network


def count_weights(architecture: Architecture, channels: int, in_channels: int, width: int | None) -> int:
    """Return the number of weights of a network for images of `channels`; NasdipError where it cannot be built."""
    with torch.device("meta"):
        network = build_network(architecture, in_channels=in_channels, out_channels=channels, width=width)
    return count_parameters(network)


def check_width(space: "SearchSpace", width: int) -> None:
    """Raise NasdipError unless every cell of `space` can be built at `width` channels (or the widths it decides)."""
    cells = tuple({(cell.spatial, cell.channel): cell for cell in space.cells}.values())
    for channels in space.choices.get("width", (width,)):
        check_channels(int(channels))
        if _misfit(cells, int(channels)) is None:
            continue
        better = next((n for n in range(int(channels) + 1, int(channels) + 65) if _misfit(cells, n) is None), None)
        if better is None:
            raise NasdipError(f"the search space '{space.name}' cannot be built: {_misfit(cells, int(channels))}")
        raise NasdipError(f"width {channels} does not suit every cell of the search space '{space.name}': use {better}")


def _misfit(cells: Sequence[UpsamplingCell], width: int) -> str | None:
    """Return why some cell cannot be built at `width` channels, or None if all can."""
    for cell in cells:
        try:
            with torch.device("meta"):
                upsampling(cell, width)
        except NasdipError as error:
            return str(error)
    return None


def size_multiple(architecture: Architecture) -> int:
    """Return the number that height and width of the network's input must be multiples of."""
    return 2**architecture.depth


def smallest_size(architecture: Architecture) -> int:
    """Return the smallest height and width (px) of the network's input: the deepest maps need 2x2 px to be padded."""
    return 2 ** (architecture.depth + 1)


def check_size(architecture: Architecture, height: int, width: int) -> None:
    """Raise NasdipError where an input of height x width px does not fit the architecture's levels."""
    multiple, least = size_multiple(architecture), smallest_size(architecture)
    if height % multiple or width % multiple or min(height, width) < least:
        raise NasdipError(
            f"{height}x{width} px does not suit {architecture.depth} levels: pad both sides to a multiple of "
            f"{multiple}, at least {least} px, or use fewer levels"
        )
