"""Processes that evaluate trials beside each other, each kept for the whole search."""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Any

from nasdip.errors import NasdipError
from nasdip.search.evaluation import Job
from nasdip.search.run_folder import RunFolder
from nasdip.search.trial_result import TrialResult
from nasdip.search.worker import greeting

_log = logging.getLogger("nasdip")
_END_SECONDS = 5.0
_CHUNK = 2**16


class OtherOperations(NasdipError):
    """Workers know other operations than this process, which must then evaluate the trials itself."""


class Workers:
    """Processes that evaluate the trials of a run; to be used as a context, which ends them.

    They start when the first trials come. A trial whose process dies (killed, out of memory) is tried once more, in
    a new one, and fails where that dies too. They end with this process, however that ends.

    Parameters
    ----------
    folder : RunFolder
        Of a run that was started.
    devices : sequence of str
        Of each process: cpu, cuda:0, ...
    """

    def __init__(self, folder: RunFolder, devices: Sequence[str]) -> None:
        self._folder = folder
        self._vacant = list(devices)
        self._workers: list[_Worker] = []
        self._died: set[int] = set()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.end()

    @property
    def is_free(self) -> bool:
        """Whether another trial can begin now."""
        return bool(self._vacant) or any(worker.job is None for worker in self._workers)

    def submit(self, job: Job) -> None:
        """Begin a trial in a process that is idle, or in a new one."""
        idle = next((worker for worker in self._workers if worker.job is None), None)
        (idle or self._start()).begin(job)

    def wait(self) -> TrialResult:
        """Return the result of the trial that ends next."""
        while True:
            for worker in self._telling():
                result = self._hear(worker)
                if result is not None:
                    return result

    def _start(self) -> "_Worker":
        worker = _Worker(self._folder, self._vacant.pop(0))
        self._workers.append(worker)
        return worker

    def _telling(self) -> "list[_Worker]":
        """Return the busy workers that have something to tell, or have died; wait for the first."""
        busy = [worker for worker in self._workers if worker.job is not None]
        with selectors.DefaultSelector() as selector:
            for worker in busy:
                selector.register(worker.output, selectors.EVENT_READ, worker)
            return [worker for worker in busy if worker.has_more] or [key.data for key, _ in selector.select()]

    def _hear(self, worker: "_Worker") -> TrialResult | None:
        message = worker.hear()
        if message is None:
            return self._after_death(worker)
        if not worker.greeted:
            worker.greeted = True
            _check_operations(message)
            return None
        worker.job = None
        return TrialResult.from_json(message)

    def _after_death(self, worker: "_Worker") -> TrialResult | None:
        """Try the trial of a worker that died once more; return its failure where it was tried twice."""
        job = worker.job
        assert job is not None
        worker.end()
        self._workers.remove(worker)
        self._vacant.append(worker.device)
        if not worker.greeted and not worker.was_killed:
            raise NasdipError(f"a process for trials {worker.cause()} before it was ready: search with parallel 1")
        number, architecture, diagnostics = job.suggestion
        if number in self._died:
            return TrialResult.failed(number, architecture, f"its process {worker.cause()}, twice", diagnostics)
        self._died.add(number)
        _log.warning("the process of trial %d %s: trying once more", number, worker.cause())
        self._start().begin(job)
        return None


class _Worker:
    """One process, and the trial that it evaluates."""

    def __init__(self, folder: RunFolder, device: str) -> None:
        # With this process's module path, like multiprocessing's spawn, but without importing its main module again.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            f"from nasdip.search.worker import main; main({str(folder.path.resolve())!r}, {device!r})"
        )
        # A session of its own: Ctrl-C in a terminal is for the process that searches, which ends its workers.
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.device = device
        self.job: Job | None = None
        self.greeted = False
        self._heard = b""

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
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self.output.close()
        with suppress(BrokenPipeError):  # a job that it did not read
            self._process.stdin.close()

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it."""
        return self._process.returncode < 0

    def cause(self) -> str:
        """Return how it died, in words."""
        code = self._process.returncode
        if code >= 0:
            return f"ended with exit code {code} (see its message above)"
        return f"was killed by {signal.Signals(-code).name} (by the system for want of memory, or by a person)"


def _check_operations(theirs: dict[str, Any]) -> None:
    unknown = sorted(name for name, origin in greeting().items() if theirs.get(name) != origin)
    if unknown:
        raise OtherOperations(f"processes for trials do not know {', '.join(unknown)} of this program")
