"""Search spaces: JSON in NNI's format, read as a sequence of masked decisions."""

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from nasdip.errors import NasdipError
from nasdip.space.architecture import MAX_DEPTH, MAX_WIDTH, Architecture, CrossSkipArchitecture
from nasdip.space.cell import MOST_DILATION, MOST_KERNEL, UpsamplingCell
from nasdip.space.operations import find_operation

Option = str | int
_CELL_DEFAULTS: dict[str, Option] = {
    "spatial": "bilinear",
    "channel": "identity",
    "kernel": 1,
    "dilation": 1,
    "activation": "none",
}
_SKIP = re.compile(r"skip_dec([1-9])_(?:input|enc([1-9]))")


class _Choice(BaseModel):
    """An entry of an NNI search space; its portal shows nothing else."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["choice"] = Field(alias="_type")
    value: Annotated[list[int | str], Field(min_length=1)] = Field(alias="_value")


@dataclass(frozen=True)
class Decision:
    """One choice of the sequence: its `name` in the JSON file, and its `options`."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class SearchSpace:
    """A set of architectures, as a sequence of decisions.

    The order of the decisions is fixed: the cell (spatial, channel, kernel, dilation, activation), width, depth, skips.
    A decision that cannot change anything (the kernel of an identity, a skip below the chosen depth) has one allowed
    option, its first; so every architecture has exactly one encoding.

    Parameters
    ----------
    name : str
        For reports: the file's stem.
    choices : mapping of str to tuple
        The entries of the JSON file.

    Examples
    --------
    >>> space = SearchSpace.load("nas_dip")
    >>> space.size == 297 * 2**25
    True
    >>> architecture = space.sample(np.random.default_rng(0))
    >>> space.decode(space.encode(architecture)) == architecture
    True
    """

    name: str
    choices: Mapping[str, tuple[Option, ...]] = field(hash=False)

    def __post_init__(self) -> None:
        for key, options in self.choices.items():
            _check_entry(key, options)
        if not self.choices:
            raise NasdipError(f"search space '{self.name}' is empty: list at least one decision")
        if "skips" in self.choices and ({"depth"} & set(self.choices) or self._skip_names):
            raise NasdipError(
                f"search space '{self.name}': 'skips' lists whole patterns: drop depth and skip_dec<LEVEL>_..."
            )
        if not self._cells:
            raise NasdipError(f"search space '{self.name}': no combination of its cell options can be built")
        if self._skip_names and max(self._depths) != self._skip_depth:
            raise NasdipError(
                f"search space '{self.name}': its skips are those of {self._skip_depth} levels, its largest depth is "
                f"{max(self._depths)}: make them agree"
            )

    @staticmethod
    def load(source: str | Path) -> "SearchSpace":
        """Read a space from a JSON file, or by the name of one that nasdip ships (nas_dip, tiny, ...).

        NasdipError for a missing or malformed file, unknown keys or operations, in one line.
        """
        path = Path(source)
        if path.suffix != ".json" and not path.exists():
            path = _shipped_folder() / f"{source}.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            names = ", ".join(sorted(p.stem for p in _shipped_folder().glob("*.json")))
            reason = error.strerror or str(error)
            raise NasdipError(
                f"cannot read search space '{source}' ({reason}): give a file or one of {names}"
            ) from None
        except ValueError as error:
            raise NasdipError(f"search space {path} is not JSON ({error}): mend the file") from None
        return SearchSpace.from_json(data, name=path.stem)

    @staticmethod
    def from_json(data: Any, name: str = "space") -> "SearchSpace":
        """Build a space from NNI search-space JSON, ``{NAME: {"_type": "choice", "_value": [...]}}``."""
        try:
            entries = TypeAdapter(dict[str, _Choice]).validate_python(data, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = " -> ".join(str(part) for part in first["loc"]) or "the file"
            raise NasdipError(
                f"search space '{name}' is malformed at {where}: "
                'every entry must read "NAME": {"_type": "choice", "_value": [OPTION, ...]}'
            ) from None
        return SearchSpace(name, {key: tuple(entry.value) for key, entry in entries.items()})

    def to_json(self) -> dict[str, Any]:
        """Return the NNI search-space JSON, which `from_json` reads."""
        return {key: {"_type": "choice", "_value": list(options)} for key, options in self.choices.items()}

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions of the space, in their fixed order."""
        order = [*_CELL_DEFAULTS, "width", "depth", *sorted(self._skip_names), "skips"]
        return tuple(Decision(key, self.choices[key]) for key in order if key in self.choices)

    @cached_property
    def size(self) -> int:
        """Number of different architectures."""
        if "skips" in self.choices:
            patterns = len(self.choices["skips"])
        else:
            patterns = sum(
                math.prod(len(self.choices[name]) for name in self._free_skips(depth)) for depth in self._depths
            )
        return len(self._cells) * len(self.choices.get("width", (0,))) * patterns

    @property
    def cells(self) -> tuple[UpsamplingCell, ...]:
        """Every upsampling cell of the space."""
        return tuple(self._cells)

    def mask(self, prefix: Sequence[int]) -> tuple[bool, ...]:
        """Return which options of decision ``len(prefix)`` may follow the option indices of `prefix`.

        Every option that is allowed leads to at least one architecture; an option that would only repeat another
        architecture is not allowed.
        """
        decision = self.decisions[len(prefix)]
        if decision.name in _CELL_DEFAULTS:
            fitting = self._cell_options.get(tuple(prefix), frozenset())
            return tuple(i in fitting for i in range(len(decision.options)))
        if decision.name in self._skip_names:
            depth = self._depth_of(prefix)
            if decision.name not in self._free_skips(depth):
                return tuple(i == 0 for i in range(len(decision.options)))
        return (True,) * len(decision.options)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture: the cell uniformly from all that can be built, the rest uniformly from its options."""
        codes = list(self._cells.values())
        indices = list(codes[rng.integers(len(codes))])
        while len(indices) < len(self.decisions):
            allowed = np.flatnonzero(self.mask(indices))
            indices.append(int(rng.choice(allowed)))
        return self.decode(indices)

    def decode(self, indices: Sequence[int]) -> Architecture:
        """Return the architecture of one option index per decision; NasdipError for an invalid sequence."""
        if len(indices) != len(self.decisions):
            raise NasdipError(f"an encoding has {len(self.decisions)} option indices, not {len(indices)}")
        for i, index in enumerate(indices):
            mask = self.mask(indices[:i])
            if not 0 <= index < len(mask) or not mask[index]:
                raise NasdipError(f"option {index} of decision '{self.decisions[i].name}' is not allowed there")
        return self.architecture({d.name: d.options[i] for d, i in zip(self.decisions, indices, strict=True)})

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """Return the option indices of an architecture; NasdipError where the space does not hold it."""
        if not isinstance(architecture, CrossSkipArchitecture) or architecture.cell not in self._cells:
            raise NasdipError(f"search space '{self.name}' does not hold the architecture {architecture}")
        values: dict[str, Option] = {"depth": architecture.depth, "skips": ".".join(architecture.skips)}
        if architecture.width is not None:
            values["width"] = architecture.width
        for name in self._skip_names:
            level, source = _skip_place(name)
            inside = max(level, source + 1) <= architecture.depth
            values[name] = int(architecture.has_skip(level, source)) if inside else self.choices[name][0]
        indices = list(self._cells[architecture.cell])
        for decision in self.decisions[len(indices) :]:
            if decision.name not in values or values[decision.name] not in decision.options:
                raise NasdipError(f"search space '{self.name}' does not hold the architecture {architecture}")
            indices.append(decision.options.index(values[decision.name]))
        if self.decode(indices) != architecture:
            raise NasdipError(f"search space '{self.name}' does not hold the architecture {architecture}")
        return tuple(indices)

    def holds(self, architecture: Architecture) -> bool:
        """Whether the architecture is one of the space."""
        try:
            self.encode(architecture)
        except NasdipError:
            return False
        return True

    def architecture(self, values: Mapping[str, Option]) -> Architecture:
        """Return the architecture of a mapping from decision names to option values (what NNI hands to a trial)."""
        if set(values) != set(self.choices):
            raise NasdipError(f"search space '{self.name}' decides {sorted(self.choices)}, not {sorted(values)}")
        cell = UpsamplingCell(**{**_CELL_DEFAULTS, **{k: v for k, v in values.items() if k in _CELL_DEFAULTS}})  # type: ignore[arg-type]
        width = int(values["width"]) if "width" in values else None
        if "skips" in values:
            return CrossSkipArchitecture(width, cell, tuple(str(values["skips"]).split(".")))
        depth = int(values["depth"]) if "depth" in values else self._depths[0]
        rows = [["0"] * depth for _ in range(depth)]
        for level in range(depth):
            # Without skip decisions: a plain U-Net, every level with the source of its own resolution.
            rows[level][level] = "0" if self._skip_names else "1"
        for name in self._free_skips(depth):
            level, source = _skip_place(name)
            rows[level - 1][source] = str(values[name])
        return CrossSkipArchitecture(width, cell, tuple("".join(row) for row in rows))

    @cached_property
    def _cells(self) -> dict[UpsamplingCell, tuple[int, ...]]:
        """Every buildable cell with its first (canonical) option indices."""
        names = [name for name in _CELL_DEFAULTS if name in self.choices]
        cells: dict[UpsamplingCell, tuple[int, ...]] = {}
        for code in itertools.product(*(range(len(self.choices[name])) for name in names)):
            values = {name: self.choices[name][i] for name, i in zip(names, code, strict=True)}
            try:
                cell = UpsamplingCell(**{**_CELL_DEFAULTS, **values})  # type: ignore[arg-type]
            except NasdipError:
                continue
            cells.setdefault(cell, code)
        return cells

    @cached_property
    def _cell_options(self) -> dict[tuple[int, ...], frozenset[int]]:
        """The options of the next decision by the option indices of those before, of the cell's decisions."""
        fitting: dict[tuple[int, ...], set[int]] = {}
        for code in self._cells.values():
            for n, option in enumerate(code):
                fitting.setdefault(code[:n], set()).add(option)
        return {prefix: frozenset(options) for prefix, options in fitting.items()}

    @cached_property
    def _skip_names(self) -> tuple[str, ...]:
        return tuple(name for name in self.choices if _SKIP.fullmatch(name))

    @cached_property
    def _skip_depth(self) -> int:
        return max((max(level, source + 1) for level, source in map(_skip_place, self._skip_names)), default=5)

    @cached_property
    def _depths(self) -> tuple[int, ...]:
        return tuple(int(d) for d in self.choices.get("depth", (self._skip_depth,)))

    def _depth_of(self, prefix: Sequence[int]) -> int:
        place = self._depth_place
        return self._depths[0] if place is None else self._depths[prefix[place]]

    @cached_property
    def _depth_place(self) -> int | None:
        names = [decision.name for decision in self.decisions]
        return names.index("depth") if "depth" in names else None

    def _free_skips(self, depth: int) -> tuple[str, ...]:
        return self._free_skips_by_depth[depth]

    @cached_property
    def _free_skips_by_depth(self) -> dict[int, tuple[str, ...]]:
        places = [(name, *_skip_place(name)) for name in self._skip_names if self.choices[name] != (0,)]
        return {d: tuple(name for name, level, source in places if max(level, source + 1) <= d) for d in self._depths}


def _skip_place(name: str) -> tuple[int, int]:
    match = _SKIP.fullmatch(name)
    assert match is not None
    return int(match[1]), int(match[2] or 0)


def _check_entry(key: str, options: tuple[Option, ...]) -> None:
    if len(set(options)) != len(options):
        raise NasdipError(f"search space entry '{key}' repeats an option: list each once")
    if key in ("spatial", "channel", "activation"):
        for option in options:
            find_operation(str(option), key)  # type: ignore[arg-type]
    elif key in ("kernel", "dilation", "width", "depth"):
        top = {"depth": MAX_DEPTH, "kernel": MOST_KERNEL, "dilation": MOST_DILATION, "width": MAX_WIDTH}[key]
        if not all(isinstance(o, int) and 1 <= o <= top for o in options):
            raise NasdipError(
                f"search space entry '{key}' must list whole numbers from 1 to {top}, not {list(options)}"
            )
        if key == "kernel" and any(int(o) % 2 == 0 for o in options):
            raise NasdipError(
                f"search space entry 'kernel' must list odd numbers, like 1, 3, 5, 7, not {list(options)}"
            )
    elif key == "skips":
        for option in options:
            CrossSkipArchitecture(None, UpsamplingCell("bilinear"), tuple(str(option).split(".")))
    elif _SKIP.fullmatch(key):
        if options not in ((0, 1), (0,), (1,)):
            raise NasdipError(f"search space entry '{key}' must list [0, 1], not {list(options)}")
    else:
        known = ", ".join(
            [*_CELL_DEFAULTS, "width", "depth", "skips", "skip_dec<LEVEL>_input", "skip_dec<LEVEL>_enc<N>"]
        )
        raise NasdipError(f"unknown search space entry '{key}': use {known}")


def _shipped_folder() -> Path:
    packaged = Path(str(resources.files("nasdip"))) / "search_spaces"
    return packaged if packaged.is_dir() else Path(str(resources.files("nasdip"))).parent / "search_spaces"
