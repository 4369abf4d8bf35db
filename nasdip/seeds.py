"""Derived seeds: independent streams from one seed that a person gives."""

import numpy as np

from nasdip.errors import NasdipError


def derive_seed(seed: int, *keys: int) -> int:
    """Return a 63-bit seed for the stream that `keys` name; other keys give statistically independent streams.

    Examples
    --------
    >>> derive_seed(0, 1) == derive_seed(0, 1), derive_seed(0, 1) == derive_seed(0, 2)
    (True, False)
    """
    if seed < 0:
        raise NasdipError(f"seed {seed} is negative: use 0 or more")
    low, high = np.random.SeedSequence([seed, *keys]).generate_state(2)
    return (int(high) << 31 ^ int(low)) & (2**63 - 1)
