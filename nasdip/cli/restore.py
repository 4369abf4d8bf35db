"""`nasdip restore`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nasdip.cli.options import Clean, Mask, MaskKnown, Nodata
from nasdip.cli.request import with_options
from nasdip.options.restore import RestoreOptions


@with_options(RestoreOptions)
def restore(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG or TIFF files.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where results go.")] = Path("restored"),
    clean: Clean = None,
    mask: Mask = None,
    mask_known: MaskKnown = None,
    nodata: Nodata = None,
    report: Annotated[bool, typer.Option(help="Write report.html as well.")] = True,
    *,
    given: dict[str, Any],
) -> None:
    """Restore noisy images, and images with holes, each by fitting an untrained network to it.

    The picture goes to DIR under its own name, curves, spectra and a report to a folder beside it. Stopped with
    Ctrl-C, the same command goes on with the repetitions, and tiles, that are missing.

    Example: `nasdip restore photo.png -o restored --repeats 3`
    """
    from nasdip.cli.commands.restore import restore_files
    from nasdip.io.mask_file import MaskFile

    holes = MaskFile.of(mask, mask_known)
    options = RestoreOptions(**given)
    restore_files(images, output, options, clean=clean, holes=holes, nodata=nodata or (), report=report)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(restore)
