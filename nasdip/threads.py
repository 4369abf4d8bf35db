"""How many threads torch's operators use on the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def use_threads(count: int | None) -> Iterator[None]:
    """Let torch's operators on the CPU use `count` threads (None: as many as now), and restore their number.

    Sums are rounded differently with another number of threads, and a fit of hundreds of steps makes tenths of a dB
    of it: what has to be comparable fixes the number. Works as a decorator too.

    Examples
    --------
    >>> before = torch.get_num_threads()
    >>> with use_threads(1):
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
