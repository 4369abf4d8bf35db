"""The settings of a search: what is searched, how a trial is evaluated, and what is done with the best."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from nasdip.errors import NasdipError
from nasdip.options.early_stop import EarlyStop
from nasdip.options.fit import FitConfig
from nasdip.options.recipes import DEFAULT, PUBLISHED, find_recipe

_MOST_PARALLEL, _MOST_SCORED = 1024, 10**6

# What a trial is worth: see `SearchSettings`.
Reward = Literal["clean", "estimate", "heldout"]


@dataclass(frozen=True)
class ProxySettings:
    """The cheap fit that stands for a full one in a trial.

    Parameters
    ----------
    crop : int or None
        Side (px) of the centre crop that is fitted; None for the whole image.
    width : int
        Channels of every level, where the architecture leaves them open.
    steps : int
        Most optimiser steps; the recipe's rule ends most fits sooner. Too few for the size rank architectures by how
        fast they fit, not by how well (`experiments/benchmarks/fidelity.py`).
    heldout : float
        Fraction of the pixels held out of the loss, whatever the reward: they are the reward heldout, and half of the
        reward estimate.
    threads : int or None
        CPU threads of a fit, the same for all trials, since rewards depend on it by rounding (tenths of a dB); None
        for a trial's share of those that there are where the search starts, under NNI of the cores.
    recipe : str
        How to fit, see `nasdip.options.recipes`; always in float32, so that machines agree on what is best.
    """

    crop: int | None = 96
    width: int = 32
    steps: int = 600
    heldout: float = 0.2
    threads: int | None = None
    recipe: str = DEFAULT

    def __post_init__(self) -> None:
        if self.crop is not None and self.crop < 16:
            raise NasdipError(f"a crop of {self.crop} px is too small: use at least 16")
        if self.width < 1 or self.steps < 1:
            raise NasdipError(f"width {self.width} and steps {self.steps} must be at least 1")
        if self.threads is not None and self.threads < 1:
            raise NasdipError(f"{self.threads} threads are too few: use 1 or more")
        if not 0 < self.heldout <= 0.5:
            raise NasdipError(f"held-out fraction {self.heldout} is out of range: use a fraction in (0, 0.5]")
        find_recipe(self.recipe)

    @property
    def config(self) -> FitConfig:
        """The settings of the fit: of the recipe, whose rule ends most fits before the last step."""
        side = self.crop or 1  # the steps are laid down, and nothing else depends on the size
        config = find_recipe(self.recipe).settings(side, side, steps=self.steps, precision="fp32")
        return replace(config, heldout=self.heldout)

    def smaller(self, side: int) -> "ProxySettings":
        """Return the fit of two thirds of the crop (a multiple of 32 px) in two thirds of the steps.

        More of its pixels are held out, as it has fewer. It takes a third of the time; how well it ranks, and that a
        narrower network is no better than fewer trials, is measured by `experiments/benchmarks/fidelity.py`.

        Parameters
        ----------
        side : int
            Of what this proxy fits (px).

        Examples
        --------
        >>> small = ProxySettings(crop=96, width=32, steps=600).smaller(96)
        >>> small.crop, small.width, small.steps, small.heldout
        (64, 32, 400, 0.35)
        """
        crop, steps = max(32, 32 * round(side / 48)), max(1, 2 * self.steps // 3)
        return replace(self, crop=crop, steps=steps, heldout=round(min(0.5, 1.75 * self.heldout), 6))

    @staticmethod
    def from_json(data: dict[str, Any]) -> "ProxySettings":
        """Rebuild settings from their fields; those that name no recipe are older, and of the published one."""
        return ProxySettings(**{"recipe": PUBLISHED.name, **data})


@dataclass(frozen=True)
class CostTarget:
    """What a trial's fit may cost before its reward shrinks: r = PSNR - weight * max(0, log2(t / ms)).

    t is the measured time of an optimiser step of the trial (`TrialResult.step_ms`), so rewards, and with them the
    search, differ between machines and runs.

    Parameters
    ----------
    ms : float
        Milliseconds of a step of the proxy up to which nothing is lost.
    weight : float
        dB lost for each doubling beyond. Larger = cheaper architectures, even where they are worse.

    Examples
    --------
    >>> CostTarget(10.0).penalty(40.0), CostTarget(10.0).penalty(5.0)
    (2.0, 0.0)
    """

    ms: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("target", self.ms), ("weight", self.weight)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise NasdipError(f"the {name} of a step's cost is {value!r}: use a number above 0")

    def penalty(self, step_ms: float) -> float:
        """Return what the reward of a trial loses, dB."""
        return self.weight * max(0.0, math.log2(step_ms / self.ms))


@dataclass(frozen=True)
class FinalSettings:
    """The fit of the best architecture, initialised anew, to the whole image.

    Parameters
    ----------
    steps, width : int or None
        None for those of the recipe, which are filled in where the search starts. Steps of 0 leave the fit out.
    repeats : int
        Fits to average.
    recipe : str
        See `nasdip.options.recipes`.
    """

    steps: int | None = None
    width: int | None = None
    repeats: int = 1
    recipe: str = DEFAULT

    def __post_init__(self) -> None:
        find_recipe(self.recipe)
        if (self.steps or 0) < 0 or (self.width is not None and self.width < 1) or self.repeats < 1:
            raise NasdipError("the final fit needs steps of 0 or more, width and repeats of 1 or more")

    def config(self, shape: tuple[int, ...]) -> FitConfig:
        """Return the settings of the fit for an image of `shape` (H, W, ...)."""
        return find_recipe(self.recipe).settings(shape[0], shape[1], steps=self.steps)

    def filled_in(self, shape: tuple[int, ...], steps_factor: float = 1.0) -> "FinalSettings":
        """Return the settings with the recipe's steps and width for an image of `shape` (H, W, ...)."""
        recipe, steps = find_recipe(self.recipe), self.steps
        if steps is None:
            steps = recipe.settings(shape[0], shape[1], steps_factor=steps_factor).steps
        return replace(self, steps=steps, width=self.width or recipe.width)


