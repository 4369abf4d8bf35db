"""What the command line shows: messages, and the progress of long work."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

# Seconds between two lines where there is no terminal.
_PLAIN_INTERVAL = 15.0


class ShowProgress(Protocol):
    """Called with what is done so far, and a few words on it."""

    def __call__(self, done: int, words: str = "") -> None:
        """Show progress."""
        ...


@contextmanager
def progress(label: str, total: int, done: int = 0) -> Iterator[ShowProgress]:
    """Show progress from `done` on, on standard error: a bar in a terminal, now and then a plain line elsewhere."""
    if sys.stderr.isatty():
        with _bar(label, total, done) as show:
            yield show
    else:
        yield _Lines(label, total, done)


@contextmanager
def _bar(label: str, total: int, done: int) -> Iterator[ShowProgress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("{task.fields[words]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, completed=done, words="")

        def show(done: int, words: str = "") -> None:
            bar.update(task, completed=done, words=words)

        yield show


class _Lines:
    def __init__(self, label: str, total: int, done: int) -> None:
        self._label, self._total, self._first = label, total, done
        self._start = self._shown = time.monotonic()

    def __call__(self, done: int, words: str = "") -> None:
        now = time.monotonic()
        if done < self._total and now - self._shown < _PLAIN_INTERVAL:
            return
        self._shown = now
        left = (now - self._start) / max(done - self._first, 1) * (self._total - done)
        ending = f"about {duration(left)} left" if done < self._total else f"took {duration(now - self._start)}"
        print(
            f"{self._label}: {done}/{self._total}, {ending}{', ' + words if words else ''}", file=sys.stderr, flush=True
        )


def duration(seconds: float) -> str:
    """Return a duration in its largest two units.

    Examples
    --------
    >>> duration(0.42), duration(75), duration(7320), duration(200000)
    ('0.4 s', '1 min 15 s', '2 h 2 min', '2 d 7 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def size(n_bytes: float) -> str:
    """Return bytes in words: 310 MiB, 1.5 GiB."""
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"


def note(text: str) -> None:
    """Print a message for the person, on standard error; results go to standard output."""
    print(text, file=sys.stderr, flush=True)
