"""The searchers by name."""

import dataclasses
from typing import Any

from nasdip.errors import NasdipError
from nasdip.searchers.evolution import Evolution
from nasdip.searchers.random_search import RandomSearch
from nasdip.searchers.reinforce import Reinforce
from nasdip.searchers.searcher import Searcher
from nasdip.space.search_space import SearchSpace

SEARCHERS: dict[str, type[Searcher]] = {cls.name: cls for cls in (Reinforce, Evolution, RandomSearch)}


def make_searcher(name: str, space: SearchSpace, *, seed: int, **settings: Any) -> Searcher:
    """Return the searcher `name` with the given settings; NasdipError for unknown names, settings or values.

    Examples
    --------
    >>> make_searcher("evolution", SearchSpace.load("tiny"), seed=0, population=8).settings
    EvolutionSettings(population=8, tournament=5)
    """
    if name not in SEARCHERS:
        raise NasdipError(f"unknown searcher '{name}': use one of {', '.join(SEARCHERS)}")
    cls = SEARCHERS[name]
    known = [field.name for field in dataclasses.fields(cls.settings_type)]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise NasdipError(f"searcher '{name}' has no setting '{unknown[0]}': use {', '.join(known) or 'none'}")
    return cls(space, seed=seed, settings=cls.settings_type(**settings))
