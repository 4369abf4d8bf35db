"""`nasdip search`."""

from pathlib import Path
from typing import Annotated

import typer

from nasdip.cli.options import Clean, Device


def search(
    image: Annotated[
        Path | None, typer.Argument(metavar="IMAGE", help="The noisy image; not needed to resume.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="RUN", help="The run's folder [default: runs/IMAGE].")
    ] = None,
    space: Annotated[
        str | None, typer.Option(metavar="FILE", help="Search space: JSON file or nas_dip, nas_dip_extended, tiny.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Most architectures to try [default: 24].")] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Time of all, as 60s, 10m or 1.5h: fewer trials, and then a shorter last fit, keep it "
            "[default: 10m, and none with --trials, --final-steps or --repeats].",
        ),
    ] = None,
    clean: Clean = None,
    crop: Annotated[
        int | None, typer.Option(help="Side of the fitted centre crop, px; 0 = whole [default: 96].")
    ] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Channels in a trial [default: 32].")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Most optimiser steps of a trial; its rule ends most [default: 600].")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads of a trial; rewards are rounded by it [default: its share].")
    ] = None,
    parallel: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="Trials at once; auto: as cores, GPUs and sizes suggest [default: auto]."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="[default: 0]")] = None,
    searcher: Annotated[str | None, typer.Option(help="reinforce, evolution or random [default: reinforce].")] = None,
    reward: Annotated[
        str | None,
        typer.Option(help="clean, estimate, heldout or auto: PSNR against the clean image if given [default: auto]."),
    ] = None,
    early_stop: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="End poor trials early: size, halving, median or none [default: size]."),
    ] = None,
    final_steps: Annotated[
        int | None,
        typer.Option(
            min=0, help="Steps of the best one's fit to the whole image; 0 = none [default: as restore does, by size]."
        ),
    ] = None,
    final_width: Annotated[int | None, typer.Option(min=1, help="Channels in that fit [default: as restore].")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Repetitions of that fit [default: 1].")] = None,
    target_ms: Annotated[
        float | None,
        typer.Option(
            metavar="MS",
            help="Milliseconds of a trial's step beyond which its reward shrinks [default: no limit].",
        ),
    ] = None,
    cost_weight: Annotated[
        float | None, typer.Option(help="dB that the reward loses for each doubling beyond --target-ms [default: 1].")
    ] = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate",
            metavar="NAME|FILE|TEXT",
            help="Architectures that are tried first; none: none [default: the zoo's default].",
        ),
    ] = None,
    warm_start: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Architectures that reinforce scores by their untrained output before the first trial "
            "[default: 400 for reinforce].",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    device: Device = "auto",
) -> None:
    """Search an architecture for an image, fit the best one to it, and report.

    Without --clean the reward is a PSNR estimated from pixels held out of the fit and, where the noise allows one, an
    estimate without a network. Killed at any moment, the run goes on with --resume, and loses at most the trials under
    way.

    Example: `nasdip search photo.png -o runs/photo --trials 60`
    """
    from nasdip.cli.commands.search import search_file

    options = {
        "searcher": searcher, "trials": trials, "seed": seed, "reward": reward, "crop": crop, "width": width,
        "steps": steps, "threads": threads, "early_stop": early_stop, "final_steps": final_steps,
        "final_width": final_width, "repeats": repeats, "parallel": parallel, "target_ms": target_ms,
        "cost_weight": cost_weight, "candidates": candidates, "warm_start": warm_start, "budget": budget,
    }  # fmt: skip
    search_file(image, output, space=space, clean=clean, resume=resume, device=device, options=options)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(search)
