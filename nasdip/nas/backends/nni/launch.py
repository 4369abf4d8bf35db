"""Runs nnictl with the guard around NNI's manager.

Workers import this module to find their own guard, so it imports neither NNI nor anything heavy.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

GUARD = Path(__file__).resolve().with_name("guard.cjs")
"""The preload for NNI's Node processes; what it does stands at its head."""

COMMAND = "NASDIP_NNI_COMMAND"
"""The environment variable that tells the tuner by which command the search was started, for the record."""

_NNICTL = "import sys; from nni.tools.nnictl.nnictl import parse_args; sys.argv[0] = 'nnictl'; sys.exit(parse_args())"


def environment(listen: str | None = None, allow: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment in which whatever NNI starts is guarded.

    `listen` is an address beside loopback on which the manager listens, `allow` the addresses of the machines that may
    connect workers to it. Trial commands find this Python first.
    """
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NASDIP_NNI_")}
    require = f'--require="{_escaped(str(GUARD))}"'
    options = variables.get("NODE_OPTIONS", "")
    if require not in options:
        variables["NODE_OPTIONS"] = f"{options} {require}".strip()
    if listen is not None:
        variables["NASDIP_NNI_LISTEN"] = listen
        variables["NASDIP_NNI_ALLOW"] = ",".join(allow)
    own = str(Path(sys.executable).parent)
    places = [place for place in variables.get("PATH", os.defpath).split(os.pathsep) if place != own]
    variables["PATH"] = os.pathsep.join([own, *places])
    return variables


def run(arguments: Sequence[str], listen: str | None = None, allow: Sequence[str] = ()) -> NoReturn:
    """Become nnictl, guarded: its exit code is this process's."""
    sys.stdout.flush()
    sys.stderr.flush()
    # -P: a file named like a module in the working folder is not imported, as with the nnictl script.
    # nnictl warns about its own import of pkg_resources, which is nothing that its user could mend.
    command = [sys.executable, "-P", "-W", "ignore:pkg_resources:UserWarning", "-c", _NNICTL, *arguments]
    allowed = [word for address in allow for word in ("--allow", address)]
    words = ["nasdip", "nnictl", *(["--listen", listen] if listen else []), *allowed, *arguments]
    os.execve(sys.executable, command, environment(listen, allow) | {COMMAND: shlex.join(words)})


def mark_stopped(experiment: str) -> None:
    """Set an experiment's status in nnictl's list to STOPPED, which nnictl demands for resuming it."""
    from nni.tools.nnictl.config_utils import Experiments

    Experiments().update_experiment(experiment, "status", "STOPPED")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
