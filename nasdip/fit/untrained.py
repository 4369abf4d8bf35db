"""What an architecture shows of itself before it is fitted."""

import numpy as np
import torch

from nasdip.fit.loop import network_input, network_padding, network_size
from nasdip.imaging.padding import crop
from nasdip.network.build import build_network
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture


@torch.no_grad()
def untrained_output(
    architecture: Architecture, shape: tuple[int, ...], *, width: int | None = None, seed: int = 0
) -> np.ndarray:
    """Return the output of a network as it is initialised, for the input z that a fit with this seed begins with.

    Parameters
    ----------
    architecture : Architecture
        Of the network.
    shape : tuple of int
        Of the image (H, W, C).
    width, seed : int
        As for `build_network` and `fit`.

    Returns
    -------
    ndarray
        (H, W, C) float32 in (0, 1).

    Raises
    ------
    NasdipError
        Where the network cannot be built.

    Examples
    --------
    >>> output = untrained_output(Architecture.from_text("bilinear+conv3:10.01"), (20, 16, 3), width=8)
    >>> output.shape, bool(0 < output.min() < output.max() < 1)
    ((20, 16, 3), True)
    """
    config = FitConfig()
    size, padding = network_size(architecture, *shape[:2]), network_padding(architecture, *shape[:2])
    network = build_network(
        architecture, in_channels=config.input_channels, out_channels=shape[2], width=width, seed=seed
    )
    output = network.train()(network_input(config, size, seed))  # (1, C, H, W); batch statistics, as in fits
    return crop(output[0].permute(1, 2, 0).numpy(), padding).astype(np.float32)
