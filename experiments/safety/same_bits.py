"""Whether two commits of nasdip do the same: pictures to the bit, what searches find, and runs that one began.

    python experiments/safety/same_bits.py OLD NEW [-o FOLDER] [--only NAME ...]

OLD and NEW are commits of the repository; NEW may be the word worktree, for the checkout as it stands. Each is copied
to a temporary folder and used by its command line alone, on pictures that are made here without nasdip, with one thread
on the processor. A line for each scenario says `same`, or what differs or failed; FOLDER gets these lines as
same_bits.csv. The exit code is 1 where anything is not the same. See README.md beside this file.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import psutil
import tifffile
import yaml
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from skimage import data

T = TypeVar("T")
# What a scenario yields, by name: pixels and weights, or a text.
Results = dict[str, Any]

WORKTREE = "worktree"
# What a restoration's record tells of its result, beside what it cost and was told to do.
_TOLD_OF = ("architecture", "kind", "sigma", "psnr", "expected_psnr")
_RESTORATION = ("**/*.tif", "**/*.csv", "record.json")
# Parts of names of a table's columns that are no result: what it cost.
_COSTS = ("seconds", "memory")
# Seconds that no fit takes: time is not compared, so it can mark work that must not be done twice.
_MARK = 1e6
_PATIENCE = 600  # seconds, for a command or an experiment
_NAMED, _LONG = 3, 200  # differences that a line names, and characters of what it quotes
# Set when a person, or the system, ends this script.
_stopped = threading.Event()

_FIT = ("--steps", "24", "--width", "16", "--seed", "1", "--no-report")
_SEARCH = (
    "search", "small.png", "-o", "run", "--crop", "48", "--width", "16", "--steps", "24", "--warm-start", "8",
    "--threads", "1", "--seed", "1",
)  # fmt: skip
_FINAL = ("--final-steps", "24", "--final-width", "16")
_TINY = (*_SEARCH, *_FINAL, "--space", "tiny", "--trials", "6")
_REPEATS = ("restore", "small.png", "--repeats", "3", *_FIT)
_TILES = ("restore", "wide.png", "--tile", "64", "--stop", "heldout", "--no-refine", *_FIT)
_METHODS = ("dip", "tv", "nl-bayes")
_NNI_TRIALS, _NNI_FIRST, _LAUNCHES = 4, 2, 4
# What 0.1.0 did not write: in run.json, its settings and their parts, and in a trial.
_LATER_SETTINGS = ("parallel", "early_stop", "cost", "candidates", "warm_start", "budget")
_LATER_TRIAL = ("steps", "curve", "job", "step_ms", "penalty")


class Broken(Exception):
    """A scenario did not come to its end."""


@dataclass(frozen=True)
class Side:
    """A commit: what it is called here, and the folder that its code is in."""

    name: str
    code: Path

    def __post_init__(self) -> None:
        # An installed nasdip, be it editable, must not be what runs.
        command = [sys.executable, "-c", "import nasdip; print(nasdip.__file__)"]
        found = subprocess.run(command, env=_variables(self.code, self.code), cwd="/", capture_output=True, text=True)
        if found.returncode or not Path(found.stdout.strip()).resolve().is_relative_to(self.code.resolve()):
            raise SystemExit(f"{self.name} runs another nasdip than its own: {found.stdout}{found.stderr}")


@dataclass(frozen=True)
class Place:
    """A folder with the pictures, and the commit that works there."""

    side: Side
    folder: Path

    def nasdip(self, *words: object) -> None:
        """Run a command to its end."""
        with self._running(words) as process:
            code = self._end(process, words)
        if code:
            raise Broken(f"{self.side.name}: {_called(words)} ended with {code}: {self._last_words()}")

    def interrupt(self, done: Path, *words: object) -> None:
        """Run a command, and press Ctrl-C as soon as there is a file."""
        with self._running(words) as process:
            wait_until(lambda: done.exists() or process.poll() is not None, f"{self.side.name}: {done.name}")
            process.send_signal(signal.SIGINT)
            code = self._end(process, words)
        if code != 130:
            raise Broken(f"{self.side.name}: {_called(words)} was not interrupted, but ended with {code}")

    @contextmanager
    def _running(self, words: Sequence[object]) -> "Iterator[subprocess.Popen[bytes]]":
        command = [sys.executable, "-m", "nasdip", *map(str, words)]
        environment = _variables(self.side.code, self.folder)
        with (
            open(self.folder / "messages.txt", "wb") as file,
            subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def _end(self, process: "subprocess.Popen[bytes]", words: Sequence[object]) -> int:
        wait_until(lambda: process.poll() is not None, f"{self.side.name}: the end of {_called(words)}")
        return process.wait()

    def _last_words(self) -> str:
        lines = (self.folder / "messages.txt").read_text(errors="replace").splitlines()
        return lines[-1][:_LONG] if lines else "no message"


def _called(words: Sequence[object]) -> str:
    return " ".join(["nasdip", *map(str, words[:2])])


def _variables(code: Path, folder: Path) -> dict[str, str]:
    """Return the environment of a command: the same for both commits but for the code, and nothing of this machine."""
    foreign = ("NNI_", "NASDIP_", "NODE_OPTIONS", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "PYTHONPATH": str(code),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(folder / "home"),
        "MPLCONFIGDIR": str(code.parent / "matplotlib"),  # its list of fonts takes seconds
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }


def wait_until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if _stopped.wait(0.02) or time.monotonic() > end:
            raise Broken(f"{what} did not come within {_PATIENCE} s")


# Pictures.


def make_pictures(folder: Path) -> None:
    """Write the pictures that both commits are given."""
    rng = np.random.default_rng(0)
    colour, face = data.astronaut()[60:124, 170:234], data.astronaut()[76:124, 190:238]
    wide, grey = data.coffee()[150:214, 250:346], data.camera()[80:128, 200:248]
    struck, impulsive = rng.random((48, 48)) < 0.06, noisy(data.chelsea()[90:138, 120:168], 10, rng)
    impulsive[struck] = 255 * rng.integers(2, size=(struck.sum(), 1))
    pictures = {"colour": noisy(colour, 25, rng), "small": noisy(face, 25, rng), "wide": noisy(wide, 20, rng)}
    pictures |= {f"pair-{n}": data.astronaut()[top : top + 80, :80] for n, top in enumerate((0, 200, 400))}
    for name, pixels in {**pictures, "colour-clean": colour, "small-clean": face, "impulses": impulsive}.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    deep = np.clip(257.0 * grey + 4000 * rng.standard_normal(grey.shape), 0, 65535)
    tifffile.imwrite(folder / "grey.tif", np.rint(deep).astype(np.uint16))


def noisy(picture: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    pixels: np.ndarray = np.clip(np.rint(picture + sigma * rng.standard_normal(picture.shape)), 0, 255)
    return pixels.astype(np.uint8)


# What is compared.


def read(folder: Path, *patterns: str) -> Results:
    """Return what is in the files of a folder; Broken where there are none of a pattern."""
    results: Results = {}
    for pattern in patterns:
        paths = sorted(folder.glob(pattern))
        if not paths:
            raise Broken(f"there is no {pattern}")
        for path in paths:
            results |= {f"{path.relative_to(folder)}{part}": value for part, value in _contents(path).items()}
    return results


def _contents(path: Path) -> Results:
    if path.suffix == ".csv":
        return _columns(path)
    if path.name == "record.json":
        result = json.loads(path.read_text(encoding="utf-8"))["result"]
        return {f" {name}": str(_rounded(result[name])) for name in _TOLD_OF}
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {f" {name}": array for name, array in arrays.items()}
    if path.suffix == ".safetensors":
        return {f" {name}": array for name, array in load_file(path).items()}
    if path.suffix == ".tif":
        return {"": tifffile.imread(path)}
    return {"": np.asarray(Image.open(path))}


def _rounded(value: Any) -> Any:
    """Return numbers with the digits that another order of additions does not change."""
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _columns(path: Path) -> Results:
    """Return the columns of a table as texts, but for what it cost."""
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = {f" {name}": " ".join(row[i] for row in rows) for i, name in enumerate(header)}
    return {name: text for name, text in columns.items() if not any(cost in name for cost in _COSTS)}


def restoration(folder: Path, picture: str) -> Results:
    """Return the written picture of a restoration, and what is in its folder."""
    stem = Path(picture).stem
    return read(folder, picture, *(f"{stem}/{pattern}" for pattern in _RESTORATION))


def trials(run: Path) -> Results:
    """Return the architectures and rewards of a search."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(run.glob("trials/[0-9]*.json")))
    return {f"trial {t['trial']}": f"{t['architecture']} {t['status']} {t['reward']!r}" for t in found}


