"""A method's process of its own, seen from the comparison. No torch here."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from nasdip.compare.methods import Method

_END_SECONDS = 60.0  # for the end of a process that has said its last


def run_method(folder: Path, method: Method, tell: Callable[[int, int, str], None]) -> str | None:
    """Run a method on the picture of the comparison in `folder`; return why it failed, None where it did not.

    Parameters
    ----------
    folder : Path
        Of a comparison that was started; the result is there when this returns.
    tell : callable
        Called with what is done, of how much, and a few words.
    """
    # With this process's module path, like multiprocessing's spawn, but without importing its main module again.
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"from nasdip.compare.worker import main; main({str(folder.resolve())!r}, {method._asdict()!r})"
    )
    # A session of its own: Ctrl-C in a terminal is for this process, which ends the other one.
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        return f"its process cannot be started ({error.strerror}): free some memory"
    try:
        return _follow(process, tell)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def _follow(process: "subprocess.Popen[bytes]", tell: Callable[[int, int, str], None]) -> str | None:
    assert process.stdout is not None
    for line in process.stdout:
        try:
            message = json.loads(line)
        except ValueError:  # cut off by its death
            break
        if "failed" in message:
            return str(message["failed"])
        if "finished" in message:
            return None
        tell(message["done"], message["total"], message["words"])
    try:
        return _death(process.wait(_END_SECONDS))
    except subprocess.TimeoutExpired:
        return "its process does not answer"


def _death(code: int) -> str:
    """Return how a process died that did not say so."""
    if code >= 0:
        return f"its process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # most real-time signals have no name
        name = f"signal {-code}"
    if name in ("SIGKILL", "SIGTERM"):
        return f"its process was killed by {name} (by the system for want of memory, or by a person)"
    return f"its process crashed ({name})"
