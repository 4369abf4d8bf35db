"""Picking an architecture, and if need be fewer steps, so that a restoration takes no longer than it may."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from numbers import Real
from typing import NamedTuple

import torch

from nasdip.classical.reference import reference_seconds
from nasdip.console import duration
from nasdip.errors import NasdipError
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.run import Plan, plan_restoration
from nasdip.restoration.task import Task
from nasdip.restoration.tile_choice import TileChoice
from nasdip.restoration.working_time import WorkingTime, working_time
from nasdip.space.architecture import Architecture

# Of a fit, which no budget cuts: with fewer its learning rate hardly gets to its value.
LEAST_STEPS = 50
_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}

# Makes the task of an architecture; the steps are those that were asked for where None.
MakeTask = Callable[[Architecture, int | None], Task]


class Offer(NamedTuple):
    """How a picture could be restored, or will be, and what time that takes."""

    name: str
    task: Task
    plan: Plan
    time: WorkingTime


class Pick(NamedTuple):
    """What is restored, and why it was picked, in words."""

    task: Task
    plan: Plan
    time: WorkingTime
    words: str


def parse_budget(text: str | None) -> float | None:
    """Return the seconds that a person typed; None where nothing was.

    Parameters
    ----------
    text : str, optional
        A number above 0 and its unit: s (also without one), m or min, h.

    Raises
    ------
    NasdipError
        Where it is something else.

    Examples
    --------
    >>> parse_budget("60s"), parse_budget("5m"), parse_budget("1.5h"), parse_budget("90")
    (60.0, 300.0, 5400.0, 90.0)
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*)\s*", text, re.ASCII)
    if found is None or found[2] not in _UNITS:
        raise NasdipError(f"budget '{text}' is no time: use one like 60s, 5m, 1.5h or 90 (seconds)")
    return float(found[1]) * _UNITS[found[2]]


def check_budget(budget: float | None, architecture: object) -> None:
    """Raise NasdipError for a budget (s) that is no time, or beside an architecture that a person chose."""
    if budget is None:
        return
    if not (isinstance(budget, Real) and 0 < budget < math.inf):
        raise NasdipError(f"budget {budget!r} is no time: use a number of seconds above 0")
    if architecture is not None:
        raise NasdipError("a budget picks the architecture itself: drop either the architecture or the budget")


def pick(
    budget: float,
    front: Mapping[str, Architecture],
    make: MakeTask,
    *,
    repeats: int = 1,
    tile: TileChoice = "auto",
    folder: RestorationFolder | None = None,
) -> Pick:
    """Pick the best architecture whose restoration takes at most `budget` seconds on this machine.

    The time is the upper bound that is announced before a fit: all steps of all fits, though stopping rules end most
    of them sooner, and the estimates without a network. Where nothing fits, the cheapest one takes fewer steps.

    Parameters
    ----------
    budget : float
        Seconds of the whole restoration, above 0; larger = better, slower.
    front : mapping of str to Architecture
        What to pick from, from cheapest and worst to dearest and best, as `nasdip.zoo.front.zoo_front` gives it.
    make : callable
        Makes the task of an architecture.
    repeats, tile
        As for `nasdip.restoration.run.plan_restoration`.
    folder : RestorationFolder, optional
        Where the restoration goes. What an earlier start there picked for the same budget is gone on with, since
        measured times vary. It will keep the budget in its record.

    Raises
    ------
    NasdipError
        Where none of them can be fitted here.
    """
    shop = _Shop(make, repeats, tile, folder)
    begun = None if folder is None else shop.begun(front, folder, budget)
    if begun is not None:
        words = f"going on with {begun.name}, which an earlier start picked"
        return _picked(begun, f"{_heading(budget)}{words}, estimated {duration(begun.time.total)}")
    dearer: list[Offer] = []
    for offer in shop.offers(front):
        if offer.time.total <= budget:
            return _picked(offer, _heading(budget) + _words(offer, dearer) + shop.left_out())
        dearer.append(offer)
    cheapest = min(dearer, key=lambda offer: offer.time.total)
    dearer = [cheapest, *(offer for offer in dearer if offer is not cheapest)]
    cut = shop.cut(cheapest, budget)
    return _picked(cut, _heading(budget) + _cut_words(cut, dearer, budget) + shop.left_out())


