"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result on the same machine's CPU.")]
Clean = Annotated[
    Path | None, typer.Option(help="The clean image, if there is one: measures, and picks what is called oracle.")
]

Mask = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A black and white picture of the same size: white pixels are missing, and are filled."
    ),
]
MaskKnown = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The same the other way round: white pixels are known.")
]

Nodata = Annotated[
    list[float] | None,
    typer.Option(
        metavar="VALUE",
        help="A value of the file that marks missing data, beside NaN, the one that its tags name, and those far from "
        "all others; several: --nodata 0 --nodata -1. Such pixels stay as they are.",
    ),
]

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A search or restoration: its folder, or an NNI experiment's id or folder.")
]
