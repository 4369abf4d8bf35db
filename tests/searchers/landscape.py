"""A synthetic reward over the published NAS-DIP space, known in closed form and independent of every searcher."""

from dataclasses import dataclass

import numpy as np

from nasdip.space.architecture import Architecture, CrossSkipArchitecture

_CELL_OPTIONS: dict[str, tuple[str | int, ...]] = {
    "spatial": ("bilinear", "bicubic", "nearest", "pixel-shuffle", "pixel-shuffle-last", "transposed"),
    "channel": ("conv", "transposed-conv", "split-sum", "separable", "depthwise", "identity"),
    "kernel": (1, 3, 5, 7),
    "activation": ("none", "relu", "leaky-relu"),
}
_SKIPS = 25


@dataclass(frozen=True)
class Landscape:
    """r(a) = 28 + (sum_t u[t, a_t] + sum_(t,v) w[t, v, a_t, a_v]) / scale, in dB, without noise.

    a_1 ... a_29 are the four options of the cell and the 25 skips. The additive u are standard normal; so are, times
    0.5, the interactions w of as many random pairs of decisions as there are decisions. `scale` makes the standard
    deviation over random architectures about 1 dB.
    """

    additive: np.ndarray  # (T, K)
    pairs: np.ndarray  # (P, 2)
    pairwise: np.ndarray  # (P, K, K)
    scale: float

    @staticmethod
    def draw(seed: int) -> "Landscape":
        rng = np.random.default_rng([seed, 2718])
        length, width = len(_CELL_OPTIONS) + _SKIPS, max(map(len, _CELL_OPTIONS.values()))
        pairs = np.array([rng.choice(length, 2, replace=False) for _ in range(length)])
        additive = rng.standard_normal((length, width))
        pairwise = 0.5 * rng.standard_normal((length, width, width))
        return Landscape(additive, pairs, pairwise, scale=float(np.sqrt(length * (1 + 0.25) / 2)))

    def reward(self, architecture: Architecture) -> float:
        assert isinstance(architecture, CrossSkipArchitecture)
        cell = [options.index(getattr(architecture.cell, name)) for name, options in _CELL_OPTIONS.items()]
        code = np.array([*cell, *(int(digit) for row in architecture.skips for digit in row)])
        rows = np.arange(len(code))
        left, right = code[self.pairs].T
        return 28.0 + float(self.additive[rows, code].sum() + self.pairwise[rows, left, right].sum()) / self.scale
