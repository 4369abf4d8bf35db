"""What `nasdip doctor` looks at for NNI: its parts, its port, its GPUs, and portals that stand open."""

import importlib
import importlib.util
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nasdip.nas.backends.nni.config_gpus import count_gpus
from nasdip.nas.backends.nni.ports import DEFAULT_PORT, listeners_of
from nasdip.nas.backends.nni.processes import own_processes
from nasdip.provenance import installed_version


class Check(NamedTuple):
    """What was looked at, what was found, and what to do if it is bad."""

    name: str
    found: str
    problem: str | None = None


class Manager(NamedTuple):
    """A running manager of NNI: its experiment, its port, and whether `nasdip nnictl --listen` started it."""

    pid: int
    experiment: str
    port: int
    listens_on_request: bool


def checks() -> list[Check]:
    """Look at the parts of NNI and at what runs of it; nothing is changed."""
    if installed_version("nni") is None:
        return [Check("nni", "not installed (only nnictl searches need it: pip install '.[nni]' in the checkout)")]
    return [_nni(), _nnictl(), _node(), _port(DEFAULT_PORT), _gpus(), *portals()]


def portals() -> list[Check]:
    """Look at the portals of this user's experiments; one that other machines reach is a problem."""
    return [check for manager in managers() for check in _portal(manager)]


def managers() -> Iterator[Manager]:
    """Yield the managers that run as this user."""
    for process in own_processes():
        port = process.option("--port")
        if process.is_manager and Path(process.command[0]).name == "node" and port.isdecimal():
            guarded = "guard.cjs" in process.environment.get("NODE_OPTIONS", "")
            asked = bool(process.environment.get("NASDIP_NNI_LISTEN")) and guarded
            yield Manager(process.pid, process.option("--experiment-id"), int(port), asked)


def _portal(manager: Manager) -> Iterator[Check]:
    for listener in listeners_of(manager.pid):
        found = f"experiment {manager.experiment} listens on {listener.address}, port {listener.port}"
        if listener.port != manager.port or listener.is_loopback:
            continue
        if manager.listens_on_request:
            yield Check("nni portal", f"{found}, as asked for with --listen")
        else:
            advice = f"nnictl stop {manager.experiment}, then nasdip nnictl resume {manager.experiment}"
            yield Check("nni portal", f"{found}: other machines can run programs here", advice)


def _nni() -> Check:
    version = installed_version("nni")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it is deprecated
            importlib.import_module("pkg_resources")
    except Exception as error:  # what setuptools raises differs
        found = f"{version}, but pkg_resources does not import ({type(error).__name__}: {error})"
        return Check("nni", found, "nnictl needs an older setuptools: pip install 'setuptools<81'")
    return Check("nni", f"{version} (setuptools {installed_version('setuptools')})")


def _nnictl() -> Check:
    beside = Path(sys.executable).parent / "nnictl"
    if shutil.which("nnictl"):
        return Check("nnictl", str(shutil.which("nnictl")))
    if beside.exists():
        return Check("nnictl", f"{beside}, which is not on PATH (nasdip nnictl finds it)")
    return Check("nnictl", "not found", "reinstall it: pip install --force-reinstall nni==3.0")


def _node() -> Check:
    """Run the Node.js that NNI brings along; it is built for common processors and glibc alone."""
    package = importlib.util.find_spec("nni_node")
    folders = list(package.submodule_search_locations or []) if package else []
    try:
        command = [str(Path(folders[0]) / "node"), "--version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (IndexError, OSError, subprocess.SubprocessError) as error:
        found = f"does not run ({type(error).__name__}: {error})"
        return Check("node of nni", found, "reinstall NNI: pip install --force-reinstall nni==3.0")
    return Check("node of nni", done.stdout.strip())


def _port(port: int) -> Check:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ended connections do not count
        try:
            trial.bind(("", port))
        except OSError:
            return Check("nni port", f"{port} is busy: start experiments with --port {port + 1}, or another")
    return Check("nni port", f"{port} is free")


def _gpus() -> Check:
    count = count_gpus()
    if count == 0:
        return Check("nni gpus", "none (leave trialGpuNumber out of configurations)")
    if count == 1:
        return Check("nni gpus", "1 (leave trialGpuNumber out: NNI never gives away the only one)")
    return Check("nni gpus", f"{count}")
