"""Where results of several pictures go."""

from collections.abc import Sequence
from pathlib import Path

from nasdip.errors import NasdipError


def check_targets(images: Sequence[Path], output: Path, *, others: Sequence[Path] = (), folders: bool = False) -> None:
    """Raise NasdipError where results would overwrite an input or each other.

    `others` are files that are read too. Each image's result is a file of its name in `output`; with `folders`, there
    is a folder of its stem too.
    """
    inputs = {path.resolve() for path in (*images, *others)}
    taken: dict[Path, Path] = {}
    for path in dict.fromkeys(images):
        result, folder = output / path.name, output / path.stem
        for target in (result, folder) if folders else (result,):
            other = taken.setdefault(target, path)
            if other != path:
                raise NasdipError(f"{other} and {path} would be written to one place: use another -o for one of them")
        if result.resolve() in inputs:
            raise NasdipError(f"{result} would be overwritten: choose another folder with -o")
        if result.is_dir() or (folders and folder.is_file()):
            raise NasdipError(f"{output} holds something else under the name {path.stem}: choose another with -o")
