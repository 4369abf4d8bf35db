"""In which precision a network is evaluated; its weights, and the optimiser, are float32 in any case."""

import time
from functools import cache

import torch
import torch.nn.functional as F

# How many times faster bfloat16 has to be, to be chosen. It is about twice as fast, or else several times slower.
_WORTH = 1.25


def choose_precision(name: str, device: torch.device) -> str:
    """Return fp32 or bf16: what `name` says, or for auto what a short probe finds faster on `device`."""
    if name != "auto":
        return name
    return "bf16" if _is_worthwhile(device.type) else "fp32"


def working_type(name: str, device: torch.device) -> torch.dtype:
    """Return torch's type for a precision."""
    return torch.bfloat16 if choose_precision(name, device) == "bf16" else torch.float32


@cache
def _is_worthwhile(device_type: str) -> bool:
    if device_type == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)  # Ampere, whose tensor cores know it
    return _WORTH * _seconds(torch.bfloat16) < _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    """Return the seconds of a typical convolution on the processor."""
    x = torch.ones(1, 64, 64, 64, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.ones(64, 64, 3, 3, dtype=dtype)
    times = []
    for _ in range(4):
        start = time.perf_counter()
        F.conv2d(x, weight, padding=1)
        times.append(time.perf_counter() - start)
    return min(times)
