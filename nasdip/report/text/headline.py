"""The first thing a reader sees: what was found, and how far the run is."""

from typing import NamedTuple

from nasdip.console import duration
from nasdip.imaging.metrics import psnr
from nasdip.measurement.kinds import find_kind
from nasdip.report.images_section import image_name
from nasdip.report.numbers.run_state import RunState, run_state
from nasdip.report.numbers.search import ranking
from nasdip.report.numbers.source import Source
from nasdip.report.run_section import best_architecture
from nasdip.report.text.alarm import Alarm
from nasdip.report.text.expected import interval_words, missing_words
from nasdip.report.text.service import exposure, lost_jobs
from nasdip.report.text.words import counted, decibels


class Fact(NamedTuple):
    """A number with its name and a remark."""

    name: str
    value: str
    remark: str


class Headline(NamedTuple):
    """Image, state, architecture (text form, None before any was fitted) and a few numbers; above them the alarms.

    `restored_with` is the architecture of the restored image where a resumed search has found a better one since.
    """

    image: str
    kind: str
    state: RunState
    architecture: str | None
    restored_with: str | None
    facts: list[Fact]
    alarms: list[Alarm]


def headline(source: Source) -> Headline:
    """Collect the headline."""
    found = (_reward(source), _estimated(source), _psnr(source), _noise(source), _holes(source), _cost(source))
    facts = [fact for fact in found if fact is not None]
    kind = "Architecture search for Deep Image Prior" if source.search else "Deep Image Prior restoration"
    best = best_architecture(source)
    used = str(source.restoration.architecture) if source.restoration else best
    restored_with = used if used != best else None
    return Headline(image_name(source), kind, run_state(source), best, restored_with, facts, alarms(source))


def alarms(source: Source) -> list[Alarm]:
    """Return what the service that runs the trials gives reason to warn of, the worst first."""
    service = source.search.service if source.search else None
    if service is None:
        return []
    portal = exposure(service)
    lost = lost_jobs(service)
    title = "Open portal" if service.alive else "The portal was open"
    advice = "What such a job would have tried, others try."
    found = [
        Alarm("bad" if service.alive else "warn", title, portal) if portal else None,
        Alarm("bad", "The search ended with an error", service.failure) if service.failure else None,
        Alarm("warn", "Lost jobs", f"{lost}. {advice}") if lost else None,
    ]
    return [alarm for alarm in found if alarm is not None]


def _reward(source: Source) -> Fact | None:
    best = ranking(source.search.trials, 1) if source.search else []
    if not source.search or not best:
        return None
    origins = {
        "clean": "against the clean image",
        "estimate": "estimated by held-out pixels and the reference",
        "heldout": "on held-out noisy pixels",
    }
    origin = origins[source.search.reward]
    estimate = best[0].estimated_psnr if source.search.reward == "heldout" else None
    about = f"; estimated from them against the clean image: {decibels(estimate)}" if estimate is not None else ""
    return Fact("Best reward", decibels(best[0].reward), f"trial {best[0].trial}, proxy fit, {origin}{about}")


def _estimated(source: Source) -> Fact | None:
    restoration = source.restoration
    if restoration is not None and restoration.expected is not None:
        remark = f"{interval_words(restoration.expected)}, without a clean image"
        return Fact("Estimated PSNR", decibels(restoration.expected.psnr), remark)
    if restoration is not None and (not find_kind(restoration.kind).is_white or restoration.contradicted):
        return Fact("Estimated PSNR", "none", missing_words(restoration).removeprefix("none: "))
    return None


def _psnr(source: Source) -> Fact | None:
    restoration = source.restoration
    if restoration is None:
        return None
    if restoration.clean is None or restoration.psnr is None:
        if _estimated(source) is not None:
            return None
        return Fact("PSNR", "unknown", "no clean image was given to compare with")
    before = psnr(restoration.clean, restoration.noisy, data_range=1.0)
    oracle = source.search is not None and source.search.reward == "clean"
    name, remark = ("PSNR, oracle", "; architecture picked with the clean image") if oracle else ("PSNR, restored", "")
    return Fact(name, decibels(restoration.psnr), f"noisy: {decibels(before)}{remark}")


def _noise(source: Source) -> Fact | None:
    restoration = source.restoration
    if restoration is None and source.search is None:
        return None
    if restoration is None:
        assert source.search is not None
        return Fact("Noise level", f"{source.search.record.sigma:.1f}", "estimated, 8-bit units")
    parts = ["8-bit units", find_kind(restoration.kind).label]
    if restoration.measured_level is not None:
        parts.append(f"given, but the picture looks like {restoration.measured_level.sigma:.1f}")
    return Fact("Noise level", f"{restoration.sigma:.1f}", "; ".join(parts))


def _holes(source: Source) -> Fact | None:
    if source.mask is None:
        return None
    share = 100 * (1 - float(source.mask.mean()))
    return Fact("Missing pixels", f"{share:.{1 if share < 10 else 0}f} %", "filled from the others")


def _cost(source: Source) -> Fact | None:
    seconds = sum(trial.seconds for trial in source.search.trials if trial.status != "repeated") if source.search else 0
    parts = [counted(len(source.search.trials), "trial")] if source.search and source.search.trials else []
    if source.restoration is not None:
        seconds += source.restoration.seconds
        parts.append(counted(len(source.restoration.repetitions), "repetition") + " of the fit")
    return Fact("Fitting time", duration(seconds), ", ".join(parts)) if parts else None