def search(folder: Path) -> Results:
    """Return what a search found, with its last fit."""
    run = folder / "run"
    return trials(run) | read(run, "restored.png", *(f"final/{pattern}" for pattern in _RESTORATION))


def digest(value: Any) -> str:
    """Return what identifies pixels, or a text, to the bit."""
    if isinstance(value, np.ndarray):
        value = f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    return hashlib.sha256(value if isinstance(value, bytes) else str(value).encode()).hexdigest()


def differences(old: Results, new: Results) -> list[str]:
    """Return what differs, in words."""
    lacking = [f"{name} only at {side}" for one, other, side in ((old, new, "OLD"), (new, old, "NEW"))
               for name in one if name not in other]  # fmt: skip
    both = [name for name in old if name in new and digest(old[name]) != digest(new[name])]
    return lacking + [f"{name}{_how(old[name], new[name])}" for name in both]


def _how(old: Any, new: Any) -> str:
    """Return how two values differ, where a few words tell it."""
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray) and old.dtype.kind != "U":
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            return f" ({old.dtype} {old.shape}, now {new.dtype} {new.shape})"
        return f" (by up to {np.abs(old.astype(float) - new).max():.3g})"
    return f" ({old}, now {new})" if len(f"{old}{new}") < _LONG else ""


