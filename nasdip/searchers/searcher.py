"""What every searcher does: suggest architectures, learn from outcomes, dump and load its state."""

import dataclasses
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from nasdip.errors import NasdipError
from nasdip.searchers.state import SearcherState
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

__all__ = ["Encoding", "NoSettings", "OtherState", "Outcome", "Searcher", "SearcherState", "check_number"]

Encoding = tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """An architecture and the reward its trial earned (larger is better, any unit; finite, else NasdipError)."""

    architecture: Architecture
    reward: float

    def __post_init__(self) -> None:
        try:
            finite = math.isfinite(self.reward)
        except TypeError:
            finite = False
        if not finite:
            raise NasdipError(f"reward {self.reward!r} is not a finite number: give failed trials a floor, like 0 dB")


@dataclass(frozen=True)
class NoSettings:
    """The settings of a searcher that has none."""


class OtherState(NasdipError):
    """A state that another searcher, space, or version with other settings, has left."""


class Searcher(ABC):
    """What proposes the next architecture and learns from rewards.

    Rewards may come late, out of order, several times for one architecture, or for architectures that the searcher
    never suggested. The global random number generators are neither read nor changed.

    Parameters
    ----------
    space : SearchSpace
        What may be searched; at least two architectures.
    seed : int
        Same seed, settings and calls: same suggestions.
    settings : frozen dataclass
        An instance of `settings_type`; its defaults where None.
    """

    name: ClassVar[str]
    settings_type: ClassVar[type[Any]] = NoSettings
    renamed_settings: ClassVar[Mapping[str, str]] = {}  # what earlier versions called them, and they are called now

    def __init__(self, space: SearchSpace, *, seed: int, settings: Any = None) -> None:
        if space.size < 2:
            raise NasdipError(f"search space '{space.name}' holds one architecture: add options, or fit that one")
        check_number("seed", seed, 0, 2**63 - 1, whole=True)
        self.space = space
        self.settings = self.settings_type() if settings is None else settings
        if not isinstance(self.settings, self.settings_type):
            raise NasdipError(f"searcher '{self.name}' takes {self.settings_type.__name__}, not {self.settings!r}")

    def suggest(self, count: int = 1) -> list[Architecture]:
        """Return the next `count` (at least 1) architectures; all lie in the space, and some may repeat."""
        check_number("count", count, 1, math.inf, whole=True)
        return self._propose(count)

    def warm_start(self, scored: Sequence[tuple[Architecture, float]]) -> None:
        """Prefer, before any reward, what scores well without being fitted (larger is better, any unit).

        To be called before the first suggestion. Searchers that cannot use it leave it out. NasdipError where the space
        does not hold an architecture, or a score is not finite.
        """
        if not all(math.isfinite(score) for _, score in scored):
            raise NasdipError("a score of the warm start is not finite: leave such architectures out")
        if scored:
            self._warm_start([(self.space.encode(architecture), float(score)) for architecture, score in scored])

    def update(self, outcomes: Sequence[Outcome]) -> None:
        """Learn from outcomes. NasdipError, and nothing learned, where the space does not hold an architecture."""
        encodings = [self.space.encode(outcome.architecture) for outcome in outcomes]
        self._learn([(code, float(o.reward)) for code, o in zip(encodings, outcomes, strict=True)])

    def diagnostics(self) -> dict[str, float]:
        """Return numbers worth logging; {} where there are none (yet)."""
        return {}

    def dump(self) -> SearcherState:
        """Return the whole state, as copies.

        After ``other.load(state)``, `other` behaves exactly like this searcher: the same suggestions and diagnostics
        after the same calls. Random number generators, reward baseline, buffered outcomes, optimiser moments and
        counters are included, so a search may be cut at any trial, even in the middle of a batch.
        """
        meta, tensors = self._state()
        return SearcherState({**self._identity(), "state": meta}, {k: v.detach().clone() for k, v in tensors.items()})

    def load(self, state: SearcherState) -> None:
        """Take over a dumped state; the seed this searcher was made with no longer matters.

        NasdipError, and nothing changed, for another searcher's, space's or settings' state, or a damaged one.
        """
        theirs = dict(state.meta)
        if isinstance(theirs.get("settings"), dict):
            theirs["settings"] = self.with_new_names(theirs["settings"])
        for key, mine in self._identity().items():
            if theirs.get(key) != mine:
                raise OtherState(
                    f"the state belongs to another {key}: resume with the one it was saved with, or start afresh"
                )
        try:
            self._restore(state.meta["state"], state.tensors)
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise NasdipError(
                f"the state of searcher '{self.name}' is damaged ({type(error).__name__}): start the search afresh"
            ) from None

    @classmethod
    def with_new_names(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings with the names that they have now, those of earlier versions included."""
        return {cls.renamed_settings.get(name, name): value for name, value in settings.items()}

    def _identity(self) -> dict[str, Any]:
        """Return what a state must share with the searcher that loads it, as JSON would return it."""
        decisions = [[d.name, d.options] for d in self.space.decisions]
        identity = {"searcher": self.name, "space": decisions, "settings": dataclasses.asdict(self.settings)}
        return dict(json.loads(json.dumps(identity)))

    @abstractmethod
    def _propose(self, count: int) -> list[Architecture]:
        """Return `count` architectures."""

    @abstractmethod
    def _learn(self, outcomes: Sequence[tuple[Encoding, float]]) -> None:
        """Learn from valid encodings and finite rewards."""

    def _warm_start(self, scored: Sequence[tuple[Encoding, float]]) -> None:  # noqa: B027 (optional)
        """Use valid encodings with finite scores."""

    @abstractmethod
    def _state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Return the JSON-able and the tensor part of the state."""

    @abstractmethod
    def _restore(self, meta: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        """Take over what `_state` returned; nothing may change where that raises."""


def check_number(name: str, value: Any, low: float, high: float, *, whole: bool = False) -> None:
    """Raise NasdipError unless `value` is a number (a whole one, on demand) from `low` to `high`."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        bounds = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise NasdipError(f"{name} is {value!r}: give {kind} {bounds}")
