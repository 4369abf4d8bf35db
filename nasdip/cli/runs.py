"""`nasdip report` and `nasdip status`."""

from typing import Annotated

import typer

from nasdip.cli.options import Run


def report(
    run: Run,
    random: Annotated[
        str | None, typer.Option(metavar="RUN", help="A search by the random searcher, to compare with.")
    ] = None,
) -> None:
    """Write RUN/report.html and its figures; during the run, after it, or after a crash.

    Example: `nasdip report runs/photo`
    """
    from nasdip.cli.commands.runs import find_run
    from nasdip.report.report import write_report

    print(write_report(find_run(run), random_run=None if random is None else find_run(random)))


def status(run: Run) -> None:
    """Tell how far a run is, and what it found; from files alone, and nothing is written.

    Example: `nasdip status runs/photo`
    """
    from nasdip.cli.commands.runs import locate_run
    from nasdip.cli.commands.status import describe_run

    print(describe_run(locate_run(run)))


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(report)
    app.command()(status)
