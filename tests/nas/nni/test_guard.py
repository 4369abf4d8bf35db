"""The guard around NNI's manager, against real managers and sockets; what stock NNI does stands beside it."""

import base64
import getpass
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nni_process import (
    RANDOM_SEARCH,
    RunningExperiment,
    free_port,
    kill_all,
    nni_experiment,
    nnictl,
    processes_of,
    wait_until,
)

from nasdip.nas.backends.nni.launch import GUARD, environment
from nasdip.nas.backends.nni.ports import listeners_of, listening

PORTS = range(18100, 18150)
TRIALS = 12
NOBODY = 65534

# Every fourth trial dies before it asks for its parameters; the others write down what they got.
TRIAL = """
import json, os, sys
from pathlib import Path
if int(os.environ["NNI_TRIAL_SEQ_ID"]) % 4 == 1:
    sys.exit(1)
import nni
got = nni.get_next_parameter()
if isinstance(got.get("x"), float):
    Path(f"got-{os.environ['NNI_TRIAL_JOB_ID']}.json").write_text(json.dumps(got))
    nni.report_final_result(got["x"])
"""


def started(folder: Path, guarded: bool, **settings: object) -> Iterator[RunningExperiment]:
    folder.mkdir(exist_ok=True)
    (folder / "trial.py").write_text(TRIAL)
    config = {**RANDOM_SEARCH, "trialCommand": f"exec {sys.executable} trial.py", **settings}
    with nni_experiment(folder, config, PORTS, guarded=guarded) as experiment:
        wait_until(experiment.trials, 30, "the first trial")
        yield experiment


def request_text(method: str, path: str, headers: dict[str, str | None], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items() if v is not None)]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def answer(address: str, port: int, request: bytes) -> tuple[int, str]:
    """Send a request as it stands; return the status and the rest of what comes first."""
    with socket.create_connection((address, port), timeout=20) as connection:
        connection.sendall(request)
        text = connection.recv(65536).decode(errors="replace")
        while "\r\n\r\n" not in text and (more := connection.recv(65536)):
            text += more.decode(errors="replace")
        if text.endswith("\r\n\r\n") and "Upgrade" not in text:
            text += connection.recv(65536).decode(errors="replace")
    return int(text.split()[1]), text


def send(
    experiment: RunningExperiment, method: str, path: str, body: object = None, **headers: str | None
) -> tuple[int, str]:
    """Send a request to the manager by loopback; `headers` in Python's spelling replace or add to the usual ones."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    usual: dict[str, str | None] = {"Host": f"localhost:{experiment.port}", "Connection": "close"}
    usual["Content-Type"] = "application/json" if raw else None
    given = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return answer("127.0.0.1", experiment.port, request_text(method, path, {**usual, **given}, raw))


def upgrade(experiment: RunningExperiment, path: str, **headers: str | None) -> tuple[int, str]:
    key = {"upgrade": "websocket", "connection": "Upgrade", "sec_websocket_version": "13"}
    return send(experiment, "GET", path, sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==", **{**key, **headers})


def status_request(host: str) -> bytes:
    return request_text("GET", "/api/v1/nni/check-status", {"Host": host, "Connection": "close"})


def other_address() -> str:
    """An IPv4 address of this machine which is not loopback; no packet is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address: str = sock.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address


