"""How a restoration will be done: its plan, and why a budget picked it."""

from collections.abc import Callable
from typing import NamedTuple

from nasdip.fit.device import available_memory, describe
from nasdip.network.build import count_weights
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.fit_task import FitTask
from nasdip.restoration.tile_choice import TilesAndCost
from nasdip.restoration.working_time import WorkingTime, seconds_of_reference, working_time


class Choice(NamedTuple):
    """Why a budget picked what it did.

    Attributes
    ----------
    budget : float
        Seconds.
    name : str
        Of the architecture.
    time : WorkingTime
        What it takes.
    whole : WorkingTime or None
        What it would take with all of its steps, where it was cut.
    dearer : tuple of (str, float)
        Better ones that take too long, and how many seconds.
    refused : tuple of (str, str)
        Those that cannot be fitted here, and why.
    begun : bool
        Whether an earlier start picked it.
    """

    budget: float
    name: str
    time: WorkingTime
    whole: WorkingTime | None = None
    dearer: tuple[tuple[str, float], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    begun: bool = False


class Plan(NamedTuple):
    """How a restoration will be done.

    Attributes
    ----------
    task : FitTask
        What its fits share.
    repeats : int
        Repetitions that are asked for.
    tiles : TilesAndCost
        The tiles, if any, and what a fit costs.
    resumed : bool
        Whether the tiles are those of an earlier start, which is gone on with.
    done : int
        Fits of that start which are on disk, among the repetitions that are asked for.
    choice : Choice or None
        Why a budget picked the architecture; None without one.
    """

    task: FitTask
    repeats: int
    tiles: TilesAndCost
    resumed: bool = False
    done: int = 0
    choice: Choice | None = None

    @property
    def missing(self) -> int:
        """Fits to be done."""
        return self.repeats * self.tiles.fits - self.done

    @property
    def parameters(self) -> int:
        """Weights of each network."""
        task = self.task
        return count_weights(task.architecture, task.measurement.image_shape[2], task.config.input_channels, task.width)

    @property
    def device(self) -> str:
        """Where it will be done, in words."""
        return describe(self.task.device)

    @property
    def free_memory(self) -> int | None:
        """Bytes that are free there now; None where the system does not tell."""
        return available_memory(self.task.device)

    def time(self, folder: RestorationFolder | None = None) -> WorkingTime:
        """Return the estimated time of what is to be done; `folder` may hold an earlier start."""
        if self.choice is not None:
            return self.choice.time
        return self.time_with(folder, lambda: seconds_of_reference(self.task))

    def time_with(self, folder: RestorationFolder | None, reference_seconds: Callable[[], float]) -> WorkingTime:
        """Return that time where somebody knows how long the reference takes."""
        step = self.tiles.estimate.seconds(self.missing)
        return working_time(self.task, step, folder if self.resumed else None, reference_seconds)
