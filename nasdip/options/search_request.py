"""What a person can ask of a search, each option once."""

from dataclasses import dataclass, field
from typing import Any

from nasdip.errors import NasdipError
from nasdip.options.duration import check_seconds, parse_budget
from nasdip.options.early_stop import DEFAULT_RULE, RULES, EarlyStop
from nasdip.options.option import check, option
from nasdip.options.recipes import DEFAULT, RECIPES
from nasdip.options.search import CostTarget, FinalSettings, ProxySettings, SearchSettings
from nasdip.searchers.registry import SEARCHERS, find_searcher
from nasdip.space.architecture import Architecture

# Seconds that a search may take where a person says nothing of how long it should be.
DEFAULT_BUDGET = 600.0


def parse_parallel(text: str) -> int | None:
    """Return the number of trials at once that a person typed; None for auto."""
    if text == "auto":
        return None
    if not text.isdecimal():
        raise NasdipError(f"--parallel is '{text}': use a whole number from 1, or auto")
    return int(text)


@dataclass(frozen=True)
class SearchOptions:
    """How an architecture is to be searched: one request, for the command line, Python, and NNI's YAML files alike.

    `settings` makes of it what a run records. NasdipError for bad values.
    """

    searcher: str = option(
        SearchSettings.searcher,
        "What proposes architectures: "
        + "; ".join(f"{entry.name} ({entry.summary})" for entry in SEARCHERS.values())
        + ".",
    )
    trials: int | None = option(None, f"Most architectures to try [default: {SearchSettings.trials}].", minimum=1)
    budget: float | None = option(
        None,
        "Time of all, as 60s, 10m or 1.5h (in Python: seconds): fewer trials, and then a shorter last fit, keep it "
        "where that can be [default: 10m, and none where trials, final steps or repeats are given].",
        metavar="TIME",
        parse=parse_budget,
    )
    crop: int | None = option(
        ProxySettings.crop, "Side of the centre crop that a trial fits, px; 0 = the whole picture.", minimum=0
    )
    width: int = option(ProxySettings.width, "Channels in a trial.", minimum=1)
    steps: int = option(
        ProxySettings.steps, "Most optimiser steps of a trial; its rule ends most fits sooner.", minimum=1
    )
    heldout: float = option(
        ProxySettings.heldout,
        "Share of the pixels that a trial's fit does not see, in (0, 0.5]: they make half of the reward, or all.",
    )
    threads: int | None = option(
        None, "CPU threads of a trial; rewards depend on it by rounding [default: its share of all].", minimum=1
    )
    parallel: int | None = option(
        None,
        "Trials at once, in processes of their own; auto: as cores, GPUs and sizes suggest. The same number gives the "
        "same search, whatever the timing.",
        metavar="N|auto",
        parse=parse_parallel,
        typed_default="auto",
    )
    seed: int = option(0, "The same seed gives the same search on the same machine's CPU.", minimum=0)
    reward: str = option(
        "auto", "clean, estimate, heldout or auto: PSNR against the clean image if given, else its estimate."
    )
    recipe: str = option(
        DEFAULT, "How trials, and the last fit, are fitted: fast or published.", choices=tuple(RECIPES)
    )
    early_stop: str = option(DEFAULT_RULE, f"End poor trials early: {', '.join(RULES)}.", metavar="RULE")
    final_steps: int | None = option(
        None, "Steps of the best one's fit to the whole image; 0 = none [default: as restore does, by size].", minimum=0
    )
    final_width: int | None = option(None, "Channels in that fit [default: as restore].", minimum=1)
    repeats: int | None = option(None, "Repetitions of that fit [default: 1].", minimum=1)
    target_ms: float | None = option(
        None, "Milliseconds of a trial's step beyond which its reward shrinks [default: no limit].", metavar="MS"
    )
    cost_weight: float | None = option(
        None, "dB that the reward loses for each doubling beyond that target [default: 1]."
    )
    candidates: list[str | Architecture] | None = option(
        None,
        "Architectures that are tried first, as for restore; none: none [default: the zoo's default].",
        metavar="NAME|FILE|TEXT",
        flag="--candidate",
    )
    warm_start: int | None = option(
        None,
        "Architectures that are scored by their untrained output before the first trial [default: "
        + ", ".join(f"{entry.warm_start} for {entry.name}" for entry in SEARCHERS.values() if entry.warm_start)
        + ", else 0].",
        minimum=0,
    )
    searcher_settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self)
        check_seconds(self.budget)
        if self.cost_weight is not None and self.target_ms is None:
            raise NasdipError("--cost-weight needs a target: give --target-ms as well")

    def settings(self, candidates: tuple[str, ...], **others: Any) -> SearchSettings:
        """Return what a run records of the request, `candidates` (text forms) being what the names in it mean.

        `others` are fields of `SearchSettings` that are decided elsewhere.
        """
        lengths = (self.trials, self.final_steps, self.repeats)
        budget = DEFAULT_BUDGET if self.budget is None and all(length is None for length in lengths) else self.budget
        weight = 1.0 if self.cost_weight is None else self.cost_weight
        warm_start = self.warm_start
        if warm_start is None:
            warm_start = find_searcher(self.searcher).warm_start
        proxy = ProxySettings(self.crop or None, self.width, self.steps, self.heldout, self.threads, self.recipe)
        fields = {
            "searcher": self.searcher,
            "searcher_settings": dict(self.searcher_settings),
            "trials": SearchSettings.trials if self.trials is None else self.trials,
            "seed": self.seed,
            "reward": self.reward,
            "proxy": proxy,
            "final": FinalSettings(self.final_steps, self.final_width, self.repeats or 1, self.recipe),
            "early_stop": EarlyStop(self.early_stop),  # type: ignore[arg-type]
            "parallel": self.parallel,
            "cost": None if self.target_ms is None else CostTarget(self.target_ms, weight),
            "candidates": candidates,
            "warm_start": warm_start,
            "budget": budget,
        }
        return SearchSettings(**{**fields, **others})


def recorded(settings: SearchSettings) -> dict[str, Any]:
    """Return the options that a run's settings stand for, by name."""
    proxy, final, cost = settings.proxy, settings.final, settings.cost
    return {
        "searcher": settings.searcher,
        "trials": settings.trials,
        "budget": settings.budget,
        "crop": proxy.crop or 0,
        "width": proxy.width,
        "steps": proxy.steps,
        "heldout": proxy.heldout,
        "threads": proxy.threads,
        "parallel": settings.parallel,
        "seed": settings.seed,
        "reward": settings.reward,
        "recipe": proxy.recipe,
        "early_stop": settings.early_stop.rule,
        "final_steps": final.steps,
        "final_width": final.width,
        "repeats": final.repeats,
        "target_ms": cost and cost.ms,
        "cost_weight": cost and cost.weight,
        "candidates": list(settings.candidates),
        "warm_start": settings.warm_start,
    }