# Scenarios which both commits go through.


def restore_colour(at: Place) -> Results:
    at.nasdip("restore", "colour.png", "--clean", "colour-clean.png", *_FIT)
    return restoration(at.folder / "restored", "colour.png")


def restore_impulses(at: Place) -> Results:
    at.nasdip("restore", "impulses.png", *_FIT)
    return restoration(at.folder / "restored", "impulses.png")


def restore_16_bit(at: Place) -> Results:
    """Restore as long as the stopping rule lets a fit go on: it ends this one before the last step."""
    small = ("--architecture", "nearest+conv3+leaky-relu:111.011.001", "--width", "32", "--steps", "200")
    at.nasdip("restore", "grey.tif", *small, "--seed", "1", "--no-report")
    return restoration(at.folder / "restored", "grey.tif")


def restore_tiles(at: Place) -> Results:
    at.nasdip(*_TILES)
    return restoration(at.folder / "restored", "wide.png")


def search_tiny(at: Place) -> Results:
    at.nasdip(*_TINY)
    return search(at.folder)


def search_nas_dip(at: Place) -> Results:
    """Search the published space, with two processes."""
    at.nasdip(*_SEARCH, *_FINAL, "--space", "nas_dip", "--trials", "6", "--parallel", "2")
    return search(at.folder)


def denoise(at: Place) -> Results:
    pictures = [f"pair-{n}.png" for n in range(3)]
    counts = ("--count", "32", "--validation-count", "8", "--factor", "1", "--seed", "1")
    at.nasdip("pairs", *pictures, "-o", "pairs.npz", *counts)
    at.nasdip("train", "noise2noise-half", "--pairs", "pairs.npz", "-o", "model", "--epochs", "2", "--batch", "8")
    at.nasdip("denoise", "colour.png", "--model", "model")
    return read(at.folder, "pairs.npz", "model/model.safetensors", "model/history.csv", "denoised/colour.png")


def compare(at: Place) -> Results:
    options = ("--methods", ",".join(_METHODS), "--steps", "24", "--width", "16", "--seed", "1")
    at.nasdip("compare", "small.png", "-o", "compared", "--clean", "small-clean.png", *options)
    return read(at.folder / "compared", *(f"methods/{name}/*.tif" for name in _METHODS), "results.csv")


def nni(at: Place) -> Results:
    with ended_at_last(at):
        experiment = Experiment.created(at)
        experiment.wait_for(at, _NNI_TRIALS)
        experiment.stop(at)
        return trials(experiment.run)


# Scenarios which OLD begins, and NEW goes on with.


class Relay(NamedTuple):
    """OLD and NEW in a folder each, and OLD in that of NEW, before NEW."""

    whole: Place
    begun: Place
    ended: Place


