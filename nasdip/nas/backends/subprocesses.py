"""Trials in processes beside each other, each kept for the whole search."""

import logging
import selectors
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from nasdip.child_process import ChildProcess
from nasdip.errors import NasdipError
from nasdip.nas.backends.backend import TrialJob
from nasdip.nas.backends.worker import greeting
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult

_log = logging.getLogger("nasdip")


class Worker(ChildProcess):
    """One process, its device, the trial that it evaluates now, and whether its greeting was heard."""

    def __init__(self, folder: RunFolder, device: str) -> None:
        super().__init__("nasdip.nas.backends.worker:evaluate_all", str(folder.path.resolve()), device)
        self.device = device
        self.job: TrialJob | None = None
        self.greeted = False

    def begin(self, job: TrialJob) -> None:
        """Let it evaluate a trial."""
        self.job = job
        self.tell(job.to_json())


class OtherOperations(NasdipError):
    """Workers know other operations than this process, which must then evaluate the trials itself."""


class SubprocessBackend:
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
        self._workers: list[Worker] = []
        self._died: set[int] = set()

    def __enter__(self) -> "SubprocessBackend":
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

    def submit(self, job: TrialJob) -> None:
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

    def _start(self) -> Worker:
        try:
            worker = Worker(self._folder, self._vacant[0])
        except OSError as error:
            raise NasdipError(f"cannot start a process for trials ({error.strerror}): search with parallel 1") from None
        del self._vacant[0]
        self._workers.append(worker)
        return worker

    def _telling(self) -> list[Worker]:
        """Return the busy workers that have something to tell, or have died; wait for the first."""
        busy = [worker for worker in self._workers if worker.job is not None]
        with selectors.DefaultSelector() as selector:
            for worker in busy:
                selector.register(worker.output, selectors.EVENT_READ, worker)
            return [worker for worker in busy if worker.has_more] or [key.data for key, _ in selector.select()]

    def _hear(self, worker: Worker) -> TrialResult | None:
        message = worker.hear()
        if message is None:
            return self._after_death(worker)
        if not worker.greeted:
            worker.greeted = True
            _check_operations(message)
            return None
        worker.job = None
        return TrialResult.from_json(message)

    def _after_death(self, worker: Worker) -> TrialResult | None:
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


def _check_operations(theirs: dict[str, Any]) -> None:
    unknown = sorted(name for name, origin in greeting().items() if theirs.get(name) != origin)
    if unknown:
        raise OtherOperations(f"processes for trials do not know {', '.join(unknown)} of this program")
