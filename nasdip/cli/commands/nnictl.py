"""`nasdip nnictl`: what is checked, waited for and told before nnictl takes over."""

import argparse
import errno
import importlib.util
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from nasdip.console import note
from nasdip.errors import NasdipError
from nasdip.nas.backends.nni import launch, leftovers
from nasdip.nas.backends.nni.experiment import ExperimentFiles, find_experiment, listed
from nasdip.nas.backends.nni.ports import DEFAULT_PORT, is_loopback

_PATIENCE = 60.0
_ENDING = ("STOPPING", "STOPPED")
_ID = re.compile(r"[A-Za-z0-9]{8}")


def run_nnictl(arguments: Sequence[str], listen: str | None, allow: Sequence[str]) -> NoReturn:
    """Become nnictl with these arguments, its manager guarded; see `nasdip.nas.backends.nni.launch`."""
    _check_installed()
    misplaced = next((word for word in arguments if word.partition("=")[0] in ("--listen", "--allow")), None)
    if misplaced:
        raise NasdipError(f"{misplaced} belongs to nasdip: give it before nnictl's own words")
    options = _own_options(arguments)
    allowed = [address for item in allow for word in item.split(",") for address in _resolved(word.strip())]
    if options is not None and options.command == "create" and options.config is not None:
        allowed += _prepare_create(options, listen)
    elif options is not None and options.command == "resume" and options.id is not None:
        files = _experiment(options)
        allowed += _prepare_resume(files, options.port, listen)
        arguments = _resume_arguments(arguments, options, files)
    elif options is not None and options.command in ("stop", "view") and not options.experiment_dir:
        _check_listed(options.command, options.id)
    if listen is not None and not is_loopback(listen):
        _tell_risk(listen, allowed)
    launch.run(arguments, listen, list(dict.fromkeys(allowed)))


def _check_installed() -> None:
    if importlib.util.find_spec("nni") is None:
        raise NasdipError("NNI is not installed: pip install '.[nni]' in its checkout")
    if importlib.util.find_spec("pkg_resources") is None:
        raise NasdipError("nnictl needs an older setuptools: pip install 'setuptools<81'")


