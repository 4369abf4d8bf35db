"""`nasdip restore`."""

from pathlib import Path
from typing import Annotated

import typer

from nasdip.cli.options import Clean, Device, Precision, Seed


def restore(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG or TIFF files.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where results go.")] = Path("restored"),
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE|RUN|TEXT", help="From the zoo, a JSON file, a search, an NNI experiment's id, or a text."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Most time for each picture, as 60s, 5m or 1.5h: picks the zoo's best architecture that takes no "
            "longer here, by the estimate that is told; where none does, the cheapest, with fewer steps. Not together "
            "with --architecture.",
        ),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="How to fit: fast, or published (as published for denoising, many times slower).")
    ] = "fast",
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Most optimiser steps; the rule --stop ends most fits sooner [default: by size]."),
    ] = None,
    quality: Annotated[
        str | None, typer.Option(help="fast, balanced or best: one, three or eight fits, combined [default: fast].")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Fits to average, with different seeds [default: by quality].")
    ] = None,
    refine: Annotated[
        bool | None,
        typer.Option(help="Improve the fits by non-local Bayes where the noise allows it [default: by quality]."),
    ] = None,
    sigma: Annotated[
        str,
        typer.Option(
            metavar="LEVEL|auto",
            help="Noise level in 8-bit units (25 = 25/255); auto: estimated. A level that the picture contradicts is "
            "used, and told.",
        ),
    ] = "auto",
    stop: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="When to stop: reference, heldout, sure (fits twice), whiteness, es-wmv (needs 1100 steps and more), "
            "fixed; auto: what suits the noise [default: the recipe's].",
        ),
    ] = None,
    clean: Clean = None,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = None,
    width: Annotated[int | None, typer.Option(min=1, help="Channels of every level [default: the recipe's].")] = None,
    tile: Annotated[
        str,
        typer.Option(
            metavar="SIZE|auto|off",
            help="Largest side (px) of overlapping tiles to fit in; auto: as a whole if it fits into the memory.",
        ),
    ] = "auto",
    report: Annotated[bool, typer.Option(help="Write report.html as well.")] = True,
) -> None:
    """Restore noisy images, each by fitting an untrained network to it.

    The picture goes to DIR under its own name, curves, spectra and a report to a folder beside it. Stopped with
    Ctrl-C, the same command goes on with the repetitions, and tiles, that are missing.

    Example: `nasdip restore photo.png -o restored --repeats 3`
    """
    from nasdip.cli.commands.restore import restore_files

    restore_files(
        images, output, architecture=architecture, budget=budget, recipe=recipe, quality=quality, steps=steps,
        repeats=repeats, refine=refine, sigma=sigma, stop=stop, seed=seed, width=width, device=device,
        precision=precision, tile=tile, clean=clean, report=report,
    )  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(restore)
