"""`nasdip search`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nasdip.cli.options import Clean, Device, Mask, MaskKnown
from nasdip.cli.request import with_options
from nasdip.options.search_request import SearchOptions


@with_options(SearchOptions, unset=True, lists=("candidates",))
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
    clean: Clean = None,
    mask: Mask = None,
    mask_known: MaskKnown = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    device: Device = "auto",
    *,
    given: dict[str, Any],
) -> None:
    """Search an architecture for an image, fit the best one to it, and report.

    Without --clean the reward is a PSNR estimated from pixels held out of the fit and, where the noise allows one, an
    estimate without a network. Killed at any moment, the run goes on with --resume, and loses at most the trials under
    way.

    Example: `nasdip search photo.png -o runs/photo --trials 60`
    """
    from nasdip.cli.commands.search import search_file
    from nasdip.io.mask_file import MaskFile

    holes = MaskFile.of(mask, mask_known)
    search_file(image, output, given, space=space, clean=clean, holes=holes, resume=resume, device=device)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(search)
