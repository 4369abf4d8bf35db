"""The numbers as a table: CSV, Markdown, and in the terminal."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nasdip.compare.numbers import Row
from nasdip.console import size
from nasdip.files import write_csv, write_text

_CSV = (
    "method", "psnr_db", "ssim", "heldout_psnr_db", "estimated_psnr_db", "whiteness", "is_white", "seconds",
    "memory_bytes", "process_memory_bytes", "device_memory_bytes", "failure",
)  # fmt: skip
_UNKNOWN = "–"


class Table(NamedTuple):
    """A table in words: its header, its lines, and what stands under it."""

    header: tuple[str, ...]
    lines: list[tuple[str, ...]]
    notes: tuple[str, ...]


def make_table(rows: Sequence[Row], notes: Sequence[str]) -> Table:
    """Return the table in words; columns that no method has a number for are left out, and failures are notes."""
    columns = {
        "PSNR (dB)": [_decimals(row.psnr, 2) for row in rows],
        "SSIM": [_decimals(row.ssim, 4) for row in rows],
        "held-out (dB)": [_decimals(row.heldout, 2) for row in rows],
        "estimated (dB)": [_decimals(row.estimated, 2) for row in rows],
        "whiteness": [_white(row) for row in rows],
        "seconds": [_decimals(row.seconds, 1) for row in rows],
        "memory": [_size(row.memory) for row in rows],
        "GPU memory": [_size(row.device_memory) for row in rows],
    }
    always = ("held-out (dB)", "estimated (dB)", "whiteness", "seconds", "memory")
    kept = {name: cells for name, cells in columns.items() if name in always or set(cells) - {_UNKNOWN}}
    names = [row.method + (" (failed)" if row.failure else "") for row in rows]
    failures = [f"{row.method} failed: {row.failure}." for row in rows if row.failure]
    lines = list(zip(names, *kept.values(), strict=True))
    return Table(("method", *kept), lines, (*failures, *notes))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write results.csv; what is unknown is empty."""
    write_csv(path, _CSV, [[_plain(value) for value in row] for row in rows])


def write_markdown(path: Path, title: str, table: Table) -> None:
    """Write the table and its notes as Markdown."""
    right = ["---", *["---:"] * (len(table.header) - 1)]
    body = [table.header, right, *table.lines]
    lines = [f"# {title}", "", *(f"| {' | '.join(cells)} |" for cells in body), "", *(f"- {n}" for n in table.notes)]
    write_text(path, "\n".join(lines) + "\n")


def print_table(table: Table) -> None:
    """Print the table to standard output: drawn in a terminal, as plain lines elsewhere; the notes under it."""
    if sys.stdout.isatty():
        _print_drawn(table)
    else:
        body = [table.header, *table.lines]
        widths = [max(len(cell) for cell in column) for column in zip(*body, strict=True)]
        for name, *cells in body:
            numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            print("  ".join((name.ljust(widths[0]), *numbers)))
    print(*table.notes, sep="\n")


def _print_drawn(table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as Drawing

    drawing = Drawing(box=None, header_style="bold", pad_edge=False)
    for column in table.header:
        drawing.add_column(column, justify="left" if column == table.header[0] else "right", overflow="fold")
    for line in table.lines:
        drawing.add_row(*line, style="red" if line[0].endswith("(failed)") else None)
    Console(markup=False, highlight=False).print(drawing)


def _decimals(value: float | None, digits: int) -> str:
    return _UNKNOWN if value is None else f"{value:.{digits}f}"


def _white(row: Row) -> str:
    return _UNKNOWN if row.whiteness is None else f"{row.whiteness:.4f}{' white' if row.white else ''}"


def _size(count: int | None) -> str:
    return _UNKNOWN if count is None else size(count)


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else value
