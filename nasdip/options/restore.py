"""What a person can ask of a restoration, each option once."""

from dataclasses import dataclass
from typing import Literal

from nasdip.errors import NasdipError
from nasdip.options.duration import check_seconds, parse_budget
from nasdip.options.fit import PRECISIONS
from nasdip.options.option import check, option
from nasdip.options.quality import QUALITIES
from nasdip.options.recipes import DEFAULT, RECIPES
from nasdip.options.stopping_rules import rules_in_help
from nasdip.space.architecture import Architecture

# A side in px, or words: as few tiles as fit into the memory that is free, or none.
TileChoice = int | Literal["auto", "off"]


def parse_tile(text: str) -> TileChoice:
    """Read what a person typed; NasdipError where it is none of the choices."""
    if text in ("auto", "off"):
        return text  # type: ignore[return-value]
    if not text.isdecimal():
        raise NasdipError(f"tile size '{text}' is unknown: use auto, off or a number of pixels")
    return int(text)


def parse_sigma(text: str) -> float | None:
    """Read a noise level that a person typed, in 8-bit units; None for auto. NasdipError where it is none.

    Examples
    --------
    >>> parse_sigma("25"), parse_sigma("auto")
    (25.0, None)
    """
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        raise NasdipError(f"sigma '{text}' is no noise level: use a number in 8-bit units, or auto") from None


@dataclass(frozen=True)
class RestoreOptions:
    """How a picture is to be restored: one request, for the command line, Python, comparisons and searches alike.

    `nasdip.restoration.plan.plan` makes of it and a measurement what will be done. NasdipError for bad values.
    """

    architecture: str | Architecture | None = option(
        None,
        "From the zoo, a JSON file, the folder of a search, an NNI experiment's id, or a text "
        "[default: the best known for the task].",
        metavar="NAME|FILE|RUN|TEXT",
    )
    budget: float | None = option(
        None,
        "Most time for each picture, as 60s, 5m or 1.5h (in Python: seconds): picks the zoo's best architecture that "
        "takes no longer here, by the estimate that is told, which counts all steps; where none does, the cheapest, "
        "with fewer steps. Not together with an architecture.",
        metavar="TIME",
        parse=parse_budget,
    )
    recipe: str = option(
        DEFAULT,
        "How to fit: fast, or published (as published for denoising, many times slower).",
        choices=tuple(RECIPES),
    )
    steps: int | None = option(
        None, "Most optimiser steps of each fit; the stopping rule ends most fits sooner [default: by size].", minimum=1
    )
    quality: str | None = option(
        None, "fast, balanced or best: one, three or eight fits, combined [default: fast].", choices=tuple(QUALITIES)
    )
    repeats: int | None = option(
        None, "Fits with different seeds, whose images are averaged: more = better, slower [default: by quality].",
        minimum=1,
    )  # fmt: skip
    refine: bool | None = option(
        None, "Improve the fits by non-local Bayes where the noise allows it [default: by quality]."
    )
    sigma: float | None = option(
        None,
        "Noise level in 8-bit units (25 = 25/255); auto: estimated. A level that the picture contradicts is used, and "
        "told.",
        metavar="LEVEL|auto",
        parse=parse_sigma,
        typed_default="auto",
    )
    stop: str | None = option(
        None,
        f"When to stop: {rules_in_help()}, fixed; auto: what suits the noise [default: the recipe's].",
        metavar="RULE",
    )
    seed: int = option(0, "The same seed gives the same result on the same machine's CPU.", minimum=0)
    device: str = option("auto", "auto, cpu, cuda or cuda:N.")
    precision: str | None = option(
        None,
        "fp32, bf16 (less time and memory where the device knows it), or auto: the faster one "
        "[default: auto; published: fp32].",
        choices=PRECISIONS,
    )
    width: int | None = option(
        None, "Channels of every level; smaller = faster and smoother [default: the recipe's].", minimum=1
    )
    tile: TileChoice = option(
        "auto",
        "Largest side (px) of overlapping tiles to fit in; auto: as a whole if it fits into the memory; off: as a "
        "whole.",
        metavar="SIZE|auto|off",
        parse=parse_tile,
        typed_default="auto",
    )
    mosaic: str = option(
        "refuse",
        "A grey picture that looks like the mosaic of a colour sensor (Bayer): refuse it, or keep it as it is.",
        choices=("refuse", "keep"),
    )

    def __post_init__(self) -> None:
        check(self)
        check_seconds(self.budget)
        if self.budget is not None and self.architecture is not None:
            raise NasdipError("a budget picks the architecture itself: drop either the architecture or the budget")
