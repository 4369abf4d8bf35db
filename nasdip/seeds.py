"""Derived seeds: independent streams from one seed that a person gives."""

import numpy as np


def derive_seed(seed: int, *keys: int) -> int:
    """Return a 63-bit seed for the stream that `keys` name; other keys give statistically independent streams.

    Examples
    --------
    >>> derive_seed(0, 1) == derive_seed(0, 1), derive_seed(0, 1) == derive_seed(0, 2)
    (True, False)
    """
    low, high = np.random.SeedSequence([seed, *keys]).generate_state(2)
    return (int(high) << 31 ^ int(low)) & (2**63 - 1)
