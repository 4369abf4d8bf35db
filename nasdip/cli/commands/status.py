"""`nasdip status`."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from nasdip.cli.commands.runs import unbegun
from nasdip.console import duration
from nasdip.errors import NasdipError
from nasdip.files import is_locked, read_json
from nasdip.measurement.kinds import find_kind
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.run_folder import RunFolder, best_of, picked_with_clean
from nasdip.report.numbers.run_state import progress, search_state
from nasdip.report.numbers.search import saved_in_words, search_totals
from nasdip.report.numbers.service import Service
from nasdip.report.numbers.source import SearchRun, read_fit, read_search
from nasdip.report.text.expected import format_psnr_estimate
from nasdip.report.text.service import exposure, jobs_in_words, lost_jobs
from nasdip.report.text.treatment import SEARCH_STEPS_OPTION, STEPS_OPTION, step_limit_words
from nasdip.report.text.words import plain


def describe_run(path: Path) -> str:
    """Return how far the search or restoration in the folder `path` is, and what it found; nothing is written."""
    if RunFolder(path).exists():
        return "\n".join(_describe_search(RunFolder(path)))
    if (path / "record.json").is_file():
        return "\n".join(_describe_restoration(path))
    words = unbegun(path)
    if words is None:
        raise NasdipError(f"{path} is not the folder of a search or a restoration: it has no run.json or record.json")
    return words


def _describe_search(folder: RunFolder) -> Iterator[str]:
    search = read_search(folder)
    record, service = search.record, search.service
    portal = exposure(service) if service else None
    if portal and service and service.alive:
        yield f"WARNING      {portal}"
    yield f"search       {folder.path} ({record.settings.searcher}, space {search.space.name})"
    if service is not None:
        yield from _describe_service(service)
        if portal and not service.alive:
            yield f"WARNING      {portal}"
    yield f"image        {record.image}; noise about {record.sigma:.1f} (8-bit units)"
    state = search_state(search, read_fit(folder.final.path)).kind
    yield f"state        {_state(search, state)}"
    yield from _describe_trials(search)
    if state != "finished":
        yield from _time_left(search)
    yield from _describe_best(search)
    if (folder.final.path / "record.json").is_file():
        yield from ("final fit", *(f"  {line}" for line in _describe_restoration(folder.final.path)))
    yield from _next(folder, search, state)


def _describe_service(service: Service) -> Iterator[str]:
    jobs = jobs_in_words(service)
    yield f"experiment   {service.experiment} of NNI" + (f": {jobs}" if jobs else "; its own records are not at hand")
    if service.alive and service.port and not service.exposed and not service.orphaned:
        yield f"portal       http://127.0.0.1:{service.port}"


def _state(search: SearchRun, kind: str) -> str:
    service = search.service
    if kind == "finished":
        return "finished" + (", at NNI's limit" if service and service.ended else "")
    if kind == "running":
        gone = service is not None and service.orphaned
        return "running, but NNI's manager is gone; its tuner will end within a minute" if gone else "running"
    broken = service is not None and _is_broken(service)
    if _is_between(service, kind):
        return f"starting or ending, after {progress(search)}: look again in a few seconds"
    return f"{'ended by an error' if broken else 'stopped'} after {progress(search)}"


def _is_broken(service: Service) -> bool:
    return service.failure is not None or service.status == "ERROR"


def _is_between(service: Service | None, kind: str) -> bool:
    """Whether NNI's manager lives, and the search does not: it starts, or it ends."""
    return service is not None and kind == "stopped" and service.alive and not _is_broken(service)


def _describe_trials(search: SearchRun) -> Iterator[str]:
    service, trials = search.service, search.trials
    if service is not None and service.failure:
        yield f"failure      {service.failure}"
    of = "" if search.planned is None else f" of {search.planned}"
    yield f"trials       {len(trials)}{of}: {search_totals(trials).in_words()}"
    saved = saved_in_words(trials, search.record.settings.proxy.steps)
    if saved:
        yield f"early stop   {saved}"
    failed = [trial for trial in trials if trial.status == "failed"]
    if failed:
        yield f"last failed  trial {failed[-1].trial}: {plain(failed[-1].error)}"
    lost = lost_jobs(service) if service else None
    if lost:
        yield f"lost         {lost}"


def _time_left(search: SearchRun) -> Iterator[str]:
    seconds = [trial.seconds for trial in search.trials if trial.status in ("ok", "stopped")]
    left = 0 if search.planned is None else search.planned - len(search.trials)
    if seconds and left > 0:
        at_once = search.service.concurrency if search.service else search.record.settings.parallel or 1
        yield f"time left    about {duration(sum(seconds) / len(seconds) * left / at_once)} for the trials"


def _describe_best(search: SearchRun) -> Iterator[str]:
    best = best_of(search.trials)
    if best is not None:
        origin = " (oracle: picked with the clean image)" if picked_with_clean(search.record) else ""
        yield f"best         {best.architecture}"
        yield f"             trial {best.trial}, reward {best.reward:.2f} dB{origin}"


def _next(folder: RunFolder, search: SearchRun, state: str) -> Iterator[str]:
    """Yield the commands by which it goes on."""
    service = search.service
    if _is_between(service, state):
        return
    if service is not None and service.alive and state != "running":
        yield f"end NNI with nasdip nnictl stop {service.experiment}"
    if state == "stopped" or (service is not None and service.orphaned):
        own = f"nasdip search --resume -o {shlex.quote(str(folder.path))}"
        yield f"go on with   {own if service is None else service.resume}"
    if service is not None and state == "finished" and best_of(search.trials) is not None:
        restore = ["nasdip", "restore", search.record.image or "IMAGE", "--architecture", service.name]
        yield f"restore with {shlex.join(restore)}"


def _describe_restoration(path: Path) -> list[str]:
    record = read_json(path / "record.json")
    if record.get("result") is None:
        folder = RestorationFolder(path)
        done, tiles = len(folder.repetition_folders()), folder.tiles_done()
        state = "running" if is_locked(path) or is_locked(path.parent) else "stopped"
        more = f" and {tiles} tiles of the next" if tiles else ""
        lines = [f"restoration  {path}: {state}, {done} repetitions{more} done"]
        command = record["provenance"].get("command")
        if state == "stopped" and command and path.name != "final":
            lines.append(f"go on with   {shlex.join(command)}")
        return lines
    restoration = RestorationFolder(path).read()
    done = len(restoration.repetitions)
    psnr = "" if restoration.psnr is None else f", PSNR {restoration.psnr:.2f} dB against the clean image"
    lines = [
        f"restoration  {path}: finished, {done} repetitions in {duration(restoration.seconds)}{psnr}",
        f"architecture {restoration.architecture}",
    ]
    if restoration.expected is not None or not find_kind(restoration.kind).is_white or restoration.contradicted:
        lines.append(f"estimated    PSNR {format_psnr_estimate(restoration)}")
    ahead = step_limit_words(restoration, SEARCH_STEPS_OPTION if path.name == "final" else STEPS_OPTION)
    return lines if ahead is None else [*lines, f"may be ahead {ahead}"]
