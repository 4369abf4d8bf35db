"""Where to compute."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn

from nasdip.errors import NasdipError
from nasdip.provenance import memory_available
from nasdip.threads import use_threads

# Values in a feature map at full resolution, up to which one thread is as fast as two (64x64 px at width 32).
_ONE_THREAD_VALUES = 2**17


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


def suited_threads(network: nn.Module, height: int, width: int, device: torch.device) -> AbstractContextManager[None]:
    """Return a context with as many CPU threads as a fit to height x width px can use.

    Small layers gain nothing from a second thread, and lose much where other programs use the processor too. The
    rule looks at sizes alone, so that results do not depend on what else runs.
    """
    channels = max(p.shape[0] for p in network.parameters() if p.ndim == 4)
    small = device.type == "cpu" and height * width * channels <= _ONE_THREAD_VALUES
    return use_threads(1 if small else None)


def describe(device: torch.device) -> str:
    """Return the device in words: the GPU's name, or the number of CPU threads."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"


def available_memory(device: torch.device) -> int | None:
    """Return the bytes that are free on a device; None where the system does not tell."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # by torch, for reuse
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    return memory_available()


@contextmanager
def memory_told(words: str) -> Iterator[None]:
    """Raise a NasdipError of these words instead of an error which means that memory ran out."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise NasdipError(f"out of memory {words}") from None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch (or Python) means that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
