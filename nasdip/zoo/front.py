"""The ready architectures for denoising that no other one beats in both quality and time."""

from collections.abc import Iterable

from nasdip.space.architecture import Architecture
from nasdip.zoo.catalog import ZooEntry, zoo_entry, zoo_names

TASK = "denoising"


def front(entries: Iterable[ZooEntry]) -> list[ZooEntry]:
    """Return the entries that no other one beats, from cheapest to dearest, which is also from worst to best.

    Entries for other tasks, or without figures, do not count. Of two that are equal, the first one stays.

    Parameters
    ----------
    entries : iterable of ZooEntry
        Compared by `gain_db` (dB, larger = better) and `step_ratio` (smaller = faster).

    Examples
    --------
    >>> [entry.name for entry in front([zoo_entry("dip"), zoo_entry("nas-dip-sr")])]
    ['dip']
    """
    measured = [(entry.figures, entry) for entry in entries if entry.task == TASK and entry.figures is not None]
    chosen: list[ZooEntry] = []
    best = float("-inf")
    for figures, entry in sorted(measured, key=lambda pair: (pair[0].step_ratio, -pair[0].gain_db)):
        if figures.gain_db > best:
            best = figures.gain_db
            chosen.append(entry)
    return chosen


def zoo_front() -> dict[str, Architecture]:
    """Return the front of all ready architectures by name, from cheapest and worst to dearest and best.

    Examples
    --------
    >>> str(zoo_front()["dip"])
    'dip+bilinear:4.4.4.4.4'
    """
    return {entry.name: entry.architecture for entry in front(map(zoo_entry, zoo_names()))}