@dataclass(frozen=True)
class SearchSettings:
    """Everything that decides what a search finds; a resumed run must have the same (but for `trials`).

    Parameters
    ----------
    reward : {"auto", "clean", "estimate", "heldout"}
        PSNR against the clean image, its estimate by held-out pixels and a reference (non-local Bayes), half each, or
        that against the noisy image on held-out pixels. auto: see `nasdip.nas.trial_task.choose_reward`.
    parallel : int or None
        Trials at once of `nasdip search`; None to have it chosen at the start (`nasdip.nas.planning.resolved`).
        Larger = more trials in the same time, and a searcher that knows less when it suggests them: see `lag`.
    cost : CostTarget or None
        What steps may cost before rewards shrink; None: whatever they do.
    candidates : tuple of str
        Text forms of architectures that are the first trials, before those of the searcher, which learns from them
        where the space holds them.
    warm_start : int
        Architectures that are scored without a fit (`nasdip.nas.warm_start`) before the first trial, so that the
        searcher reinforce starts with a preference; 0 for none.
    budget : float or None
        Seconds for all of it, after which no more trials are begun, and within which the last fit stays where that can
        be (`nasdip.nas.time_limit`). How many trials and steps there are then depends on the machine's speed, and is
        noted in the run's settings. None: as long as it takes.
    """

    searcher: str = "reinforce"
    searcher_settings: dict[str, Any] = field(default_factory=dict)
    trials: int = 24
    seed: int = 0
    reward: Literal["auto", "clean", "estimate", "heldout"] = "auto"
    proxy: ProxySettings = ProxySettings()
    final: FinalSettings = FinalSettings()
    early_stop: EarlyStop = field(default_factory=EarlyStop)
    parallel: int | None = 1
    cost: CostTarget | None = None
    candidates: tuple[str, ...] = ()
    warm_start: int = 0
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise NasdipError(f"{self.trials} trials are too few: use 1 or more")
        if self.reward not in ("auto", "clean", "estimate", "heldout"):
            raise NasdipError(f"unknown reward '{self.reward}': use auto, clean, estimate or heldout")
        if not (type(self.warm_start) is int and 0 <= self.warm_start <= _MOST_SCORED):
            raise NasdipError(f"the warm start is {self.warm_start!r}: use a whole number from 0 to {_MOST_SCORED}")
        if not (type(self.candidates) is tuple and all(isinstance(text, str) for text in self.candidates)):
            raise NasdipError(f"candidates are {self.candidates!r}: give the text forms of architectures")
        if self.budget is not None and not 0 < self.budget < math.inf:
            raise NasdipError(f"budget {self.budget!r} is no time: use a number of seconds above 0")
        if self.parallel is not None and not (type(self.parallel) is int and 1 <= self.parallel <= _MOST_PARALLEL):
            raise NasdipError(f"parallel is {self.parallel!r}: use a whole number from 1 to {_MOST_PARALLEL}, or auto")

    @property
    def lag(self) -> int:
        """Trial t is suggested, and stopped early, by the results of trials up to t - lag: 1 where each waits.

        With 2 `parallel` - 1, processes hardly ever wait for the slowest trial (`tests/nas/test_schedule.py`), and
        which results are used does not depend on how long trials take.
        """
        return 2 * (self.parallel or 1) - 1

    def with_threads(self, threads: int) -> "SearchSettings":
        """Return the settings with that number of threads for a trial's fit, unless they have one."""
        proxy = replace(self.proxy, threads=self.proxy.threads or threads)
        return replace(self, proxy=proxy)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "SearchSettings":
        """Rebuild settings from `to_json`; NasdipError for unknown keys."""
        try:
            fields = dict(data)
            fields["proxy"] = ProxySettings.from_json(fields["proxy"])
            fields["final"] = FinalSettings(**{"recipe": PUBLISHED.name, **fields["final"]})  # once the only one
            fields["early_stop"] = EarlyStop(**fields.get("early_stop", {}))
            fields["cost"] = CostTarget(**fields["cost"]) if fields.get("cost") else None
            fields["candidates"] = tuple(fields.get("candidates", ()))
            return SearchSettings(**fields)
        except (KeyError, TypeError) as error:
            raise NasdipError(f"the run's settings are not those of this version ({error}): start a new run") from None


def settled_reward(settings: SearchSettings, has_clean: bool) -> Reward:
    """Return the reward of a run's settings; where they say auto, as runs of version 0.1.0 do, what that meant then."""
    if settings.reward == "auto" or (settings.reward == "clean" and not has_clean):
        return "clean" if has_clean else "heldout"
    return settings.reward
