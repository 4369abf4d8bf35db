"""What every result file says of where it comes from."""

import shlex
import subprocess
import sys
from pathlib import Path

from nasdip.provenance import provenance


def provenance_line() -> str:
    """Return command, commit, machine and versions in one line, for the head of a CSV file."""
    facts = provenance()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    ).stdout.strip()
    command = shlex.join(["python", *sys.argv])
    return (
        f"# {command} | commit {commit} | {facts['started']} | {facts['processor']}, {facts['cores']} cores | "
        f"python {facts['python']}, torch {facts['torch']}, nasdip {facts['nasdip']}"
    )
