"""One thread for small tensors."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch's operators on the CPU use one thread, and restore their number.

    A policy's tensors are so small that more threads only wait for each other (many times slower on a busy machine),
    and with one thread sums do not depend on the machine's number of cores. Works as a decorator too.

    Examples
    --------
    >>> before = torch.get_num_threads()
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