def _own_options(arguments: Sequence[str]) -> argparse.Namespace | None:
    """Return nnictl's options as far as they matter here; None where nnictl has to say what is wrong, or to help."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("command", nargs="?")
    parser.add_argument("id", nargs="?")
    parser.add_argument("--config", "-c", type=Path)
    parser.add_argument("--port", "-p", type=int, default=DEFAULT_PORT)
    parser.add_argument("--experiment_dir", "-e", type=Path)
    parser.add_argument("--url_prefix", "-u")
    for flag in (("--help", "-h"), ("--debug", "-d"), ("--foreground", "-f")):
        parser.add_argument(*flag, action="store_true")
    try:
        options, _ = parser.parse_known_intermixed_args(list(arguments))
    except (argparse.ArgumentError, SystemExit):
        return None
    return None if options.help else options


def _check_listed(command: str, name: str) -> None:
    """Refuse what nnictl does not know, which it tells by a traceback, or by nothing but a line."""
    if not _ID.fullmatch(name or ""):  # all of them, or some of nnictl's other words
        return
    entry = listed(name)
    if entry is None:
        raise NasdipError(f"there is no experiment {name}: see nasdip nnictl experiment list --all")
    if command == "stop" and entry.status == "STOPPED":
        note(f"nasdip: experiment {name} is stopped already")
        raise SystemExit(0)


def _prepare_create(options: argparse.Namespace, listen: str | None) -> list[str]:
    """Check what is to be created; return the addresses of its machines."""
    from nasdip.nas.backends.nni.config_check import problems
    from nasdip.nas.backends.nni.config_file import read_config

    found = problems(options.config)
    for problem in found[:-1]:
        note(f"nasdip: error: {problem}")
    if found:
        raise NasdipError(found[-1])
    services = read_config(options.config).services
    machines = [str(machine.host) for service in services for machine in getattr(service, "machine_list", None) or ()]
    manager = next((ip for service in services if (ip := getattr(service, "nni_manager_ip", None))), None)
    return _prepare_manager(options.port, listen, machines, manager)


def _experiment(options: argparse.Namespace) -> ExperimentFiles:
    place = options.experiment_dir / options.id if options.experiment_dir else options.id
    files = find_experiment(str(place))
    if files is None:
        raise NasdipError(f"there is no experiment {place}: see nasdip nnictl experiment list --all")
    return files


def _resume_arguments(arguments: Sequence[str], options: argparse.Namespace, files: ExperimentFiles) -> list[str]:
    """Return what nnictl understands: an id for a folder, and where an experiment is that its list has lost."""
    words = [files.id if word == options.id else word for word in arguments]
    if options.experiment_dir is None and listed(files.id) is None:
        words += ["--experiment_dir", str(files.path.resolve().parent)]
    return words


def _prepare_resume(files: ExperimentFiles, port: int, listen: str | None) -> list[str]:
    """Wait until the experiment can be resumed; return the addresses of its machines."""
    _wait_for_manager(files)
    ended = leftovers.end_trials(files)
    if ended:
        note(f"nasdip: ended {ended} process(es) of trials whose manager died; NNI runs these trials again")
    busy = f"the tuner of {files.id}, or something else in {files.run},"
    _wait(lambda: leftovers.tuner_runs(files), f"{busy} still runs", _advice(files, leftovers.TUNER))
    files.mend()
    return _prepare_manager(port, listen, *_remote_part(files.profile()))


def _wait_for_manager(files: ExperimentFiles) -> None:
    entry = listed(files.id)
    if leftovers.manager_runs(files) and (entry is None or entry.status not in _ENDING):
        raise NasdipError(f"experiment {files.id} runs: stop it first, nasdip nnictl stop {files.id}")
    _wait(
        lambda: leftovers.manager_runs(files), f"experiment {files.id} is stopping", _advice(files, leftovers.MANAGER)
    )
    # nnictl believes in a process of the dead manager's number, be it unreaped or another program by now.
    entry = listed(files.id)
    if entry is not None and entry.status != "STOPPED":
        launch.mark_stopped(files.id)


def _advice(files: ExperimentFiles, role: str) -> Callable[[], str]:
    def words() -> str:
        pids = [str(process.pid) for process in leftovers.processes(files) if process.role == role]
        return f"end it (kill {' '.join(pids)}) and resume again" if pids else "see who uses it, and resume again"

    return words


def _wait(busy: Callable[[], bool], what: str, advice: Callable[[], str]) -> None:
    if not busy():
        return
    note(f"nasdip: {what}; waiting for at most {_PATIENCE:.0f} s")
    deadline = time.monotonic() + _PATIENCE
    while busy():
        if time.monotonic() > deadline:
            raise NasdipError(f"{what} after {_PATIENCE:.0f} s: {advice()}")
        time.sleep(0.5)


def _remote_part(profile: dict[str, Any]) -> tuple[list[str], str | None]:
    """Return the machines of a stored configuration, and the address at which they look for the manager."""
    service = profile.get("trainingService") or {}
    services = service if isinstance(service, list) else [service]
    machines = [str(machine["host"]) for part in services for machine in part.get("machineList") or ()]
    manager = next((part["nniManagerIp"] for part in services if part.get("nniManagerIp")), None)
    return machines, manager or profile.get("nniManagerIp")


def _prepare_manager(port: int, listen: str | None, machines: list[str], manager: str | None) -> list[str]:
    """Check that the manager can listen where it must; return the addresses of the machines."""
    if machines and manager and not is_loopback(manager) and listen is None:
        raise NasdipError(
            f"the machines of this experiment look for the manager at {manager}, where it is not to be reached: "
            f"give --listen {manager} before nnictl's own words"
        )
    _check_port(port, listen)
    if machines:  # NNI wants the next one too
        _check_port(port + 1, listen)
    return [address for machine in machines for address in _resolved(machine)]


def _check_port(port: int, listen: str | None) -> None:
    if not 1 <= port <= 65535:
        raise NasdipError(f"port {port} does not exist: choose one from 1024 to 65535 with --port")
    for address in ["127.0.0.1", "::1", *([listen] if listen else [])]:
        for family, kind, protocol, _, place in _places(address, port):
            with socket.socket(family, kind, protocol) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    sock.bind(place)
                except OSError as error:
                    _refuse_port(address, port, listen, error)


def _refuse_port(address: str, port: int, listen: str | None, error: OSError) -> None:
    if error.errno == errno.EADDRINUSE:
        raise NasdipError(f"port {port} is in use: choose another with --port, or stop what uses it") from None
    if address == listen:
        raise NasdipError(f"cannot listen on {address} ({error.strerror}): give an address of this machine") from None
    if address != "::1":  # a machine may lack IPv6
        raise NasdipError(f"cannot use port {port} ({error.strerror}): choose another with --port") from None


def _places(address: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except OSError:
        if address == "::1":
            return []
        raise NasdipError(f"{address} is not an address of this machine: check its spelling") from None


def _resolved(host: str) -> Iterator[str]:
    """Yield the addresses of a machine."""
    if not host:
        return
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        raise NasdipError(f"cannot find machine {host}: check its spelling") from None
    yield from dict.fromkeys(str(item[4][0]) for item in found)


def _tell_risk(listen: str, allowed: Sequence[str]) -> None:
    where = "every address of this machine" if listen in ("0.0.0.0", "::") else listen
    who = ", ".join(dict.fromkeys(allowed)) or "no machine so far: name some with --allow"
    note(
        f"nasdip: RISK: NNI's manager will listen on {where}, without a password and without encryption. Whoever "
        "controls, or pretends to be, one of the allowed machines can act as a worker: read the search's "
        "parameters and results, and feed it false ones. Whoever sits between can read all of that.\n"
        f"nasdip: allowed machines: {who}; all others are refused. The portal stays on this machine alone."
    )
