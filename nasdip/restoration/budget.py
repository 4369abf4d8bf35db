"""Picking an architecture, and if need be fewer steps, so that a restoration takes no longer than it may."""

import math
from collections.abc import Iterator, Mapping
from typing import Protocol

from nasdip.errors import NasdipError
from nasdip.options.quality import Quality
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.fit_task import FitTask
from nasdip.restoration.planned import Choice, Plan
from nasdip.restoration.working_time import WorkingTime
from nasdip.space.architecture import Architecture

# Of a fit, which no budget cuts: with fewer its learning rate hardly gets to its value.
LEAST_STEPS = 50


class Maker(Protocol):
    """Makes plans of architectures; `steps` are those that were asked for where None."""

    quality: Quality

    def task(self, architecture: Architecture, steps: int | None = None) -> FitTask:
        """Return what is fitted."""
        ...

    def plan_of(self, task: FitTask) -> Plan:
        """Return how it is fitted."""
        ...

    def time(self, made: Plan, folder: RestorationFolder | None) -> WorkingTime:
        """Return how long that takes."""
        ...


class Budget:
    """Picks the best architecture whose restoration takes at most `seconds` on this machine.

    The time is the upper bound that is announced before a fit: all steps of all fits, though stopping rules end most
    of them sooner, and the estimates without a network. Where nothing fits, the cheapest one takes fewer steps.

    Parameters
    ----------
    seconds : float
        Of the whole restoration, above 0; larger = better, slower.
    maker : Maker
        Makes plans.
    folder : RestorationFolder, optional
        Where the restoration goes. What an earlier start there picked for the same budget is gone on with, since
        measured times vary. It will keep the budget in its record.
    """

    def __init__(self, seconds: float, maker: Maker, folder: RestorationFolder | None = None) -> None:
        self._seconds, self._maker, self._folder = seconds, maker, folder
        self._refused: list[tuple[str, NasdipError]] = []

    def pick(self, front: Mapping[str, Architecture]) -> Plan:
        """Pick from architectures, from cheapest and worst to dearest and best (`nasdip.zoo.front.zoo_front`).

        Raises
        ------
        NasdipError
            Where none of them can be fitted here.
        """
        begun = self._begun(front)
        if begun is not None:
            return begun
        dearer: list[tuple[str, Plan]] = []
        for name, offered in self._offers(front):
            if offered.time().total <= self._seconds:
                return self._picked(name, offered, tuple((n, other.time().total) for n, other in dearer))
            dearer.append((name, offered))
        cheapest = min(dearer, key=lambda offer: offer[1].time().total)
        others = [cheapest, *(offer for offer in dearer if offer is not cheapest)]
        return self._cut(*cheapest, tuple((n, other.time().total) for n, other in others))

    def _begun(self, front: Mapping[str, Architecture]) -> Plan | None:
        """Return what an earlier start picked for the same budget, where all else is the same too."""
        if self._folder is None:
            return None
        asked = self._maker.task(next(iter(front.values()))).config.steps
        repeats = self._maker.quality.repeats
        self._folder.budget = {"seconds": float(self._seconds), "steps": asked, "repeats": repeats}
        known = self._folder.picked()
        if known is None:
            return None
        text, steps = known
        for name in (name for name, architecture in front.items() if str(architecture) == text):
            task = self._maker.task(front[name], steps)
            if self._matches(task):
                made = self._offer(name, task)
                return made._replace(choice=Choice(self._seconds, name, made.time(), begun=True))
        return None

    def _offers(self, front: Mapping[str, Architecture]) -> Iterator[tuple[str, Plan]]:
        """Make plans, the best first; what cannot be fitted here (memory, width) is left out."""
        made = False
        for name, architecture in reversed(list(front.items())):
            try:
                offered = self._offer(name, self._maker.task(architecture))
            except NasdipError as error:
                self._refused.append((name, error))
                continue
            made = True
            yield name, offered
        if not made:
            raise self._refused[-1][1]

    def _cut(self, name: str, whole: Plan, dearer: tuple[tuple[str, float], ...]) -> Plan:
        """Return the plan with as many steps as the budget allows, from LEAST_STEPS on where it had so many."""
        # Another number of steps is another restoration: it starts anew, unless it was started before.
        anew = whole._replace(resumed=False, done=0)
        time = self._maker.time(anew, None)
        allowed = math.floor((self._seconds - time.others) / time.step)
        steps = min(time.steps, max(allowed, LEAST_STEPS))
        task = self._maker.task(whole.task.architecture, steps)
        cut = anew._replace(task=task)
        if self._folder is not None and self._matches(task):
            cut = self._offer(name, task)
            time = cut.time()
        return self._picked(name, cut, dearer, time._replace(steps=steps), whole.time())

    def _offer(self, name: str, task: FitTask) -> Plan:
        made = self._maker.plan_of(task)
        return made._replace(choice=Choice(self._seconds, name, self._maker.time(made, self._folder)))

    def _picked(
        self,
        name: str,
        made: Plan,
        dearer: tuple[tuple[str, float], ...],
        time: WorkingTime | None = None,
        whole: WorkingTime | None = None,
    ) -> Plan:
        refused = tuple((refused, str(error)) for refused, error in self._refused)
        return made._replace(choice=Choice(self._seconds, name, time or made.time(), whole, dearer, refused))

    def _matches(self, task: FitTask) -> bool:
        folder = self._folder
        return folder is not None and folder.matches(task.measurement.pixels, task.clean, task.identity(None))
