"""What every result file says of where it comes from."""

import shlex
import subprocess
import sys
from pathlib import Path

from nasdip.provenance import provenance


def provenance_line() -> str:
    """Return command, commit, machine and versions in one line, for the head of a CSV file.

    A folder outside the project is called DATA: where it lies on this machine tells nobody anything.
    """
    facts = provenance()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    ).stdout.strip()
    command = shlex.join(["python", *("DATA" if _is_elsewhere(Path(word)) else word for word in sys.argv)])
    return (
        f"# {command} | commit {commit} | {facts['started']} | {facts['processor']}, {facts['cores']} cores | "
        f"python {facts['python']}, torch {facts['torch']}, nasdip {facts['nasdip']}"
    )


def _is_elsewhere(path: Path) -> bool:
    return path.is_dir() and not path.resolve().is_relative_to(Path(__file__).resolve().parents[2])
