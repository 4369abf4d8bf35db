"""Writing files whole or not at all."""

import csv
import fcntl
import io
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from nasdip.errors import NasdipError

_LOCK_ATTEMPTS = 5


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; what was written there replaces `path` at the end.

    On any error the temporary file is removed and `path` stays as it was. The temporary name keeps the suffix.
    """
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix, delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write indented JSON; NaN and infinities, which JSON lacks, must have been replaced by None."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV table with a header line; None becomes an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; NasdipError where the file is missing or not JSON."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NasdipError(f"cannot read {path} ({error.strerror}): check the path") from None
    except ValueError as error:
        raise NasdipError(f"{path} is not JSON ({error}): mend or remove it") from None
    if not isinstance(data, dict):
        raise NasdipError(f"{path} does not hold a JSON object: mend or remove it")
    return data


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock of a folder, so that two processes cannot do `what` there at once; NasdipError where it is held."""
    make_folder(folder, "make it writable, or copy it")
    with open(folder / ".lock", "a", encoding="utf-8") as file:
        # `is_locked` holds the lock for a moment: one refusal does not mean that a process works there.
        for attempt in range(_LOCK_ATTEMPTS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if attempt == _LOCK_ATTEMPTS - 1:
                    raise NasdipError(f"another process runs the {what} in {folder}: wait for it, or stop it") from None
                time.sleep(0.05)
        yield


def is_locked(folder: Path) -> bool:
    """Whether a process holds the lock of a folder."""
    try:
        with open(folder / ".lock", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def make_folder(path: Path, advice: str = "choose another with -o") -> None:
    """Create a folder, with its parents, and make sure that files can be written there; else NasdipError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path, prefix=".writable-"):
            pass
    except OSError as error:
        raise NasdipError(f"cannot write to folder {path} ({error.strerror}): {advice}") from None
