"""Where to compute."""

import torch
from torch import nn

from nasdip.errors import NasdipError
from nasdip.provenance import memory_available


def find_device(name: str = "auto") -> torch.device:
    """Return the device `name`: auto (a GPU if there is one, else the CPU), cpu, cuda or cuda:N; else NasdipError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise NasdipError(f"unknown device '{name}': use auto, cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda"):
        raise NasdipError(f"device '{name}' is not supported: use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise NasdipError(f"device '{name}' does not exist ({torch.cuda.device_count()} GPUs found): use --device cpu")
    return device


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device, with channels-last weights, in which convolutions are fastest."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def describe(device: torch.device) -> str:
    """Return the device in words: the GPU's name, or the number of CPU threads."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"


def available_memory(device: torch.device) -> int | None:
    """Return the bytes that are free on a device; None where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return memory_available()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch (or Python) means that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
