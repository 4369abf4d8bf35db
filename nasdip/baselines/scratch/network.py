"""The denoiser that is built with the framework."""

import torch

from nasdip.baselines.scratch.activation import LeakyReLU, Sigmoid
from nasdip.baselines.scratch.convolution import Conv2d
from nasdip.baselines.scratch.module import Module, Sequential
from nasdip.baselines.scratch.resampling import MaxPool2d, Upsample2d


def scratch_network(
    channels: int = 3,
    width: int = 32,
    *,
    seed: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Sequential:
    """Return a small Noise2Noise network: batches (N, channels, H, W) to the same shape, values in (0, 1).

    Two convolutions, max-pooling, two convolutions on maps of half the side, nearest upsampling, and two convolutions;
    all 3x3, with LeakyReLU 0.01 after all but the last, which a sigmoid follows. The report names these layers, not
    their number: without connections across, one pooling leaves the details in the `width` channels of the small maps.

    Parameters
    ----------
    channels : int
        3 for RGB.
    width : int
        Channels between the layers; larger = better and slower. 4 x `channels` can hold all values of a square.
    seed : int
        Of the kernels; the same seed gives the same network.
    dtype, device : torch.dtype, torch.device
        Of parameters and batches.

    Returns
    -------
    Sequential
        H and W of its batches are even.

    Examples
    --------
    >>> scratch_network(width=8, seed=0).forward(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """
    generator = torch.Generator().manual_seed(seed)

    def block(inputs: int) -> tuple[Module, Module]:
        return Conv2d(inputs, width, generator=generator, dtype=dtype, device=device), LeakyReLU()

    return Sequential(
        *block(channels), *block(width), MaxPool2d(), *block(width), *block(width), Upsample2d(), *block(width),
        Conv2d(width, channels, generator=generator, dtype=dtype, device=device), Sigmoid(),
    )  # fmt: skip
