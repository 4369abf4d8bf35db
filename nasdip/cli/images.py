"""`nasdip noise` and `nasdip spectrum`."""

from pathlib import Path
from typing import Annotated

import typer

from nasdip.cli.options import Clean, Seed


def noise(
    image: Annotated[Path, typer.Argument(metavar="IMAGE")],
    sigma: Annotated[float | None, typer.Option(help="RMS of the added noise, in 8-bit units (25 = 25/255).")] = None,
    kind: Annotated[
        str, typer.Option(help="gaussian, poisson, speckle, salt-pepper or blur-salt-pepper.")
    ] = "gaussian",
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="[default: *_noisy.*]")] = None,
    amount: Annotated[float | None, typer.Option(help="Fraction of black and white pixels [default: 2/35].")] = None,
    blur: Annotated[float, typer.Option(help="Standard deviation of the blur, px.")] = 1.0,
    seed: Seed = 0,
    clip: Annotated[bool, typer.Option(help="Clip to [0, 1]; integer files always are.")] = False,
) -> None:
    """Add noise to an image.

    Example: `nasdip noise clean.png --sigma 25 -o noisy.png`
    """
    from nasdip.cli.commands.images import add_noise_to_file

    written = add_noise_to_file(image, output, kind=kind, sigma=sigma, amount=amount, blur=blur, seed=seed, clip=clip)
    print(written)


def spectrum(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...")],
    clean: Clean = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR")] = Path("spectra"),
) -> None:
    """Draw Fourier spectra of images and, against a clean one, their band correspondence.

    Example: `nasdip spectrum noisy.png restored.png --clean clean.png -o spectra`
    """
    from nasdip.cli.commands.images import write_spectra

    for path in write_spectra(images, clean, output):
        print(path)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(noise)
    app.command()(spectrum)
