"""Checking an installation, and the configuration of an experiment."""

import importlib
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from nasdip import __version__
from nasdip.errors import NasdipError
from nasdip.provenance import installed_version, memory_available, processor


class Finding(NamedTuple):
    """One line of `nasdip doctor`: what was looked at, what was found, and what to do if it is bad."""

    name: str
    found: str
    problem: str | None = None


def examine() -> list[Finding]:
    """Look at Python, the packages, devices, memory and disk; nothing is changed."""
    return [_python(), Finding("nasdip", __version__), *_packages(), *_devices(), _memory(), _disk(), *_nni()]


def _python() -> Finding:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("python", platform.python_version(), None if good else "use Python 3.11, 3.12 or 3.13")


def _packages() -> list[Finding]:
    modules = {
        "torch": "torch", "numpy": "numpy", "scikit-image": "skimage", "matplotlib": "matplotlib",
        "tifffile": "tifffile", "pillow": "PIL", "pydantic": "pydantic", "safetensors": "safetensors",
    }  # fmt: skip
    return [_package(name, module) for name, module in modules.items()]


def _package(name: str, module: str) -> Finding:
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken binary raises anything
        return Finding(name, f"{type(error).__name__}: {error}", f"reinstall it: pip install --force-reinstall {name}")
    return Finding(name, installed_version(name) or "found")


def _devices() -> list[Finding]:
    try:
        import torch
    except Exception:  # reported with the packages
        return []
    threads = Finding("processor", f"{processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads used")
    gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    words = ", ".join(f"{gpu.name} ({gpu.total_memory / 2**30:.0f} GiB)" for gpu in gpus)
    return [threads, Finding("gpus", words or "none (fits run on the processor)")]


def _memory() -> Finding:
    free = memory_available()
    if free is None:
        return Finding("memory", "unknown on this system")
    available = free / 2**30
    problem = None if available >= 2 else "free some memory: a 256x256 px fit takes about 1 GiB"
    return Finding("memory", f"{available:.1f} GiB available", problem)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Finding("disk", f"{free:.1f} GiB free here", None if free >= 1 else "free some space: runs keep every trial")


def _nni() -> list[Finding]:
    """Ask the room of NNI, which may be gone."""
    try:
        from nasdip.nas.backends.nni.health import checks
    except ModuleNotFoundError:
        return [Finding("nni", "not part of this nasdip")]
    return [Finding(*check) for check in checks()]


def examine_config(config: Path) -> list[Finding]:
    """Check the configuration of an NNI experiment: a finding for each problem, or one that says there is none.

    The line of a problem names the fix after what is wrong.
    """
    try:
        from nasdip.nas.backends.nni.config_check import problems
    except ModuleNotFoundError:
        raise NasdipError("this nasdip has no NNI backend, which checks configurations: reinstall it") from None
    found = problems(config)
    return [Finding("config", str(config), problem) for problem in found] or [Finding("config", f"{config} is sound")]
