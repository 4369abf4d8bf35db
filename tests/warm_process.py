"""Python processes of tests that start warm.

A process that has imported torch and nasdip forks them, which spares each the seconds that importing takes. They are
processes like others, with an id, a session, files and an exit code of their own. Children of nasdip's own
(`nasdip.child_process`) start so in all tests, also those of processes that started so.
"""

import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO

from quick_reference import use_quick_reference

QUICK = "NASDIP_TESTS_QUICK"  # set where the estimate without a network is to take little time in them too
_NUMBER = struct.Struct("<i")
# Which bring what they need; nasdip by itself brings nearly nothing.
_IMPORTED = ("nasdip.api", "nasdip.nas.backends.worker", "nasdip.compare.runner", "nasdip.baselines.classical")


class WarmProcess:
    """A process that forks children on demand.

    Parameters
    ----------
    address : Path
        Of its socket; no more than about 100 bytes long.
    runs : bool
        Whether it is there already.
    """

    def __init__(self, address: Path, *, runs: bool = False) -> None:
        self._address, self._runs = address, runs
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, code: str, stderr: int = 2) -> "WarmChild":
        """Start a child that runs code, as `nasdip.child_process` starts one; `stderr` is a file's number."""
        with self._lock:
            if not self._runs:  # not before it is needed: many runs of tests have no children
                command = [sys.executable, __file__, str(self._address)]
                self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                assert self._process.stdout is not None
                self._process.stdout.readline()
                self._runs = True
        return WarmChild(self._address, code, stderr)

    def end(self) -> None:
        """End it; children that are left go on."""
        if self._process is not None:
            self._process.communicate()


class WarmChild:
    """A forked child: the part of `subprocess.Popen` that `nasdip.child_process` uses."""

    def __init__(self, address: Path, code: str, stderr: int) -> None:
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        body = json.dumps({"code": code, "cwd": os.getcwd(), "environ": dict(os.environ)}).encode()
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(str(address))
        socket.send_fds(self._line, [_NUMBER.pack(len(body))], [theirs_in, theirs_out, stderr])
        self._line.sendall(body)
        os.close(theirs_in)
        os.close(theirs_out)
        self.stdin: IO[bytes] = os.fdopen(ours_in, "wb")
        self.stdout: IO[bytes] = os.fdopen(ours_out, "rb")
        self.returncode: int | None = None
        (self.pid,) = _NUMBER.unpack(self._line.recv(_NUMBER.size, socket.MSG_WAITALL))

    def __enter__(self) -> "WarmChild":
        return self

    def __exit__(self, *_: object) -> None:
        self.stdin.close()
        self.stdout.close()
        self.wait()

    def poll(self) -> int | None:
        """Return its exit code, minus the number of the signal that ended it; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                said = self._line.recv(_NUMBER.size)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("a warm child", timeout or 0) from None
            (self.returncode,) = _NUMBER.unpack(said)
            self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, where it still runs."""
        self.send_signal(signal.SIGKILL)


def _serve(address: str) -> None:
    """Fork children until standard input ends."""
    from nasdip.process import prepare

    prepare()
    from nasdip import child_process

    for name in _IMPORTED:
        importlib.import_module(name)
    child_process._start = WarmProcess(Path(address), runs=True).start  # type: ignore[assignment]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for the children
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        os.write(1, b"ready\n")
        while door in select.select([door, 0], [], [])[0] or os.read(0, 1):
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _wait_for_child(line)
            line.close()


def _wait_for_child(line: socket.socket) -> None:
    """Fork a child, say its id, and its exit code when it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    start, files, _, _ = socket.recv_fds(line, _NUMBER.size, 3)
    (length,) = _NUMBER.unpack(start)
    request = json.loads(line.recv(length, socket.MSG_WAITALL))
    pid = os.fork()
    if pid == 0:
        line.close()
        _run(request, files)
    for file in files:
        os.close(file)
    line.sendall(_NUMBER.pack(pid))
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # nobody wants to know any more
        line.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _run(request: dict, files: list[int]) -> None:  # type: ignore[type-arg]
    code = 1
    try:
        os.setsid()
        for number, file in enumerate(files):
            os.dup2(file, number)
        for file in files:
            os.close(file)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environ"])
        if QUICK in os.environ:
            use_quick_reference()
        exec(request["code"], {"__name__": "__main__"})
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
