"""Images as tensors (1, C, H, W)."""

import numpy as np
import torch
from torch import Tensor

from nasdip.imaging.padding import Padding, pad_reflect


def padded(image: np.ndarray, padding: Padding, device: torch.device) -> Tensor:
    """Return an image (H, W, C) as a float32 tensor, padded by reflection."""
    pixels = pad_reflect(image.astype(np.float32), padding)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])).to(device)


def real(tensor: Tensor, padding: Padding) -> Tensor:
    """Return the real pixels of a tensor (..., H, W): all but the padding."""
    height, width = tensor.shape[-2:]
    return tensor[..., padding.top : height - padding.bottom, padding.left : width - padding.right]
