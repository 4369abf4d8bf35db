"""A process of `nasdip.nas.backends.subprocesses.worker`, seen from the one that searches."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import IO, Any

from nasdip.nas.backends.in_process import Job
from nasdip.records.run_folder import RunFolder

_END_SECONDS = 5.0
_CHUNK = 2**16


class WorkerProcess:
    """One process, and the trial that it evaluates.

    Parameters
    ----------
    folder : RunFolder
        Of a run that was started.
    device : str
        Where it fits: cpu, cuda:0, ...

    Attributes
    ----------
    job : Job or None
        What it evaluates now.
    greeted : bool
        Whether its greeting was heard.

    Raises
    ------
    OSError
        Where the system starts no process.
    """

    def __init__(self, folder: RunFolder, device: str) -> None:
        # With this process's module path, like multiprocessing's spawn, but without importing its main module again.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from nasdip.nas.backends.subprocesses.worker import main\n"
            f"main({str(folder.path.resolve())!r}, {device!r})"
        )
        # A session of its own: Ctrl-C in a terminal is for the process that searches, which ends its workers.
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.device = device
        self.job: Job | None = None
        self.greeted = False
        self._heard = b""
        self._code: int | None = None

    @property
    def output(self) -> IO[bytes]:
        """Where its results come from."""
        assert self._process.stdout is not None
        return self._process.stdout

    def begin(self, job: Job) -> None:
        """Let it evaluate a trial."""
        self.job = job
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died, which its output tells too
            self._process.stdin.write(json.dumps(job.to_json()).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def has_more(self) -> bool:
        """Whether it has said more than was heard."""
        return b"\n" in self._heard

    def hear(self) -> dict[str, Any] | None:
        """Return the next that it says; None where it has died."""
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
        """End it at once: it writes no files."""
        self._code = self._process.poll()
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self.output.close()
        with suppress(BrokenPipeError):  # a job that it did not read
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
        return f"was killed by {_signal_name(-self._code)} (by the system for want of memory, or by a person)"


def _signal_name(number: int) -> str:
    """Return the name of a signal; most real-time ones have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
