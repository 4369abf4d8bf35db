"""What the kernels are before training."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nasdip.errors import NasdipError

# From a shape (K, C, k, k) and a generator to kernels, float64.
Initialisation = Callable[[tuple[int, int, int, int], torch.Generator], Tensor]


def normal(deviation: float) -> Initialisation:
    """Return the initialisation with N(0, deviation^2), whatever the size of the layer.

    Parameters
    ----------
    deviation : float
        0 or more; NasdipError for others. Where it is far from Kaiming's, the maps of deep networks vanish or explode.

    Examples
    --------
    >>> kernels = normal(0.1)((64, 16, 3, 3), torch.Generator().manual_seed(0))
    >>> round(float(kernels.std()), 2)
    0.1
    """
    if not 0 <= deviation < math.inf:
        raise NasdipError(f"a standard deviation of {deviation} is none: use 0 or more")
    return lambda shape, generator: deviation * torch.randn(shape, generator=generator, dtype=torch.float64)


def kaiming(shape: tuple[int, int, int, int], generator: torch.Generator) -> Tensor:
    """Draw kernels (K, C, k, k) from N(0, 2 / n) with n = C k^2, the values that each output is a sum of.

    So a layer with ReLU keeps the mean square of its maps.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, Delving deep into rectifiers, ICCV 2015.

    Examples
    --------
    >>> kernels = kaiming((64, 8, 5, 5), torch.Generator().manual_seed(0))
    >>> round(float(kernels.std()), 2)  # sqrt(2 / 200)
    0.1
    """
    _, channels, *taps = shape
    return normal(math.sqrt(2 / (channels * math.prod(taps))))(shape, generator)