class _Shop:
    """Makes offers; the time of the estimates without a network, which all share, is measured once."""

    def __init__(self, make: MakeTask, repeats: int, tile: TileChoice, folder: RestorationFolder | None) -> None:
        self._make, self._repeats, self._tile, self._folder = make, repeats, tile, folder
        self._reference_seconds: Callable[[], float] | None = None
        self._refused: list[tuple[str, NasdipError]] = []

    def begun(self, front: Mapping[str, Architecture], folder: RestorationFolder, budget: float) -> Offer | None:
        """Return what an earlier start picked for the same budget, where all else is the same too."""
        asked = self._make(next(iter(front.values())), None).config.steps
        folder.budget = {"seconds": float(budget), "steps": asked, "repeats": self._repeats}
        known = folder.picked()
        if known is None:
            return None
        text, steps = known
        for name in (name for name, architecture in front.items() if str(architecture) == text):
            task = self._make(front[name], steps)
            if _matches(folder, task):
                return self._offer(name, task)
        return None

    def offers(self, front: Mapping[str, Architecture]) -> Iterator[Offer]:
        """Make offers, the best first; what cannot be fitted here (memory, width) is left out."""
        made = False
        for name, architecture in reversed(list(front.items())):
            try:
                offer = self._offer(name, self._make(architecture, None))
            except NasdipError as error:
                self._refused.append((name, error))
                continue
            made = True
            yield offer
        if not made:
            raise self._refused[-1][1]

    def cut(self, offer: Offer, budget: float) -> Offer:
        """Return the offer with as many steps as the budget allows, from LEAST_STEPS on where it had so many."""
        # Another number of steps is another restoration: it starts anew, unless it was started before.
        plan = offer.plan._replace(resumed=False, done=0)
        time = self._time(offer.task, plan, None)
        allowed = math.floor((budget - time.others) / time.step)
        steps = min(time.steps, max(allowed, LEAST_STEPS))
        task = self._make(offer.task.architecture, steps)
        if self._folder is not None and _matches(self._folder, task):
            return self._offer(offer.name, task)
        return Offer(offer.name, task, plan, time._replace(steps=steps))

    def left_out(self) -> str:
        """Return what could not be fitted, in words."""
        return "".join(f"; {name} is left out: {error}" for name, error in self._refused)

    def _offer(self, name: str, task: Task) -> Offer:
        plan = plan_restoration(task, repeats=self._repeats, tile=self._tile, folder=self._folder)
        return Offer(name, task, plan, self._time(task, plan, self._folder))

    def _time(self, task: Task, plan: Plan, folder: RestorationFolder | None) -> WorkingTime:
        if self._reference_seconds is None:
            seen = task.observation
            self._reference_seconds = cache(lambda: reference_seconds(seen, workers=torch.get_num_threads()))
        return working_time(task, plan, folder, self._reference_seconds)


def _matches(folder: RestorationFolder, task: Task) -> bool:
    return folder.matches(task.observation.pixels, task.clean, task.settings(None))


def _picked(offer: Offer, words: str) -> Pick:
    return Pick(offer.task, offer.plan, offer.time, words)


def _heading(budget: float) -> str:
    return f"budget {duration(budget)}: "


def _words(offer: Offer, dearer: list[Offer]) -> str:
    """Return what was picked, and the better ones that take too long, in words."""
    reason = _would_take(dearer) if dearer else "none is better"
    return f"{offer.name}, estimated {duration(offer.time.total)} ({reason})"


def _cut_words(cut: Offer, dearer: list[Offer], budget: float) -> str:
    """Return how far the steps were cut, in words; the first one of `dearer` is the same offer with all steps."""
    full = dearer[0].time.steps
    steps = f"{cut.time.steps} of {full} steps" if cut.time.steps < full else f"its {full} steps"
    over = ", more than the budget, which cuts no deeper" if cut.time.total > budget else ""
    return f"{cut.name} with {steps}, estimated {duration(cut.time.total)}{over} ({_would_take(dearer)})"


def _would_take(offers: list[Offer]) -> str:
    return "; ".join(f"{offer.name} would take {duration(offer.time.total)}" for offer in offers)
