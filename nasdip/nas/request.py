"""From a request for a search to the settings that its run records."""

from typing import Any

from nasdip.measurement.operators.identity import Identity
from nasdip.options.search import SearchSettings
from nasdip.options.search_request import SearchOptions
from nasdip.space.architecture import Architecture
from nasdip.zoo.catalog import find_architecture


def settings_of(options: SearchOptions, task: str = Identity.task, **others: Any) -> SearchSettings:
    """Return the settings of a new run for a task, as the zoo calls it.

    `others` are fields of `SearchSettings` that are decided elsewhere.
    """
    return options.settings(candidate_texts(options.candidates, task), **others)


def candidate_texts(given: list[str | Architecture] | None, task: str = Identity.task) -> tuple[str, ...]:
    """Return the text forms of candidates: the zoo's default where they are not given, none for the word none."""
    if given == ["none"]:
        return ()
    names: list[str | Architecture | None] = [None] if given is None else [*given]
    return tuple(str(name if isinstance(name, Architecture) else find_architecture(name, task)) for name in names)
