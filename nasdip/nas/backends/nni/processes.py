"""The processes of this user, read from /proc."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


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
    """Yield the live processes that this user may look into, but for this one; none where there is no /proc."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
            command, variables = _strings(folder / "cmdline"), _strings(folder / "environ")
        except OSError:  # another user's, or it ended meanwhile
            continue
        if state not in "ZX" and int(folder.name) != os.getpid():
            yield Process(int(folder.name), command, dict(item.split("=", 1) for item in variables if "=" in item))


def _strings(path: Path) -> list[str]:
    return path.read_bytes().decode(errors="replace").split("\0")
