"""Which methods there are, and which of them a person asks for. No torch here."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nasdip.errors import NasdipError
from nasdip.zoo.catalog import DEFAULT, zoo_entry, zoo_names
from nasdip.zoo.front import front

RESTORE, PRIOR, ZERO_SHOT, TRAINED = "restore", "prior", "zero-shot", "trained"
CLASSICAL, BAYES, BM3D = "classical", "nl-bayes", "bm3d"
FITTED = (RESTORE, PRIOR)  # whose source is an entry of the zoo
_PUBLISHED = {"dip": "dip", "nas-dip": "nas-dip-denoise"}
_MODELS = Path("models")
_CLASSICAL = ("tv", "wavelet", "nl-means")
# Of two rows or panels, and of the figure.
_RESERVED = ("noisy", "clean", "comparison")


class Method(NamedTuple):
    """A way to denoise.

    Attributes
    ----------
    name : str
        What it is called in the table, and its files.
    kind : str
        How it is run, see `nasdip.compare.runner`.
    source : str
        The entry of the zoo, or the folder of a trained model; empty for others.
    fingerprint : str
        Of the trained weights; empty for others.
    """

    name: str
    kind: str
    source: str = ""
    fingerprint: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Method":
        """Read what `_asdict` wrote."""
        return cls(**data)


def known_methods(models: Path | None) -> dict[str, Method]:
    """Return all methods by name, those of the trained models in the folder `models` among them, in the table's order.

    None means the folder "models", which need not exist. NasdipError where a folder does not, or a model has the name
    of another method.

    Examples
    --------
    >>> list(known_methods(None))
    ['nasdip-restore', 'dip', 'nas-dip', 'nasdip-denoise', 'zs-n2n', 'tv', 'wavelet', 'nl-means', 'nl-bayes', 'bm3d']
    """
    entries = dict(_PUBLISHED)
    best = front(map(zoo_entry, zoo_names()))[-1].name
    if best not in entries.values():
        entries[best] = best
    methods = [Method("nasdip-restore", RESTORE, DEFAULT)]
    methods += [Method(name, PRIOR, entry) for name, entry in entries.items()]
    methods.append(Method("zs-n2n", ZERO_SHOT))
    others = [*(Method(name, CLASSICAL) for name in _CLASSICAL), Method("nl-bayes", BAYES), Method("bm3d", BM3D)]
    if models is not None and not models.is_dir():
        raise NasdipError(f"{models} is no folder of trained models: train some into it, or leave out --models")
    trained = _trained(models or _MODELS, {method.name for method in (*methods, *others)})
    return {method.name: method for method in (*methods, *trained, *others)}


def choose_methods(text: str | None, known: Mapping[str, Method]) -> list[Method]:
    """Return the methods that a person means by names with commas between; None: all that are installed.

    NasdipError for an unknown one, one that is named twice, or one whose package is missing.
    """
    if text is None:
        return [method for method in known.values() if _missing(method) is None]
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise NasdipError(f"unknown method '{', '.join(unknown)}': use some of {','.join(known)}")
    if len(set(names)) < len(names):
        raise NasdipError(f"a method is named twice in '{text}': name each once")
    for name in names:
        missing = _missing(known[name])
        if missing:
            raise NasdipError(missing)
    return [known[name] for name in names]


def _missing(method: Method) -> str | None:
    """Return which package a method lacks, in words; None where it has all."""
    if method.kind == BM3D:
        from nasdip.baselines.block_matching import check_bm3d

        try:
            check_bm3d()
        except NasdipError as error:
            return str(error)
    return None


def _trained(models: Path, taken: set[str]) -> list[Method]:
    if not models.is_dir():
        return []
    from nasdip.baselines.model_folder import find_models

    found = []
    for name, folder in find_models(models).items():
        if name in taken or name in _RESERVED:
            raise NasdipError(f"the trained baseline in {folder} has a name that is taken: rename its folder")
        found.append(Method(name, TRAINED, str(folder), _fingerprint(folder)))
    return found


def _fingerprint(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:16]
