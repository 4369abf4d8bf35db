"""`nasdip inspect`, `nasdip degrade` (also called noise) and `nasdip spectrum`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nasdip.cli.options import Clean, Mask, MaskKnown, Nodata, Seed
from nasdip.cli.request import with_options
from nasdip.options.restore import RestoreOptions


def degrade(
    image: Annotated[Path, typer.Argument(metavar="IMAGE")],
    sigma: Annotated[float | None, typer.Option(help="RMS of the added noise, in 8-bit units (25 = 25/255).")] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Noise: gaussian, poisson, speckle, salt-pepper or blur-salt-pepper [default: gaussian]."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="[default: *_noisy.*, *_degraded.*]")
    ] = None,
    amount: Annotated[float | None, typer.Option(help="Fraction of black and white pixels [default: 2/35].")] = None,
    blur: Annotated[float, typer.Option(help="Standard deviation of the blur, px.")] = 1.0,
    seed: Seed = 0,
    clip: Annotated[bool, typer.Option(help="Clip to [0, 1]; integer files always are.")] = False,
    holes: Annotated[
        str | None, typer.Option(help="Missing pixels: pixels (at random), blocks, or text; their mask is *_mask.png.")
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="Share of the pixels that are missing [default: 0.5; blocks, text: 0.1].")
    ] = None,
) -> None:
    """Make a worse picture of a clean one, to try restoring it: noise, missing pixels, or both.

    Example: `nasdip degrade clean.png --holes pixels --share 0.5 -o holes.png`
    """
    from nasdip.cli.commands.degrade import Degradation, degrade_file

    wanted = kind or ("gaussian" if sigma is not None or amount is not None or holes is None else None)
    asked = Degradation(wanted, sigma, amount, blur, clip, holes, share)
    for path in degrade_file(image, output, asked, seed=seed, suffix="degraded" if holes else "noisy"):
        print(path)


def spectrum(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...")],
    clean: Clean = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR")] = Path("spectra"),
) -> None:
    """Draw Fourier spectra of images and, against a clean one, their band correspondence.

    Example: `nasdip spectrum noisy.png restored.png --clean clean.png -o spectra`
    """
    from nasdip.cli.commands.spectrum import write_spectra

    for path in write_spectra(images, clean, output):
        print(path)


@with_options(RestoreOptions)
def inspect(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG or TIFF files.")],
    mask: Mask = None,
    mask_known: MaskKnown = None,
    nodata: Nodata = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each picture, one a line.")] = False,
    *,
    given: dict[str, Any],
) -> None:
    """Tell what images are, what noise they hold, and what `nasdip restore` with these options would do: no fit.

    Example: `nasdip inspect photo.png --json`
    """
    from nasdip.cli.commands.inspect import inspect_files
    from nasdip.io.mask_file import MaskFile

    holes = MaskFile.of(mask, mask_known)
    inspect_files(images, RestoreOptions(**given), holes=holes, nodata=nodata or (), as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(inspect)
    app.command()(degrade)
    app.command("noise", hidden=True)(degrade)  # what it was called while there were no holes
    app.command()(spectrum)
