"""`nasdip nnictl`."""

from typing import Annotated

import typer

from nasdip.errors import NasdipError


def nnictl(
    arguments: Annotated[list[str], typer.Argument(metavar="ARGS...", help="nnictl's own words and options.")],
    listen: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Listen there too, for workers on other machines.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Allow a machine to connect workers, beside those of the YAML."),
    ] = None,
) -> None:
    """Run NNI's nnictl, its manager guarded: on loopback, for its user alone, parameters bound to their trials.

    Options of nasdip stand before nnictl's words. nnictl's own help: `nasdip nnictl -- --help`, and
    `nasdip nnictl create --help` for one of its commands.

    Example: `nasdip nnictl create --config experiments/denoise_cpu.yml --port 8080`
    """
    try:
        from nasdip.cli.commands.nnictl import run_nnictl
    except ImportError as error:
        raise NasdipError(f"this installation lacks its part for NNI ({error}): reinstall nasdip") from None

    run_nnictl(arguments, listen, allow or [])


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(nnictl)
