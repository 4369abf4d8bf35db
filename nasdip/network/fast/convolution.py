"""The fastest way to a convolution, by its sizes and the processor."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nasdip.network.fast import direct


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None, padding: int = 0) -> Tensor:
    """Return the convolution of x (N, C, H, W), zero-padded, with weight (K, C, k, k)."""
    taps = weight.shape[-1]
    height, width = (side + 2 * padding - taps + 1 for side in x.shape[2:])
    is_slow = x.device.type == "cpu" and x.dtype != torch.bfloat16 and direct.lacks_wide_vectors()
    if is_slow and taps > 1 and height * width >= direct.LEAST_PIXELS:
        return direct.direct(F.pad(x, (padding,) * 4) if padding else x, weight, bias)
    return F.conv2d(x.contiguous(memory_format=torch.channels_last), weight, bias, padding=padding)