def resume_search(at: Relay) -> tuple[Results, Results]:
    return _resumed(at, _TINY, ("search", "--resume", "-o", "run"), "run/trials/0002.json", search)


def resume_repeats(at: Relay) -> tuple[Results, Results]:
    done = "restored/small/repetition-01/fit.json"
    return _resumed(at, _REPEATS, _REPEATS, done, lambda folder: restoration(folder / "restored", "small.png"))


def resume_tiles(at: Relay) -> tuple[Results, Results]:
    done = "restored/wide/tiles-01/tile-0001/fit.json"
    return _resumed(at, _TILES, _TILES, done, lambda folder: restoration(folder / "restored", "wide.png"))


def _resumed(
    at: Relay, words: Sequence[str], again: Sequence[str], done: str, results: Callable[[Path], Results]
) -> tuple[Results, Results]:
    """Run a command whole, and another time interrupted as soon as a file says that a part is done."""
    at.whole.nasdip(*words)
    at.begun.interrupt(at.begun.folder / done, *words)
    _mark(at.begun.folder / done)
    at.ended.nasdip(*again)
    kept = "kept" if _is_marked(at.ended.folder) else "done again"
    return {"finished part": "kept"} | results(at.whole.folder), {"finished part": kept} | results(at.ended.folder)


def _mark(path: Path) -> None:
    """Let a finished part have taken a time by which it is recognised in what it becomes a part of."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "seconds": _MARK}), encoding="utf-8")


def _is_marked(folder: Path) -> bool:
    parts = [*folder.glob("run/trials/[0-9]*.json"), *folder.glob("restored/*/repetition-*/fit.json")]
    return any(json.loads(path.read_text(encoding="utf-8"))["seconds"] >= _MARK for path in parts)


def nni_resume(at: Relay) -> tuple[Results, Results]:
    """Let an experiment of OLD be gone on with by NEW in the same checkout, as after a git pull."""
    checkout = at.ended.folder / "checkout"
    with ended_at_last(at.ended):
        before = replace(at.begun, side=_put(at.begun.side, checkout))
        experiment = Experiment.created(before)
        experiment.wait_for(before, _NNI_FIRST)
        experiment.stop(before)
        first = trials(experiment.run)
        if len(first) >= _NNI_TRIALS:
            raise Broken("OLD: NNI's experiment ended before it was stopped")
        after = replace(at.ended, side=_put(at.ended.side, checkout))
        _launched(after, lambda: after.nasdip("nnictl", "resume", experiment.id, "--port", experiment.port))
        experiment.wait_for(after, _NNI_TRIALS)
        experiment.stop(after)
    last = trials(experiment.run)
    return first | {"trials": str(_NNI_TRIALS)}, {name: last[name] for name in first} | {"trials": str(len(last))}


def _put(side: Side, checkout: Path) -> Side:
    """Make a checkout that of a commit."""
    shutil.rmtree(checkout, ignore_errors=True)
    shutil.copytree(side.code, checkout, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    return Side(side.name, checkout)


def first_format(at: Relay) -> tuple[Results, Results]:
    """Let both go on with a run folder of OLD that is made to look like one of version 0.1.0."""
    options = ("--space", "tiny", "--trials", "5", "--early-stop", "none", "--reward", "heldout", "--candidate", "none")
    at.whole.interrupt(at.whole.folder / "run/trials/0002.json", *_SEARCH, *_FINAL, *options)
    _to_first_format(at.whole.folder / "run")
    shutil.copytree(at.whole.folder / "run", at.ended.folder / "run")
    for place in (at.whole, at.ended):
        place.nasdip("search", "--resume", "-o", "run")
    return search(at.whole.folder), search(at.ended.folder)


def _to_first_format(run: Path) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    settings = record["settings"]
    parts = ((record, ("kind",)), (settings, _LATER_SETTINGS), (settings["proxy"], ("threads", "recipe")))
    for part, later in (*parts, (settings["final"], ("recipe",))):
        for key in later:
            del part[key]
    settings["reward"] = "auto"  # its default, which meant held-out pixels where there was no clean picture
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    for path in run.glob("trials/[0-9]*.json"):
        trial = json.loads(path.read_text(encoding="utf-8"))
        kept = {key: value for key, value in trial.items() if key not in _LATER_TRIAL}
        path.write_text(json.dumps(kept), encoding="utf-8")
    _forget_journal(run / "searcher.safetensors")


def _forget_journal(path: Path) -> None:
    """Take from a searcher's state the order of events, of which 0.1.0 knew nothing."""
    tensors = load_file(path)
    with safe_open(path, framework="np") as file:
        (name, text), *_ = file.metadata().items()
    meta = {key: value for key, value in json.loads(text).items() if key not in ("journal", "open")}
    save_file(tensors, path, {name: json.dumps(meta)})


