"""`nasdip zoo`, `nasdip doctor` and `nasdip cite`."""

from pathlib import Path
from typing import Annotated

import typer

from nasdip.console import note


def zoo_list() -> None:
    """List the ready architectures.

    Example: `nasdip zoo list`
    """
    from nasdip.cli.commands.zoo import LEGEND, list_lines

    print(*list_lines(), sep="\n")
    note(LEGEND)


def zoo_show(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Show an architecture and where it comes from.

    Example: `nasdip zoo show nas-dip-denoise`
    """
    from nasdip.cli.commands.zoo import show_lines

    print(*show_lines(name), sep="\n")


def doctor(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="YAML of an NNI experiment, to check as well.")
    ] = None,
) -> None:
    """Check the installation and, where given, an experiment's configuration.

    Exit code 1 where something must be mended.

    Example: `nasdip doctor experiments/denoise_cpu.yml`
    """
    from nasdip.cli.commands.doctor import examine, examine_config

    findings = examine() + ([] if config is None else examine_config(config))
    for finding in findings:
        print(f"{'problem' if finding.problem else 'ok':9}{finding.name:14}{finding.found}")
        if finding.problem:
            print(f"{'':9}{'':14}-> {finding.problem}")
    if any(finding.problem for finding in findings):
        raise typer.Exit(1)


def cite() -> None:
    """Print what to cite, as BibTeX.

    Example: `nasdip cite >> references.bib`
    """
    from nasdip.citation import CITATION

    print(CITATION, end="")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    zoo_app = typer.Typer(help="The ready architectures.", no_args_is_help=True)
    app.add_typer(zoo_app, name="zoo")
    zoo_app.command("list")(zoo_list)
    zoo_app.command("show")(zoo_show)
    app.command()(doctor)
    app.command()(cite)
