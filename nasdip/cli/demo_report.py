"""`nasdip demo-report`."""

from pathlib import Path
from typing import Annotated

import typer

from nasdip.cli.options import Device, Seed


def demo_report(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A clean picture: PNG, JPEG or TIFF.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where results go.")] = Path(
        "demo-report"
    ),
    sigma: Annotated[
        float, typer.Option(min=1, help="Level of the noise that is added, in 8-bit units (25 = 25/255).")
    ] = 25.0,
    repeats: Annotated[int, typer.Option(min=1, help="Fits, with different seeds.")] = 15,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps of each fit.")] = 1200,
    architecture: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE|RUN|TEXT",
            help="From the zoo, a JSON file, a search, an NNI experiment's id, or a text.",
        ),
    ] = "nas-dip-denoise",
    width: Annotated[int | None, typer.Option(min=1, help="Channels of every level [default: 128].")] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Repeat the experiment of the NAS-DIP report with any clean picture.

    Gaussian noise is added, clipped and rounded as in an 8-bit file, and fitted as published. DIR gets the noisy
    picture; first_last.png: the best and the last image of the first and the last repetition, with their Fourier
    spectra; repetitions.csv and summary.md: the best step and PSNR of each, which are *oracle* (picked with the
    clean picture), beside those of a stopping rule that knows no clean picture; and the restoration, with its
    report.html. Stopped with Ctrl-C, the same command goes on. The report had 31.287 and 31.393 dB for F16, and
    27.407 and 27.496 dB for Sailboat on lake, oracle.

    Example: `nasdip demo-report clean.png -o demo --repeats 3`
    """
    from nasdip.cli.commands.demo_report import demo_report as repeat_experiment

    for path in repeat_experiment(
        image, output, sigma=sigma, repeats=repeats, steps=steps, architecture=architecture, width=width,
        seed=seed, device=device,
    ):  # fmt: skip
        print(path)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("demo-report")(demo_report)