# NNI.


class Experiment(NamedTuple):
    """An experiment that `nasdip nnictl create` started, and the run folder of its search."""

    id: str
    port: int
    run: Path

    @staticmethod
    def created(at: Place) -> "Experiment":
        """Start the configuration for a processor that a commit comes with, made small, in its own checkout."""
        config = yaml.safe_load((at.side.code / "experiments/denoise_cpu.yml").read_text(encoding="utf-8"))
        place = at.folder / "experiments"
        config |= {"experimentWorkingDirectory": str(place), "trialConcurrency": 1, "maxTrialNumber": _NNI_TRIALS}
        small = {"image": str(at.folder / "small.png"), "crop": 48, "width": 16, "steps": 24, "warm_start": 8}
        given = {key: value for key, value in config["tuner"]["classArgs"].items() if key != "noise"}
        config["tuner"]["classArgs"] = {**given, **small, "threads": 1, "seed": 1}
        file = at.side.code / "experiments/same_bits.yml"  # its relative paths start there
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        return _launched(at, lambda: Experiment._begun(at, file, place))

    @staticmethod
    def _begun(at: Place, file: Path, place: Path) -> "Experiment":
        port = _free_port()
        at.nasdip("nnictl", "create", "--config", file, "--port", port)
        *_, name = json.loads((at.folder / "home/nni-experiments/.experiment").read_text(encoding="utf-8"))
        experiment = Experiment(name, port, place / name / "run")
        experiment.wait_for(at, 0)
        return experiment

    def wait_for(self, at: Place, count: int) -> None:
        """Wait until the search is there with so many trials; all of them are the end of the experiment."""

        def there() -> bool:
            status, run = self._status(at), self.run / "run.json"
            return run.exists() and len(trials(self.run)) >= count and (count < _NNI_TRIALS or status == "DONE")

        wait_until(there, f"{at.side.name}: {count} trials of NNI")

    def stop(self, at: Place) -> None:
        at.nasdip("nnictl", "stop", self.id)

    def _status(self, at: Place) -> str:
        """Return NNI's word for the experiment's state; Broken where it is one of an error."""
        time.sleep(1)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # none reaches this machine's ports
        try:
            with opener.open(f"http://127.0.0.1:{self.port}/api/v1/nni/check-status", timeout=20) as answer:
                status = str(json.load(answer)["status"])
        except OSError:
            return "NONE"
        if status == "ERROR":
            raise Broken(f"{at.side.name}: NNI's experiment ended with an error")
        return status


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _launched(at: Place, launch: Callable[[], T]) -> T:
    """Start NNI; again where it took longer than the few seconds that NNI gives its parts, as on a busy machine."""
    for _ in range(_LAUNCHES - 1):
        try:
            return launch()
        except Broken:
            _end_all(at)
    return launch()


@contextmanager
def ended_at_last(at: Place) -> Iterator[None]:
    """Leave no process of an experiment behind, whatever happens."""
    try:
        yield
    finally:
        _end_all(at)


def _end_all(at: Place) -> None:
    """End the processes whose HOME is the place's: those that it started, which are NNI's."""
    home = _variables(at.side.code, at.folder)["HOME"]
    left = [process for process in psutil.process_iter() if _home(process) == home]
    for process in psutil.wait_procs(left, 5)[1]:  # those that nnictl has stopped are about to end
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, 5)


