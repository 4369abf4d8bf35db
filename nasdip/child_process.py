"""Processes of this program's own, for trials and comparisons: JSON objects to and fro, one a line.

A child gets messages on standard input and answers on what was standard output when it started; whatever else is
printed in it goes to standard error. It ends when its input does, in the middle of work too: it does not outlive the
process that started it.
"""

import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

_END_SECONDS = 5.0
_CHUNK = 2**16
_CRASHES = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV")


class ChildProcess:
    """A child, seen from the process that starts it.

    Parameters
    ----------
    place : str
        Module and function that the child runs, "module:function"; it is called with a `Connection` and the arguments.
    arguments : str
        For that function.

    Raises
    ------
    OSError
        Where the system starts no process.
    """

    def __init__(self, place: str, *arguments: str) -> None:
        # With this process's module path, like multiprocessing's spawn, but without importing its main module again.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            f"from nasdip.child_process import serve; serve({place!r}, *{arguments!r})"
        )
        self._process = _start(code)
        self._heard = b""
        self._code: int | None = None

    @property
    def output(self) -> IO[bytes]:
        """Where its messages come from; for waiting until there is one."""
        assert self._process.stdout is not None
        return self._process.stdout

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send it a message."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died, which its output tells too
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def has_more(self) -> bool:
        """Whether it has said more than was heard."""
        return b"\n" in self._heard

    def hear(self) -> dict[str, Any] | None:
        """Return its next message, waiting for it; None where it has died."""
        while not self.has_more:
            said = os.read(self.output.fileno(), _CHUNK)
            if not said:
                with suppress(subprocess.TimeoutExpired):  # its end comes a moment after that of its output
                    self._process.wait(_END_SECONDS)
                return None
            self._heard += said
        line, _, self._heard = self._heard.partition(b"\n")
        return dict(json.loads(line))

    def end(self) -> None:
        """End it at once: it writes no files that are not whole."""
        self._code = self._process.poll()
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self.output.close()
        with suppress(BrokenPipeError):  # a message that it did not read
            self._process.stdin.close()

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it before `end` did."""
        return self._code is not None and self._code < 0

    def cause(self) -> str:
        """Return how it died, in words; after `end`."""
        if self._code is None:
            return "closed its output without ending"
        if self._code >= 0:
            return f"ended with exit code {self._code} (see its message above)"
        name = _signal_name(-self._code)
        if name in _CRASHES:
            return f"crashed ({name})"
        return f"was killed by {name} (by the system for want of memory, or by a person)"


def _start(code: str) -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl-C in a terminal is for the process that starts it, which ends it.
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )


def _signal_name(number: int) -> str:
    """Return the name of a signal; most real-time ones have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Connection:
    """The process that started this one, seen from here."""

    def __init__(self) -> None:
        self._output = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        self._output.write(json.dumps(message) + "\n")
        self._output.flush()

    def hear(self) -> dict[str, Any]:
        """Return the next message, waiting for it."""
        return dict(json.loads(self._lines.get()))

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(0, _CHUNK):  # not sys.stdin, whose lock it would hold while this process ends
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._lines.put(line)
        os._exit(0)


def serve(place: str, *arguments: str) -> None:
    """Run a child's function until it returns; an error goes to standard error, and to exit code 1."""
    import traceback

    from nasdip.process import prepare

    connection = Connection()
    try:
        prepare()
        module, _, name = place.partition(":")
        function: Callable[..., None] = getattr(importlib.import_module(module), name)
        function(connection, *arguments)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # the thread that reads would make a crash of an ordinary end
