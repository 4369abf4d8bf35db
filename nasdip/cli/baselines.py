"""`nasdip pairs`, `nasdip train` and `nasdip denoise`."""

from pathlib import Path
from typing import Annotated

import typer

from nasdip.cli.options import Clean, Device, Seed


def pairs(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file of pairs, .npz.")],
    images: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[IMAGE|DIR...]", help="Clean images [default: photographs of scikit-image]."),
    ] = None,
    validation: Annotated[
        list[Path] | None,
        typer.Option(metavar="IMAGE|DIR", help="Images to validate with [default: the last fifth of the others]."),
    ] = None,
    count: Annotated[int, typer.Option(min=2, help="Pairs to train with.")] = 10_000,
    validation_count: Annotated[int, typer.Option(min=1, help="Pairs to validate with.")] = 1000,
    size: Annotated[int, typer.Option(help="Side of the crops, px: 32 or 64.")] = 32,
    factor: Annotated[
        list[int] | None, typer.Option(min=1, help="Factors by which images are made smaller [default: 1 2 3 4].")
    ] = None,
    noisy_psnr: Annotated[float, typer.Option(help="PSNR of the noisy crops, dB.")] = 20.72,
    seed: Seed = 0,
) -> None:
    """Make pairs of noisy crops to train with, and the clean ones to measure by.

    Crops of images at several sizes, each with two independent Gaussian noises, in 8 bits. No image is both trained
    and validated with.

    Example: `nasdip pairs photos -o pairs.npz --count 50000`
    """
    from nasdip.baselines.pairs import FACTORS
    from nasdip.cli.commands.baselines import make_pair_file

    make_pair_file(
        images or [], validation or [], output, count=count, validation_count=validation_count, size=size,
        factors=tuple(factor or FACTORS), noisy_psnr=noisy_psnr, seed=seed,
    )  # fmt: skip


def train(
    baseline: Annotated[
        str, typer.Argument(metavar="BASELINE", help="noise2noise, noise2noise-half, dcnn or scratch.")
    ],
    pairs: Annotated[Path, typer.Option(metavar="FILE", help="Pairs that nasdip pairs made.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The model's folder.")],
    epochs: Annotated[
        int | None, typer.Option(min=1, help="In all [default: its own, its report's where it says].")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Images for a step [default: as for --epochs].")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="[default: as for --epochs]")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write DIR/tensorboard too (extra: tensorboard).")
    ] = False,
) -> None:
    """Train a baseline to denoise; the same command goes on after Ctrl-C, and with more --epochs after the end.

    DIR then has the weights of the best epoch, a table and a picture of the curve.

    Example: `nasdip train noise2noise-half --pairs pairs.npz -o models/noise2noise-half`
    """
    from nasdip.cli.commands.baselines import train_baseline

    train_baseline(
        baseline, pairs, output, epochs=epochs, batch=batch, learning_rate=learning_rate, seed=seed, device=device,
        tensorboard=tensorboard,
    )  # fmt: skip


def denoise(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG or TIFF files.")],
    model: Annotated[Path, typer.Option(metavar="DIR", help="A folder that nasdip train made.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where results go.")] = Path("denoised"),
    clean: Clean = None,
    device: Device = "auto",
) -> None:
    """Denoise images of any size with a trained baseline.

    Example: `nasdip denoise photo.png --model models/noise2noise-half`
    """
    from nasdip.cli.commands.baselines import denoise_files

    denoise_files(images, output, model=model, device=device, clean=clean)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (pairs, train, denoise):
        app.command()(command)
