"""The searchers by name: what people are told of them, and where they are. They are loaded at first use."""

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

from nasdip.errors import NasdipError

if TYPE_CHECKING:
    from nasdip.searchers.searcher import Searcher
    from nasdip.space.search_space import SearchSpace


class SearcherEntry(NamedTuple):
    """A searcher.

    Attributes
    ----------
    name : str
        What options call it.
    place : str or class
        The subclass of `Searcher`, or its module and name.
    summary : str
        What it is, in a few words.
    learns : bool
        Whether rewards change what it proposes; if not, its trials need not wait for each other.
    warm_start : int
        How many architectures are scored without a fit before its first proposal, by default.
    """

    name: str
    place: "str | type[Searcher]"
    summary: str
    learns: bool = True
    warm_start: int = 0

    @property
    def searcher(self) -> "type[Searcher]":
        """The class."""
        if not isinstance(self.place, str):
            return self.place
        module, name = self.place.split(":")
        found: type[Searcher] = getattr(importlib.import_module(module), name)
        return found


SEARCHERS = {
    entry.name: entry
    for entry in (
        SearcherEntry(
            "reinforce",
            "nasdip.searchers.reinforce:Reinforce",
            "an LSTM policy trained by REINFORCE",
            warm_start=400,
        ),
        SearcherEntry("evolution", "nasdip.searchers.evolution:Evolution", "regularised evolution"),
        SearcherEntry(
            "random", "nasdip.searchers.random_search:RandomSearch", "uniform random search, the baseline", learns=False
        ),
    )
}


def find_searcher(name: str) -> SearcherEntry:
    """Return the searcher of a name; NasdipError where there is none."""
    if name not in SEARCHERS:
        raise NasdipError(f"unknown searcher '{name}': use one of {', '.join(SEARCHERS)}")
    return SEARCHERS[name]


def make_searcher(name: str, space: "SearchSpace", *, seed: int, **settings: Any) -> "Searcher":
    """Return the searcher `name` with the given settings; NasdipError for unknown names, settings or values.

    Examples
    --------
    >>> from nasdip.space.search_space import SearchSpace
    >>> make_searcher("evolution", SearchSpace.load("tiny"), seed=0, population=8).settings
    EvolutionSettings(population=8, tournament=5)
    """
    cls = find_searcher(name).searcher
    settings = cls.with_new_names(settings)
    known = [field.name for field in dataclasses.fields(cls.settings_type)]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise NasdipError(f"searcher '{name}' has no setting '{unknown[0]}': use {', '.join(known) or 'none'}")
    return cls(space, seed=seed, settings=cls.settings_type(**settings))
