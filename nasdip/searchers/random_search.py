"""Random search: the yardstick of every other searcher."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from nasdip.searchers.searcher import Encoding, Searcher
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace


class RandomSearch(Searcher):
    """Independent draws with `SearchSpace.sample`; rewards change nothing (Bergstra & Bengio, JMLR 2012).

    Examples
    --------
    >>> space = SearchSpace.load("tiny")
    >>> first, second = (RandomSearch(space, seed=1) for _ in range(2))
    >>> first.suggest(3) == second.suggest(3)
    True
    """

    name = "random"

    def __init__(self, space: SearchSpace, *, seed: int, settings: Any = None) -> None:
        super().__init__(space, seed=seed, settings=settings)
        self._rng = np.random.default_rng(seed)

    def _propose(self, count: int) -> list[Architecture]:
        return [self.space.sample(self._rng) for _ in range(count)]

    def _learn(self, outcomes: Sequence[tuple[Encoding, float]]) -> None:
        """Rewards do not matter here."""

    def _state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        return {"rng": self._rng.bit_generator.state}, {}

    def _restore(self, meta: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        rng = np.random.default_rng()
        rng.bit_generator.state = meta["rng"]
        self._rng = rng
