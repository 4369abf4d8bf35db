"""`nasdip zoo`: the ready architectures in words."""

from collections.abc import Iterator
from typing import Any

from nasdip.zoo.catalog import DEFAULT, ZooEntry, zoo_entry, zoo_names
from nasdip.zoo.figures import Figures

LEGEND = "dB: mean PSNR gain over dip, on pictures that no search saw; x: time of a step, relative to dip"


def list_lines() -> list[str]:
    """Return a line for each ready architecture: name, task, gain and time where they are known, summary."""
    return [_line(zoo_entry(name)) for name in zoo_names()]


def show_lines(name: str) -> list[str]:
    """Return all that is known of a ready architecture, one fact a line; NasdipError where there is none."""
    facts = zoo_entry(name)._asdict()
    figures, provenance = facts.pop("figures"), facts.pop("provenance")
    lines = [f"{key:14}{value}" for key, value in facts.items()]
    if figures is not None:
        lines += _block("figures", _figures(figures))
    if provenance is not None:
        lines += _block("provenance", (f"{key}: {_plain(value)}" for key, value in provenance.items()))
    return lines


def _line(entry: ZooEntry) -> str:
    known = entry.figures
    gain, ratio = ("", "") if known is None else (f"{known.gain_db:+.2f} dB", f"{known.step_ratio:.2f}x")
    default = " (default)" if entry.name == DEFAULT else ""
    return f"{entry.name:18}{entry.task:18}{gain:>9}{ratio:>8}  {entry.summary}{default}"


def _figures(figures: Figures) -> Iterator[str]:
    yield f"gain over dip: {figures.gain_db:+.2f} dB, standard error {figures.gain_error_db:.2f} dB, on unseen pictures"
    yield f"time of a step: {figures.step_ratio:.2f} times that of dip"
    yield f"measured by: {figures.source}"


def _block(title: str, lines: Iterator[str]) -> list[str]:
    """Return lines under a title which stands before the first one."""
    return [f"{'' if place else title:14}{line}" for place, line in enumerate(lines)]


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
