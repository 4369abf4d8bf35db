"""A method's process of its own, seen from the comparison."""

import json
from collections.abc import Callable
from pathlib import Path

from nasdip.child_process import ChildProcess
from nasdip.compare.methods import Method


def run_method(folder: Path, method: Method, tell: Callable[[int, int, str], None]) -> str | None:
    """Run a method on the picture of the comparison in `folder`; return why it failed, None where it did not.

    Parameters
    ----------
    folder : Path
        Of a comparison that was started; the result is there when this returns.
    tell : callable
        Called with what is done, of how much, and a few words.
    """
    try:
        process = ChildProcess("nasdip.compare.worker:run", str(folder.resolve()), json.dumps(method._asdict()))
    except OSError as error:
        return f"its process cannot be started ({error.strerror}): free some memory"
    try:
        while (message := process.hear()) is not None:
            if "failed" in message:
                return str(message["failed"])
            if "finished" in message:
                return None
            tell(message["done"], message["total"], message["words"])
    finally:
        process.end()
    return f"its process {process.cause()}"
