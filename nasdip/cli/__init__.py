"""The command line: parses, calls, prints. Heavy imports wait until a command needs them.

What it may import: typer, `nasdip.console`, `nasdip.errors`; all else inside of commands, which
`nasdip.cli.commands` carries out. To add a command, add a file with a function `register`, and enter it in
`_GROUPS`, in the order of `--help`.
"""

import errno
import sys
from typing import Annotated, Any

import typer

from nasdip.cli import about, baselines, compare, demo_report, images, nnictl, restore, runs, search
from nasdip.console import note
from nasdip.errors import NasdipError
from nasdip.process import prepare

_GROUPS = (restore, search, compare, images, baselines, demo_report, runs, about, nnictl)

app = typer.Typer(
    name="nasdip",
    help="Restore noisy images with untrained networks (Deep Image Prior), and search for their best architecture.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)
for _group in _GROUPS:
    _group.register(app)

# typer brings click in, under another name from version to version.
_UsageError: Any = typer.BadParameter.__base__
_STOPPED = 130


def _show_version(wanted: bool) -> None:
    if wanted:
        from nasdip import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: bad input ends with one line and exit code 2, a failing system with 1, Ctrl-C with 130."""
    prepare()
    try:
        code = app(standalone_mode=False)
        if code == _STOPPED:  # typer's word for Ctrl-C
            raise KeyboardInterrupt
        sys.exit(code)
    except _UsageError as error:
        message = error.format_message()
        if message:  # without one, help was asked for by giving no arguments, and shown
            note(f"nasdip: error: {message.splitlines()[0]} (see nasdip --help)")
        sys.exit(2)
    except NasdipError as error:
        note(f"nasdip: error: {error}")
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        note("nasdip: stopped")
        sys.exit(_STOPPED)
    except OSError as error:
        advice = " (what was done is kept: free some space and run it again)" if error.errno == errno.ENOSPC else ""
        where = f": {error.filename}" if error.filename else ""
        note(f"nasdip: error: {error.strerror or error}{where}{advice}")
        sys.exit(1)
