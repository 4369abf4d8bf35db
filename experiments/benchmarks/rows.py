"""The rows of a result file: a CSV table below the provenance of the commands that made it."""

import csv
from collections.abc import Sequence
from pathlib import Path

from provenance_of import provenance_line

from nasdip.files import write_text

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """Read what `write_rows` wrote; no rows where there is no file."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows below the provenance of every command that made some of them."""
    head = provenance_line()
    earlier = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    heads = [line for line in earlier if line.startswith("#") and line.split(" | ")[0] != head.split(" | ")[0]]
    lines = [*heads, head, ",".join(columns), *(",".join(row[name] for name in columns) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")
