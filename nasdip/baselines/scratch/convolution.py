"""The convolution layer."""

import torch
from torch import Tensor

from nasdip.baselines.scratch.initialisation import Initialisation, kaiming
from nasdip.baselines.scratch.module import Module, Parameter, check_batch, check_gradient
from nasdip.baselines.scratch.unfolding import convolve, correlate
from nasdip.errors import NasdipError


class Conv2d(Module):
    """A "same" convolution with bias, of stride 1: from (N, C, H, W) to (N, K, H, W).

    Parameters
    ----------
    inputs, outputs : int
        Channels C and K, 1 at least.
    size : int
        Height and width of the kernels, odd.
    generator : Generator or int
        Of the kernels' random values, or its seed. Biases are 0.
    initialise : callable
        `kaiming`, or what `normal` returns.
    dtype, device : torch.dtype, torch.device
        Of the parameters, and of the batches. The kernels are drawn on the CPU: they are the same everywhere.

    Raises
    ------
    NasdipError
        For impossible sizes; in `forward` for a batch of another number of channels or dtype.

    Attributes
    ----------
    kernels, bias : Tensor
        (K, C, size, size) and (K,).

    Examples
    --------
    >>> layer = Conv2d(3, 8, generator=0)
    >>> layer.forward(torch.zeros(10, 3, 32, 24)).shape
    torch.Size([10, 8, 32, 24])
    >>> [tuple(parameter.shape) for parameter, gradient in layer.param()]
    [(8, 3, 3, 3), (8,)]
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int = 3,
        *,
        generator: torch.Generator | int,
        initialise: Initialisation = kaiming,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if min(inputs, outputs, size) < 1 or size % 2 == 0:
            raise NasdipError(
                f"{inputs} to {outputs} channels with kernels of {size} px: use 1 channel or more, and an odd size"
            )
        if isinstance(generator, int):
            generator = torch.Generator().manual_seed(generator)
        self.kernels = initialise((outputs, inputs, size, size), generator).to(device, dtype)
        self.bias = torch.zeros(outputs, device=device, dtype=dtype)
        self._of_kernels, self._of_bias = torch.zeros_like(self.kernels), torch.zeros_like(self.bias)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of a batch with the kernels, plus the bias."""
        check_batch(x, "Conv2d")
        if x.shape[1] != self.kernels.shape[1]:
            raise NasdipError(f"Conv2d of {self.kernels.shape[1]} channels got a batch of {x.shape[1]}")
        if x.dtype != self.kernels.dtype:
            raise NasdipError(f"Conv2d of {self.kernels.dtype} got {x.dtype}: convert the batch")
        self._keep(x)
        return convolve(x, self.kernels, self.bias)

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient by the input: the convolution of that by the output with the mirrored kernels."""
        x = self._recall()
        check_gradient(gradient, torch.Size((len(x), len(self.bias), *x.shape[2:])), "Conv2d")
        self._of_kernels.copy_(correlate(x, gradient, self.kernels.shape[3]))
        self._of_bias.copy_(gradient.sum((0, 2, 3)))
        return convolve(gradient, self.kernels.flip(2, 3).transpose(0, 1))

    def param(self) -> list[Parameter]:
        """Return kernels and bias with their gradients."""
        return [(self.kernels, self._of_kernels), (self.bias, self._of_bias)]
