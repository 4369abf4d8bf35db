"""Regularised evolution: tournaments, mutation, and death by age."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nasdip.errors import NasdipError
from nasdip.searchers.searcher import Encoding, Searcher, check_number
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace


@dataclass(frozen=True)
class EvolutionSettings:
    """Knobs of `Evolution`; the defaults suit searches of 20 to 1000 trials.

    Parameters
    ----------
    population : int
        Outcomes that are alive, at least 2; as many random trials come first. Larger = more exploration, slower start.
    tournament : int
        Members drawn to compete for being the parent, from 1 to `population`. Larger = greedier.
    """

    population: int = 20
    tournament: int = 5

    def __post_init__(self) -> None:
        check_number("population", self.population, 2, 10**6, whole=True)
        check_number("tournament", self.tournament, 1, self.population, whole=True)


class Evolution(Searcher):
    """Regularised (aging) evolution (Real et al., AAAI 2019).

    Until `population` outcomes have come in, suggestions are random. From then on each is a mutation of the best of
    `tournament` members drawn without replacement, and each outcome that comes in replaces the oldest member, however
    good that is: noise cannot keep a lucky architecture alive. Age counts from the arrival of the reward, so
    late rewards, and many suggestions before any reward, need no special care.

    Examples
    --------
    >>> space = SearchSpace.load("tiny")
    >>> evolution = Evolution(space, seed=0, settings=EvolutionSettings(population=4, tournament=2))
    >>> len(evolution.suggest(3))
    3
    """

    name = "evolution"
    settings_type = EvolutionSettings

    def __init__(self, space: SearchSpace, *, seed: int, settings: EvolutionSettings | None = None) -> None:
        super().__init__(space, seed=seed, settings=settings)
        self._rng = np.random.default_rng(seed)
        self._population: deque[tuple[Encoding, float]] = deque(maxlen=self.settings.population)

    def _propose(self, count: int) -> list[Architecture]:
        if len(self._population) < self.settings.population:
            return [self.space.sample(self._rng) for _ in range(count)]
        return [self.space.decode(mutate(self.space, self._parent(), self._rng)) for _ in range(count)]

    def _parent(self) -> Encoding:
        entrants = self._rng.choice(len(self._population), self.settings.tournament, replace=False)
        return max((self._population[i] for i in entrants), key=lambda member: member[1])[0]

    def _learn(self, outcomes: Sequence[tuple[Encoding, float]]) -> None:
        self._population.extend(outcomes)

    def _state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        population = [[list(code), reward] for code, reward in self._population]
        return {"rng": self._rng.bit_generator.state, "population": population}, {}

    def _restore(self, meta: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        rng = np.random.default_rng()
        rng.bit_generator.state = meta["rng"]
        population = [(tuple(code), float(reward)) for code, reward in meta["population"]]
        self._rng, self._population = rng, deque(population, maxlen=self.settings.population)


def mutate(space: SearchSpace, encoding: Encoding, rng: np.random.Generator) -> Encoding:
    """Return another valid encoding: one free decision, drawn uniformly, takes another of its allowed options.

    Later decisions keep their option unless it is no longer allowed, or was the only one allowed before (then it
    says nothing); such decisions are drawn uniformly from what is allowed. NasdipError for a space of one architecture.

    Examples
    --------
    >>> space = SearchSpace.load("tiny")
    >>> rng = np.random.default_rng(0)
    >>> parent = space.encode(space.sample(rng))
    >>> mutate(space, parent, rng) != parent
    True
    """
    masks = [space.mask(encoding[:i]) for i in range(len(encoding))]
    free = [i for i, mask in enumerate(masks) if sum(mask) > 1]
    if not free:
        raise NasdipError(f"search space '{space.name}' holds one architecture: add options to search")
    place = int(rng.choice(free))
    others = [o for o, allowed in enumerate(masks[place]) if allowed and o != encoding[place]]
    child = [*encoding[:place], int(rng.choice(others))]
    for i in range(place + 1, len(encoding)):
        mask = space.mask(child)
        keep = mask[encoding[i]] and (sum(masks[i]) > 1 or sum(mask) == 1)
        child.append(encoding[i] if keep else int(rng.choice(np.flatnonzero(mask))))
    return tuple(child)
