"""Where a result comes from: command, versions, machine."""

import datetime
import importlib.metadata
import os
import platform
import sys
from typing import Any

import psutil

from nasdip import __version__

PACKAGES = ("torch", "numpy", "scikit-image", "nni")


def installed_version(package: str) -> str | None:
    """Return the installed version of a distribution without importing it; None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """Return the processor's name, as far as the system tells."""
    return _of_processor("model name") or platform.processor() or platform.machine()


def processor_features() -> set[str]:
    """Return the names of the processor's instruction sets (Linux's, on x86); empty where the system does not tell."""
    return set(_of_processor("flags").split())


def _of_processor(fact: str) -> str:
    """Return what Linux tells of the first processor, which psutil does not; empty where it does not."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith(fact)), "")
    except OSError:
        return ""


def memory_available() -> int:
    """Return the bytes of memory that programs can still take."""
    return int(psutil.virtual_memory().available)


def cores() -> int:
    """Return the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def provenance() -> dict[str, Any]:
    """Return command, time, versions and machine as a JSON object; no user or host name."""
    return {
        "command": [os.path.basename(sys.argv[0]), *sys.argv[1:]],
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "nasdip": __version__,
        "python": platform.python_version(),
        **{name: installed_version(name) for name in PACKAGES},
        "system": platform.system(),
        "processor": processor(),
        "cores": os.cpu_count(),
    }
