"""How much memory a part of a program takes. No torch here."""

import ctypes
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROCESS = Path("/proc/self")


class Peak(NamedTuple):
    """Bytes at the peak; None where the system does not tell.

    `whole` is that of the process, `added` what came to what it held before, `device` that of a GPU's tensors (None on
    the CPU).
    """

    whole: int | None
    added: int | None
    device: int | None


class PeakMemory:
    """Measures from its creation on, on a device too (cpu, cuda or cuda:N).

    What earlier work has freed goes back to the system first, so that it counts again where it is used again.

    Linux's own high-water mark is read and, where that is allowed, set back first. That of `getrusage` would be
    inherited from the process that started this one, and psutil has none.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        _give_back()
        _forget_device_peak(device)
        with suppress(OSError):
            (_PROCESS / "clear_refs").write_text("5")
        self._before = _status("VmRSS")

    def read(self) -> Peak:
        """Return the peak since the start."""
        whole = _status("VmHWM")
        added = None if whole is None or self._before is None else max(0, whole - self._before)
        return Peak(whole, added, _device_peak(self._device))


def _status(name: str) -> int | None:
    """Return a size that Linux tells of this process, in bytes."""
    try:
        lines = (_PROCESS / "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
    except (OSError, StopIteration):
        return None


def _give_back() -> None:
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def _forget_device_peak(device: str) -> None:
    torch = sys.modules.get("torch")
    if torch is not None and device != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _device_peak(device: str) -> int | None:
    torch = sys.modules.get("torch")
    if torch is None or device == "cpu":
        return None
    return int(torch.cuda.max_memory_allocated(device))
