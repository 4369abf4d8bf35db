"""`nasdip status`."""

import shlex
from pathlib import Path

from nasdip.console import duration
from nasdip.errors import NasdipError
from nasdip.files import is_locked, read_json
from nasdip.prior.restoration_folder import RestorationFolder
from nasdip.search.run_folder import RunFolder, picked_with_clean


def describe_run(path: Path) -> str:
    """Return how far the search or restoration in the folder `path` is, and what it found."""
    if RunFolder(path).exists():
        return _describe_search(RunFolder(path))
    if (path / "record.json").is_file():
        return "\n".join(_describe_restoration(path))
    raise NasdipError(f"{path} is not the folder of a search or a restoration: it has no run.json or record.json")


def _describe_search(folder: RunFolder) -> str:
    record = folder.record()
    trials = folder.trials()
    counts = {status: sum(t.status == status for t in trials) for status in ("ok", "failed", "repeated")}
    running = folder.is_running()
    lines = [
        f"search       {folder.path} ({record.settings.searcher}, space {folder.space().name})",
        f"image        {record.image}; noise about {record.sigma:.1f} (8-bit units)",
        f"state        {_state(folder, running, len(trials), record.settings.trials)}",
        f"trials       {len(trials)} of {record.settings.trials}: {counts['ok']} fitted, "
        f"{counts['repeated']} repeated, {counts['failed']} failed",
    ]
    fitted = [t.seconds for t in trials if t.status == "ok"]
    if fitted and len(trials) < record.settings.trials:
        left = sum(fitted) / len(fitted) * (record.settings.trials - len(trials))
        lines.append(f"time left    about {duration(left)} for the trials")
    best = folder.best()
    if best is not None:
        origin = " (oracle: picked with the clean image)" if picked_with_clean(record) else ""
        lines += [f"best         {best.architecture}"]
        lines += [f"             trial {best.trial}, reward {best.reward:.2f} dB{origin}"]
    if (folder.final.path / "record.json").is_file():
        lines += ["final fit", *(f"  {line}" for line in _describe_restoration(folder.final.path))]
    if not running and not _finished(folder, len(trials)):
        lines.append(f"go on with   nasdip search --resume -o {shlex.quote(str(folder.path))}")
    return "\n".join(lines)


def _state(folder: RunFolder, running: bool, done: int, planned: int) -> str:
    if running:
        return "running"
    return "finished" if _finished(folder, done) else f"stopped after {done} of {planned} trials"


def _finished(folder: RunFolder, done: int) -> bool:
    settings = folder.record().settings
    record = folder.final.path / "record.json"
    fitted = record.is_file() and read_json(record).get("result") is not None
    return done >= settings.trials and (fitted or settings.final.steps == 0)


def _describe_restoration(path: Path) -> list[str]:
    record = read_json(path / "record.json")
    if record.get("result") is None:
        done = len(RestorationFolder(path).repetition_folders())
        state = "running" if is_locked(path) or is_locked(path.parent) else "stopped"
        lines = [f"restoration  {path}: {state}, {done} repetitions done"]
        command = record["provenance"].get("command")
        if state == "stopped" and command and path.name != "final":
            lines.append(f"go on with   {shlex.join(command)}")
        return lines
    restoration = RestorationFolder(path).read()
    done = len(restoration.repetitions)
    psnr = "" if restoration.psnr is None else f", PSNR {restoration.psnr:.2f} dB against the clean image"
    return [
        f"restoration  {path}: finished, {done} repetitions in {duration(restoration.seconds)}{psnr}",
        f"architecture {restoration.architecture}",
    ]
