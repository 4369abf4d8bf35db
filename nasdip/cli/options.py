"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Precision = Annotated[
    str | None,
    typer.Option(
        help="fp32, bf16 (less time and memory where the device knows it), or auto: the faster one "
        "[default: auto; published: fp32]."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result on the same machine's CPU.")]
Clean = Annotated[
    Path | None, typer.Option(help="The clean image, if there is one: measures, and picks what is called oracle.")
]

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A search or restoration: its folder, or an NNI experiment's id or folder.")
]
