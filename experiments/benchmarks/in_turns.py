"""Timing several ways to do one thing, in turns, so that what else the machine does strikes all alike."""

import time
from collections.abc import Callable, Sequence


def in_turns(ways: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Return the seconds of each way in each round; a first round, which pays for set-up, does not count."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(1 + rounds):
        for way, taken in zip(ways, seconds, strict=True):
            start = time.perf_counter()
            way()
            taken.append(time.perf_counter() - start)
    return [taken[1:] for taken in seconds]
