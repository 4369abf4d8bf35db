"""`nasdip compare`."""

from pathlib import Path
from typing import Annotated

import typer

from nasdip.cli.options import Device, Seed


def compare(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The noisy picture: PNG, JPEG or TIFF.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where results go [default: compared/IMAGE].")
    ] = None,
    clean: Annotated[Path | None, typer.Option(help="The clean image, if there is one: measures alone.")] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Of nasdip-restore, dip, nas-dip, nasdip-denoise, zs-n2n, trained models, tv, wavelet, nl-means, "
            "nl-bayes, bm3d (needs bm3d) [default: all that are installed].",
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder whose subfolders hold trained models [default: models, if there]."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="Steps of untrained networks (at most) and of zs-n2n [default: by size; zs-n2n 3000]."
        ),
    ] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Channels of untrained networks [default: 48].")] = None,
    sigma: Annotated[
        str, typer.Option(metavar="LEVEL|auto", help="Noise level in 8-bit units (25 = 25/255); auto: estimated.")
    ] = "auto",
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Compare denoisers on one picture: a table (comparison.md, results.csv), a figure, and every restored picture.

    dip, nas-dip and nasdip-denoise are fits of these networks alone, nasdip-restore is what `nasdip restore` makes.
    Each runs in a process of its own. Stopped with Ctrl-C, or with a method that failed, the same command goes on with
    those that are missing. Exit code 1 where none gave a result.

    Example: `nasdip compare noisy.png --clean clean.png --methods dip,tv,nl-means -o compared`
    """
    from nasdip.cli.commands.compare import compare_file

    any_result = compare_file(
        image, output, clean=clean, methods=methods, models=models, steps=steps, width=width, seed=seed, sigma=sigma,
        device=device,
    )  # fmt: skip
    if not any_result:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(compare)