def _home(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("HOME")
    except psutil.Error:  # another user's, or gone
        return None


# All together.

BOTH: dict[str, Callable[[Place], Results]] = {
    "restore-colour": restore_colour,
    "restore-impulses": restore_impulses,
    "restore-16-bit": restore_16_bit,
    "restore-tiles": restore_tiles,
    "search-tiny": search_tiny,
    "search-nas-dip": search_nas_dip,
    "nni": nni,
    "denoise": denoise,
    "compare": compare,
}
RELAYS: dict[str, Callable[[Relay], tuple[Results, Results]]] = {
    "resume-search": resume_search,
    "resume-repeats": resume_repeats,
    "resume-tiles": resume_tiles,
    "nni-resume": nni_resume,
    "first-format": first_format,
}


class Verdict(NamedTuple):
    """A line of the table."""

    scenario: str
    verdict: str
    compared: int
    seconds: int


def judge(name: str, old: Side, new: Side, folder: Path) -> Verdict:
    """Run a scenario at both commits, OLD first."""
    start, places = time.monotonic(), [folder / name / side.name for side in (old, new)]
    for place in places:
        shutil.copytree(folder / "pictures", place)
    before: Results = {}
    word = "DIFFERENT"
    try:
        if name in BOTH:
            before, after = (BOTH[name](Place(side, place)) for side, place in zip((old, new), places, strict=True))
        else:
            before, after = RELAYS[name](Relay(Place(old, places[0]), Place(old, places[1]), Place(new, places[1])))
        found = differences(before, after)
    except Broken as error:
        word, found = "FAILED", [str(error)]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    words = f"{word}: {'; '.join(found[:_NAMED])}{more}" if found else "same"
    return Verdict(name, words, len(before), round(time.monotonic() - start))


def judge_all(names: Sequence[str], jobs: int, old: Side, new: Side, folder: Path) -> list[Verdict]:
    """Run scenarios, some at once; print a line when one ends."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            running = [pool.submit(judge, name, old, new, folder) for name in names]
            for ended in as_completed(running):
                print("{:18}{}  ({} compared, {} s)".format(*ended.result()), flush=True)
        except BaseException:
            _stopped.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [judged.result() for judged in running]


def check_out(repository: Path, commit: str, folder: Path) -> str:
    """Copy a commit of a repository, or its worktree, to a folder; return what it is called."""
    if commit != WORKTREE:
        found = _git(repository, "rev-parse", "--verify", "--short", f"{commit}^{{commit}}").strip()
        _git(repository, "clone", "--quiet", "--shared", "--no-checkout", ".", str(folder))
        _git(folder, "checkout", "--quiet", "--detach", found)
        return found
    listed = _git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for path in (repository / name for name in listed if name):
        if path.is_file():
            target = folder / path.relative_to(repository)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    return f"{WORKTREE} at {_git(repository, 'rev-parse', '--short', 'HEAD').strip()}"


def _git(repository: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout


def write_table(folder: Path, commits: Sequence[str], verdicts: Sequence[Verdict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "same_bits.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("old", "new", *Verdict._fields))
        writer.writerows((*commits, *verdict) for verdict in verdicts)


def compare_commits(options: argparse.Namespace, folder: Path) -> tuple[list[str], list[Verdict]]:
    """Lay out both commits and the pictures in a folder, and run the scenarios; return the commits' names too."""
    given, repository = {"OLD": options.old, "NEW": options.new}, options.repository.resolve()
    commits = [check_out(repository, commit, folder / name) for name, commit in given.items()]
    old, new = (Side(name, folder / name) for name in given)
    (folder / "pictures").mkdir()
    make_pictures(folder / "pictures")
    print(f"OLD is {commits[0]}, NEW is {commits[1]}", flush=True)
    return commits, judge_all(options.only, options.jobs, old, new, folder)


def parse() -> argparse.Namespace:
    names = [*BOTH, *RELAYS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where same_bits.csv goes")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="scenarios at once [default: 2]")
    parser.add_argument("--repository", type=Path, default=Path(__file__).resolve().parents[2], help="[default: this]")
    return parser.parse_args()


def main() -> int:
    options = parse()
    # A script in the background ignores Ctrl-C, and so would what it starts.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="same-bits-", ignore_cleanup_errors=True) as temporary:
        commits, verdicts = compare_commits(options, Path(temporary))
    if options.output is not None:
        write_table(options.output, commits, verdicts)
    wrong = [verdict.scenario for verdict in verdicts if verdict.verdict != "same"]
    print(f"not the same: {', '.join(wrong)}" if wrong else f"same: all {len(verdicts)} scenarios")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped")