def as_nobody(port: int, request: bytes, wait: bool = True) -> str:
    """Send a request as another user of this machine; return the first line of the answer."""
    if os.getuid() != 0:
        pytest.skip("only root can act as another user of this machine")
    script = f"""
import encodings.idna, os, socket
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
connection = socket.create_connection(("127.0.0.1", {port}), timeout=20)
connection.sendall({request!r})
if {wait}:
    print(connection.recv(65536).decode().splitlines()[0])
connection.close()
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Payload:
    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self):
        return exec, (self.code,)


def pickled(mark: Path) -> dict[str, str]:
    """What NNI decodes by unpickling: here it adds the command of the process that does to the file `mark`."""
    code = f"open({str(mark)!r}, 'ab').write(open('/proc/self/cmdline', 'rb').read())"
    return {"__nni_obj__": base64.b64encode(pickle.dumps(Payload(code))).decode()}


def metric(value: str) -> dict[str, str]:
    """What a trial sends: JSON in JSON."""
    inner = {"parameter_id": 0, "trial_job_id": "nobody", "type": "FINAL", "sequence": 0, "value": value}
    return {"type": "metric", "metric": json.dumps(inner)}


SITES = {
    "a name of another site": {"host": "attacker.example"},
    "a name of another site with our port": {"host": "localhost.attacker.example:8080"},
    "an address of another machine": {"host": "203.0.113.7"},
    "no Host": {"host": None},
    "another Origin": {"origin": "http://attacker.example"},
    "an Origin on another port": {"origin": "http://localhost:1"},
    "an opaque Origin": {"origin": "null"},
    "a cross-site request": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
    "another port's site": {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"},
    "a frame in another site": {
        "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe",
    },
}  # fmt: skip


@pytest.fixture(scope="class")
def guarded(tmp_path_factory):
    yield from started(tmp_path_factory.mktemp("guarded"), True, maxTrialNumber=TRIALS, trialConcurrency=4)


@pytest.fixture(scope="class")
def stock(tmp_path_factory):
    yield from started(tmp_path_factory.mktemp("stock"), False, maxTrialNumber=100)


@pytest.mark.nni
class TestGuarded:
    def test_it_listens_on_loopback_alone(self, guarded):
        address = other_address()
        with pytest.raises(ConnectionRefusedError):
            answer(address, guarded.port, status_request(f"{address}:{guarded.port}"))
        assert answer("127.0.0.1", guarded.port, status_request("127.0.0.1"))[0] == 200

    @pytest.mark.parametrize(
        "path", ["/netron/", "/NETRON/x", "/%6eetron/", "//netron", "http://127.0.0.1/netron/", "/%"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_it_relays_no_web_site(self, guarded, method, path):
        assert answer("127.0.0.1", guarded.port, request_text(method, path, {"Host": "127.0.0.1"}))[0] in (400, 403)

    def test_it_starts_no_tensorboard(self, guarded):
        for path in ("/api/v1/nni/tensorboard", "/API/v1/nni/Tensorboard/"):
            assert answer("127.0.0.1", guarded.port, request_text("POST", path, {"Host": "127.0.0.1"}))[0] == 403

    def test_nobody_else_can_listen_where_localhost_may_lead(self, guarded):
        if not Path("/proc/net/if_inet6").read_text().strip():
            pytest.skip("this machine has no IPv6")
        assert answer("::1", guarded.port, status_request(f"[::1]:{guarded.port}"))[0] == 200

    @pytest.mark.parametrize("case", SITES)
    def test_requests_of_web_sites_are_refused(self, guarded, case):
        status, text = send(guarded, "GET", "/api/v1/nni/check-status", **SITES[case])
        assert status == 403
        assert "RUNNING" not in text
        status, text = send(guarded, "PUT", "/api/v1/nni/experiment/cluster-metadata", {"a": 1}, **SITES[case])
        assert status == 403
        assert guarded.processes("manager")  # which that request would end

    @pytest.mark.parametrize("case", [case for case in SITES if case != "no Host"])
    @pytest.mark.parametrize("path", ["/tuner", "/platform/remote/1"])
    def test_websockets_of_web_sites_are_refused(self, guarded, path, case):
        status, text = upgrade(guarded, path, **SITES[case])
        assert status == 403
        assert "refused by nasdip's guard" in text

    @pytest.mark.parametrize(
        "headers",
        [
            {"host": "LOCALHOST"},
            {"host": "127.0.0.1"},
            {"host": "localhost:9000", "origin": "http://localhost:9000", "sec_fetch_site": "same-origin"},
            {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
            {"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
        ],
    )
    def test_the_portal_tunnels_and_links_work(self, guarded, headers):
        assert send(guarded, "GET", "/api/v1/nni/check-status", **headers)[0] == 200
        assert "<html" in send(guarded, "GET", "/", **headers)[1]

    def test_other_users_are_refused(self, guarded):
        assert "403" in as_nobody(guarded.port, status_request("localhost"))

    def test_other_users_who_hang_up_at_once_are_refused(self, guarded):
        data = json.dumps([{"parameter": {"x": 0.5}, "value": 1}]).encode()
        headers = {"Host": "localhost", "Content-Type": "application/json"}
        for _ in range(5):
            request = request_text("POST", "/api/v1/nni/experiment/import-data", headers, data)
            as_nobody(guarded.port, request, wait=False)
        assert guarded.get("experiment/imported-data") == []

    def test_pickled_objects_do_not_run(self, guarded, tmp_path):
        mark = tmp_path / "ran"
        payload = pickled(mark)
        text = json.dumps(payload)
        escaped = text.replace("_", "\\u005f")
        api = "/api/v1/nni/"
        attacks: list[tuple[str, str, object]] = [
            ("POST", f"{api}trial-jobs", {"x": payload}),
            ("POST", f"{api}trial-jobs", escaped.encode()),
            ("POST", f"{api}experiment/import-data", [{"parameter": {"x": 0.1}, "value": payload}]),
            ("POST", f"{api}experiment/import-data", [{"parameter": {"x": 0.1}, "value": text}]),
            ("PUT", f"{api}experiment?update_type=SEARCH_SPACE", {"params": {"searchSpace": {"x": payload}}}),
            ("PUT", "/env/local-env/nobody", metric(text)),
            ("PUT", "/env/local-env/nobody", metric(escaped)),
            ("PUT", "/env/local-env/nobody", metric(f'{{"default": NaN, "more": {escaped}}}')),
            ("PUT", "/env/local-env/nobody", metric(f'# {{"comment": \n {escaped}')),
            ("PUT", "/env/local-env/nobody", metric('{"__symbol__": "path:os.system", "__args__": ["true"]}')),
            ("PUT", "/env/local-env/nobody", metric('{"__instance_type__": ["os", "system"]}')),
            ("PUT", "/env/local-env/nobody", metric('{"__ndarray__": "a", "dtype": "memmap", "shape": []}')),
            ("PUT", "/env/local-env/nobody", metric('[1, # \n {"__ndarray__": "a", "dtype": "load", "shape": []}]')),
            ("PUT", "/env/local-env/nobody", metric("[" * 50_000 + "]" * 50_000)),
        ]
        for method, path, body in attacks:
            status, answered = send(guarded, method, path, body)
            assert (status, "serialized Python objects" in answered) == (400, True), (path, str(body)[:200])
        status, answered = send(
            guarded, "POST", f"{api}trial-jobs", text.encode("utf-16-le"),
            content_type="application/json; charset=utf-16le",
        )  # fmt: skip
        assert (status, "utf-16le" in answered) == (400, True)
        assert not mark.exists()
        assert guarded.processes("tuner")

    @pytest.mark.parametrize(
        "value",
        [
            "0.5",
            '{"default": NaN, "least": -Infinity, "note": "File __init__.py, in __enter__"}',
            '{"default": {"__ndarray__": 1.5, "dtype": "float64", "shape": []}}',
            '{"default": {"__ndarray__": NaN, "dtype": "float32", "shape": []}}',
            '{"curve": {"__ndarray__": [1, 2], "dtype": "float32", "shape": [2], "Corder": true}}',
            '"a } text { which is [ no JSON"',
        ],
    )
    def test_what_trials_report_passes(self, guarded, value):
        assert send(guarded, "PUT", "/env/local-env/nobody", metric(value))[0] == 200

    def test_the_tuner_learns_that_all_is_in_place(self, guarded):
        (tuner,) = guarded.processes("tuner")
        assert b"NASDIP_NNI_GUARD=1" in Path(f"/proc/{tuner.pid}/environ").read_bytes().split(b"\0")

    def test_every_trial_gets_its_own_parameters(self, guarded):
        assert guarded.wait_for("DONE", "ERROR") == "DONE"
        trials = guarded.trials()
        recorded = {t["trialJobId"]: json.loads(t["hyperParameters"][0])["parameters"] for t in trials}
        folder = guarded.home.parent
        got = {name: json.loads(p.read_text()) for name in recorded if (p := folder / f"got-{name}.json").exists()}
        assert [t["status"] for t in trials].count("FAILED") == TRIALS // 4
        assert len(recorded) == TRIALS
        assert len(got) == TRIALS - TRIALS // 4
        assert {name: recorded[name] for name in got} == got

    def test_each_kind_of_refusal_is_logged_once(self, guarded):
        lines = [line for line in guarded.log().splitlines() if line.startswith("nasdip guard:")]
        assert lines
        assert len({line.split(":")[2][:12] for line in lines}) == len(lines)
        assert any("Host" in line for line in lines)

    def test_it_stops(self, guarded):
        assert guarded.nnictl("stop", guarded.id).returncode == 0
        wait_until(lambda: not guarded.processes(), 20, "the end of all processes")


@pytest.mark.nni
class TestStock:
    """What the guard is for: the same requests without it. Should one of these fail, NNI has mended it."""

    def test_it_answers_on_another_address(self, stock):
        address = other_address()
        assert answer(address, stock.port, status_request(f"{address}:{stock.port}"))[0] == 200

    @pytest.mark.parametrize("case", [case for case in SITES if case != "no Host"])
    def test_it_answers_web_sites(self, stock, case):
        assert send(stock, "GET", "/api/v1/nni/check-status", **SITES[case])[0] == 200

    def test_it_answers_other_users(self, stock):
        assert "200" in as_nobody(stock.port, status_request("localhost"))

    def test_a_pickled_object_runs_in_a_trial(self, stock, tmp_path):
        mark = tmp_path / "ran"
        assert send(stock, "POST", "/api/v1/nni/trial-jobs", {"x": pickled(mark)})[0] == 200
        # In the tuner too, which hears of it first.
        wait_until(lambda: mark.exists() and b"trial.py" in mark.read_bytes(), 60, "the attack by trial-jobs")

    def test_a_pickled_object_runs_in_the_tuner(self, stock, tmp_path):
        mark = tmp_path / "ran"
        data = [{"parameter": {"x": 0.1}, "value": pickled(mark)}]
        assert send(stock, "POST", "/api/v1/nni/experiment/import-data", data)[0] == 200
        wait_until(mark.exists, 60, "the attack by import-data")
        assert b"--exp_params" in mark.read_bytes()

    def test_its_tuner_is_not_told_of_a_guard(self, stock):
        (tuner,) = stock.processes("tuner")
        assert b"NASDIP_NNI_GUARD=1" not in Path(f"/proc/{tuner.pid}/environ").read_bytes().split(b"\0")

    def test_a_web_site_can_take_the_tuners_channel(self, stock):  # the last: the experiment does not survive it
        assert upgrade(stock, "/tuner", origin="http://attacker.example")[0] == 101


def run_node(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    import nni_node

    node = Path(next(iter(nni_node.__path__))) / "node"
    return subprocess.run(
        [str(node), str(script), *arguments], env=environment(), capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("place", ["nni_node/main.js", "nni_node/common/trial_keeper/main.js"])
def test_another_nni_does_not_start(tmp_path, place):
    script = tmp_path / place
    script.parent.mkdir(parents=True)
    script.write_text("require('http').createServer().listen(18149, () => { console.log('started'); process.exit() })")
    done = run_node(script)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("nasdip guard: this NNI is not the one it was made for")


def test_a_changed_nni_does_not_start(tmp_path):
    import nni_node

    installed = Path(next(iter(nni_node.__path__)))
    copy = tmp_path / "nni_node"
    shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("node", "static", "node_modules", "__pycache__"))
    (copy / "node_modules").symlink_to(installed / "node_modules")
    compat = copy / "training_service/v3/compat.js"
    compat.write_text(compat.read_text().replace("form.id && form.envId", "form.id"))
    done = run_node(copy / "main.js")
    assert done.returncode == 1
    assert "submitTrialJob" in done.stderr.splitlines()[0]


def test_other_programs_are_left_alone(tmp_path):
    script = tmp_path / "main.js"
    script.write_text(
        "const s = require('http').createServer().listen(0, () => { console.log(s.address().address); process.exit() })"
    )
    done = run_node(script)
    assert done.stdout.strip() in ("::", "0.0.0.0")
    assert done.stderr == ""


def test_a_folder_with_spaces_and_quotes(tmp_path, monkeypatch):
    guard = tmp_path / 'a "b" \\c' / "guard.cjs"
    guard.parent.mkdir()
    shutil.copy(GUARD, guard)
    shutil.copytree(GUARD.with_suffix(""), guard.with_suffix(""))
    monkeypatch.setattr("nasdip.nas.backends.nni.launch.GUARD", guard)
    script = tmp_path / "nni_node/main.js"
    script.parent.mkdir()
    script.write_text("console.log('started')")
    assert "nasdip guard:" in run_node(script).stderr


@pytest.mark.nni
def test_the_port_of_localhost_held_by_another_user(tmp_path):
    """Whoever holds the port on ::1 would be asked in the manager's place, so the manager does not start."""
    try:
        holder = socket.create_server(("::1", 18148), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with holder:
        (tmp_path / "trial.py").write_text(TRIAL)
        config = tmp_path / "config.yml"
        command = f"exec {sys.executable} trial.py"
        config.write_text(json.dumps({**RANDOM_SEARCH, "trialCommand": command, "trialCodeDirectory": str(tmp_path)}))
        done = nnictl(tmp_path / "home", "create", "--config", config, "--port", 18148)
    assert done.returncode == 2
    assert "port 18148 is in use" in done.stderr
    assert not processes_of(tmp_path / "home")


@pytest.fixture
def worker(tmp_path):
    """An ssh server on loopback, as NNI's configuration describes a machine."""
    server = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if server is None or shutil.which("ssh-keygen") is None:
        assert not os.environ.get("CI"), "CI installs openssh-server: this test must run there"
        pytest.skip("needs an ssh server (Debian package openssh-server)")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    home, port = tmp_path / "worker", free_port(PORTS)
    home.mkdir()
    (tmp_path / "sshd_config").write_text(f"""
Port {port}
ListenAddress 127.0.0.1
HostKey {tmp_path}/host
AuthorizedKeysFile {tmp_path}/user.pub
PidFile none
PermitRootLogin yes
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
SetEnv HOME={home}
""")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    # NNI upgrades itself on a worker at every start; this Python stays as it is.
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\n[ "$1 $2" = "-m pip" ] && exit 0\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    process = subprocess.Popen([server, "-D", "-f", tmp_path / "sshd_config"], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listening(port), 10, "the start of sshd")
        yield {
            "host": "127.0.0.1", "port": port, "user": getpass.getuser(), "sshKeyFile": str(tmp_path / "user"),
            "pythonPath": str(python.parent),
        }  # fmt: skip
    finally:
        process.terminate()
        process.wait()
        kill_all(home)


@pytest.mark.nni
def test_workers_are_guarded(tmp_path, worker):
    """The trial keepers of two workers listen on loopback alone, and parameters stay bound to their trials."""
    from websockets.sync.client import connect

    code = tmp_path / "code"
    code.mkdir()
    (code / "trial.py").write_text(TRIAL.replace('f"got-', f'f"{tmp_path}/got-'))
    config = {
        **RANDOM_SEARCH, "trialCommand": f"exec {sys.executable} trial.py", "maxTrialNumber": 6, "trialConcurrency": 4,
        "trialCodeDirectory": str(code), "nniManagerIp": "127.0.0.1",
        "trainingService": {"platform": "remote", "reuseMode": False, "machineList": [worker, worker]},
    }  # fmt: skip
    with nni_experiment(tmp_path, config, PORTS) as experiment:
        wait_until(experiment.trials, 60, "the first trial")
        keepers = {process.pid for process in processes_of(tmp_path / "worker") if process.role == "keeper"}
        addresses = [listener.address for keeper in keepers for listener in listeners_of(keeper)]
        assert len(keepers) == 2
        assert addresses.count("127.0.0.1") == 2
        assert set(addresses) <= {"127.0.0.1", "::1"}
        with connect(f"ws://127.0.0.1:{experiment.port}/platform/remote/strange") as channel:
            channel.send(json.dumps({"type": "rpc_callback", "parameters": [metric(json.dumps(pickled(tmp_path)))]}))
            wait_until(lambda: "dropped a message of worker strange" in experiment.log(), 10, "the loss of the message")
        assert experiment.wait_for("DONE", "ERROR") == "DONE"
        recorded = {t["trialJobId"]: json.loads(t["hyperParameters"][0])["parameters"] for t in experiment.trials()}
        got = {name: json.loads(p.read_text()) for name in recorded if (p := tmp_path / f"got-{name}.json").exists()}
        assert (len(recorded), len(got)) == (6, 4)
        assert {name: recorded[name] for name in got} == got
