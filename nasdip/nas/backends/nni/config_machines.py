"""The machines of a remote experiment: what keeps NNI from starting there, or gives a secret away."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nasdip.nas.backends.nni.ports import is_loopback

_MOST_FILES = 2000  # both are limits of NNI, beyond which the experiment ends with ERROR
_MOST_BYTES = 300 * 2**20


def machine_problems(service: Any) -> Iterator[str]:
    """Yield what is wrong with a canonical remote training service."""
    hosts = [str(machine.host) for machine in service.machine_list]
    if not service.nni_manager_ip:
        yield "nniManagerIp is missing: give the address of this machine that the others reach"
    elif is_loopback(service.nni_manager_ip) and not all(is_loopback(host) for host in hosts):
        yield f"nniManagerIp {service.nni_manager_ip} reaches this machine alone: give the address that the others use"
    for machine in service.machine_list:
        yield from _login_problems(machine)
    yield from _upload_problems(Path(service.trial_code_directory))


def _login_problems(machine: Any) -> Iterator[str]:
    name = f"machine {machine.host}"
    if not (isinstance(machine.python_path, str) and machine.python_path.startswith("/")):
        yield f"{name}: pythonPath must be the absolute folder of its Python, e.g. /home/me/nasdip/.venv/bin"
    if machine.password is not None:
        yield f"{name}: a password would stand in NNI's portal and database: use sshKeyFile instead"
    else:
        yield from _key_problems(name, Path(machine.ssh_key_file))


def _key_problems(name: str, key: Path) -> Iterator[str]:
    if not key.is_file():
        yield f"{name}: there is no sshKeyFile {key}: make one (ssh-keygen -t ed25519 -f {key}), then ssh-copy-id"
    elif not os.access(key, os.R_OK):
        yield f"{name}: sshKeyFile {key} cannot be read: check its owner"
    elif key.stat().st_mode & 0o077:
        yield f"{name}: sshKeyFile {key} is open to other users: chmod 600 {key}"


def _upload_problems(folder: Path) -> Iterator[str]:
    """Check the size of what NNI copies to every machine; with a .nniignore it is for NNI alone to say."""
    if not folder.is_dir() or (folder / ".nniignore").exists():
        return
    files = size = 0
    for parent, _, names in os.walk(folder):
        files += len(names)
        size += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)
        if files > _MOST_FILES or size > _MOST_BYTES:
            yield (
                f"trialCodeDirectory {folder} holds more than {_MOST_FILES} files or 300 MiB, which NNI does not copy "
                "to other machines: choose a small folder"
            )
            return
