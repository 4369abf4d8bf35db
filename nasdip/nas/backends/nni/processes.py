"""The processes of this user."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import psutil

_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


class Process(NamedTuple):
    """A live process: its number, its command and its environment."""

    pid: int
    command: list[str]
    environment: dict[str, str]

    @property
    def is_manager(self) -> bool:
        """Whether it is a manager of NNI."""
        return any(word.endswith("nni_node/main.js") for word in self.command)

    def option(self, name: str) -> str:
        """Return the word after `name` in the command; nothing where there is none."""
        return self.command[self.command.index(name) + 1] if name in self.command[:-1] else ""


def own_processes() -> Iterator[Process]:
    """Yield the live processes that this user may look into, but for this one."""
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        command, environment = process.info["cmdline"], process.info["environ"]  # None: another user's
        if None not in (command, environment) and process.info["status"] not in _ENDED and process.pid != os.getpid():
            yield Process(process.pid, command, environment)
