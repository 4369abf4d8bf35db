"""Which sockets listen, and which processes live."""

import os
import socket
import subprocess
import sys
import time

import pytest

from nasdip.nas.backends.nni.ports import Listener, listeners_of, listening
from nasdip.nas.backends.nni.processes import own_processes


@pytest.mark.parametrize(
    ("family", "address", "seen", "is_loopback"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1:", True),
        (socket.AF_INET, "0.0.0.0", "0.0.0.0:", False),
        (socket.AF_INET6, "::", "[::]:", False),
        (socket.AF_INET6, "::ffff:127.0.0.1", "127.0.0.1:", True),
    ],
)
def test_listening_sockets_are_found_by_port_and_by_process(family, address, seen, is_loopback):
    with socket.socket(family) as listener, socket.socket() as bound:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, 0))
        listener.listen()
        bound.bind(("127.0.0.1", 0))
        port, silent = listener.getsockname()[1], bound.getsockname()[1]
        (found,) = listening(port)
        assert (str(found), found.is_loopback) == (f"{seen}{port}", is_loopback)
        assert found in listeners_of(os.getpid())
        assert listening(silent) == []
    assert Listener(found.address, port) not in listeners_of(os.getpid())


def test_live_processes_are_seen_with_command_and_environment():
    code = "import time; print(1, flush=True); time.sleep(60)"
    environment = {**os.environ, "NASDIP_TEST": "a=b", "NASDIP_EMPTY": ""}
    with subprocess.Popen([sys.executable, "-c", code, "--flag", "", "word"], env=environment, stdout=-1) as child:
        child.stdout.readline()
        (found,) = (process for process in own_processes() if process.pid == child.pid)
        assert found.command[1:] == ["-c", code, "--flag", "", "word"]
        assert (found.environment["NASDIP_TEST"], found.environment["NASDIP_EMPTY"]) == ("a=b", "")
        assert (found.option("--flag"), found.option("word"), found.is_manager) == ("", "", False)
        child.kill()
        time.sleep(0.2)  # dead, and not waited for yet
        assert child.pid not in {process.pid for process in own_processes()}
    assert listeners_of(child.pid) == []
    assert os.getpid() not in {process.pid for process in own_processes()}
