"""Settings of a whole process that fits networks: for commands and trials, not for programs that import nasdip."""

import ctypes
import os
import platform

# Of glibc's mallopt.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_MOST = 2**31 - 1


def prepare() -> None:
    """Make this process fast at fitting; to be called before torch is imported."""
    # Threads that wait by spinning for long make fits several times slower on a processor that others use too;
    # not spinning at all costs up to half the speed on one that they do not.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    _keep_memory()


def _keep_memory() -> None:
    """Let glibc keep freed memory for the next step.

    It gives every large tensor back to the system, which clears its pages anew in the next step, which takes longer
    than the work on it (`tests/test_process.py` counts the pages).
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, _MOST)
