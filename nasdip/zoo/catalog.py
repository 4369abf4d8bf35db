"""Finding an architecture by name, file or text."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from nasdip.errors import NasdipError
from nasdip.files import read_json
from nasdip.space.architecture import Architecture
from nasdip.zoo.figures import Figures

# The best known so far by task: see experiments/benchmarks/README.md.
DEFAULTS = {"denoising": "dip", "inpainting": "nas-dip-inpaint"}
DEFAULT = DEFAULTS["denoising"]


class ZooEntry(NamedTuple):
    """A ready architecture, what it is for, and where it comes from.

    `figures` are None where nothing was measured; `provenance` holds free facts (space, searcher, seeds, trials,
    images, commit, command), and is None for architectures that others published.
    """

    name: str
    architecture: Architecture
    task: str
    summary: str
    source: str
    figures: Figures | None = None
    provenance: dict[str, Any] | None = None


def zoo_names() -> tuple[str, ...]:
    """Return the names of the ready architectures."""
    return tuple(sorted(p.stem for p in _folder().glob("*.json")))


def zoo_entry(name: str) -> ZooEntry:
    """Return the ready architecture `name`; NasdipError names the known ones.

    Examples
    --------
    >>> str(zoo_entry("nas-dip-denoise").architecture)
    'nearest+split-sum5+leaky-relu:11111.01111.00111.00011.00001'
    """
    if name not in zoo_names():
        raise NasdipError(f"no architecture '{name}' in the zoo: use one of {', '.join(zoo_names())}")
    data = read_json(_folder() / f"{name}.json")
    figures, provenance = data.get("figures"), data.get("provenance")
    if provenance is not None and not isinstance(provenance, dict):
        raise NasdipError(f"the provenance of '{name}' is no JSON object: give one, or leave it out")
    read = {
        "architecture": Architecture.from_text(data["architecture"]),
        "figures": None if figures is None else Figures.from_json(figures, name),
    }
    return ZooEntry(**{**data, **read})


def find_architecture(given: str | None, task: str = "denoising") -> Architecture:
    """Return the architecture that a person means.

    Parameters
    ----------
    given : str or None
        A name of the zoo; a JSON file (a run's best.json, or an architecture's JSON form); the folder of a search; or
        the text form. None: the best for the task known so far.
    task : str
        Of a key of `DEFAULTS`.

    Raises
    ------
    NasdipError
        Where it is none of these.
    """
    if given is None:
        return zoo_entry(DEFAULTS.get(task, DEFAULT)).architecture
    if given in zoo_names():
        return zoo_entry(given).architecture
    path = Path(given)
    if _is(path.is_dir):
        if not (path / "best.json").exists():
            raise NasdipError(f"{path} holds no best.json: give the folder of a search that has finished a trial")
        path = path / "best.json"
    if _is(path.is_file):
        data = read_json(path)
        return Architecture.from_json(data.get("architecture_json", data))
    if path.suffix == ".json":
        raise NasdipError(f"cannot read the architecture file {path}: it does not exist")
    if ":" not in given:
        names = ", ".join(zoo_names())
        raise NasdipError(
            f"unknown architecture '{given}': use one of {names}, a JSON file, or a text like "
            "bilinear+conv3+relu:11111.01111.00111.00011.00001"
        )
    return Architecture.from_text(given)


def _is(check: Callable[[], bool]) -> bool:
    """Whether a check of a path holds; texts that no path can be (too long, ...) pass none."""
    try:
        return check()
    except OSError:
        return False


def _folder() -> Path:
    return Path(str(resources.files("nasdip.zoo")))
