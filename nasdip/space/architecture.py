"""Architectures: immutable descriptions of encoder-decoders, with a text and a JSON form."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nasdip.errors import NasdipError
from nasdip.space.cell import UpsamplingCell, published_cell

MAX_DEPTH = 8
MAX_WIDTH = 4096


@dataclass(frozen=True)
class Architecture(ABC):
    """An encoder-decoder for Deep Image Prior, without weights.

    Two families are final: `CrossSkipArchitecture` (NAS-DIP) and `ConcatSkipArchitecture` (DIP).

    Parameters
    ----------
    width : int or None
        Channels of every level; None leaves it to whoever builds the network (128 in the papers).

    Examples
    --------
    >>> a = Architecture.from_text("nearest+split-sum5+leaky-relu:11111.01111.00111.00011.00001")
    >>> a == Architecture.from_published_index(158, "1111101111001110001100001")
    True
    >>> Architecture.from_json(a.to_json()) == a
    True
    >>> str(Architecture.from_text("dip+bilinear:4.4.4.4.4:w64"))
    'dip+bilinear:4.4.4.4.4:w64'
    """

    width: int | None

    @property
    @abstractmethod
    def depth(self) -> int:
        """Number of levels; each halves height and width."""

    @abstractmethod
    def __str__(self) -> str:
        """Return the text form, which `from_text` reads."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, which `from_json` reads."""

    @staticmethod
    def from_text(text: str) -> "Architecture":
        """Parse ``CELL:ROW.ROW...[:wWIDTH]``, one row of 0 and 1 for each decoder level, finest first.

        Columns are the sources: input, enc1, enc2, ... For DIP's own network ``dip+MODE:N.N...[:wWIDTH]`` with the
        skip channels of each level. Case, blanks and underscores do not matter. NasdipError says what is wrong.
        """
        parts = re.sub(r"\s+", "", text.lower()).replace("_", "-").split(":")
        if len(parts) not in (2, 3) or not all(parts):
            raise NasdipError(
                f"'{text}' is not an architecture: write CELL:ROWS[:wWIDTH], like "
                "bilinear+conv3+relu:11111.01111.00111.00011.00001:w64"
            )
        width = _parse_width(parts[2]) if len(parts) == 3 else None
        rows = tuple(parts[1].split("."))
        if parts[0].startswith("dip+"):
            if not all(re.fullmatch(r"\d+", row) for row in rows):
                raise NasdipError(f"'{parts[1]}' are not skip channels: write one number a level, like 4.4.4.4.4")
            return ConcatSkipArchitecture(width, parts[0].removeprefix("dip+"), tuple(int(row) for row in rows))
        return CrossSkipArchitecture(width, UpsamplingCell.from_text(parts[0]), rows)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Architecture":
        """Rebuild an architecture from `to_json`; NasdipError for unknown families, missing or unknown keys."""
        try:
            fields = dict(data)
            family = fields.pop("family")
            if family == "nas-dip":
                fields["cell"] = UpsamplingCell(**fields["cell"])
                fields["skips"] = tuple(fields["skips"])
                return CrossSkipArchitecture(**fields)
            if family == "dip":
                fields["skip_channels"] = tuple(fields["skip_channels"])
                return ConcatSkipArchitecture(**fields)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, NasdipError):
                raise
            raise NasdipError(f"not the JSON form of an architecture ({type(error).__name__}: {error})") from None
        raise NasdipError(f"unknown architecture family '{family}': use nas-dip or dip")

    @staticmethod
    def from_published_index(cell: int, skips: str | Sequence[Sequence[int]]) -> "CrossSkipArchitecture":
        """Return the architecture of the published NAS-DIP code: a `cell` index and a 5x5 binary skip matrix.

        `skips` is a 5x5 matrix or its 25 digits, row by row, finest level first (columns: input, enc1, ... enc4).
        """
        digits = skips if isinstance(skips, str) else "".join(str(int(v)) for row in skips for v in row)
        if len(digits) != 25:
            raise NasdipError(f"a published skip matrix has 25 digits, not {len(digits)}")
        rows = tuple(digits[i : i + 5] for i in range(0, 25, 5))
        return CrossSkipArchitecture(None, published_cell(cell), rows)


@dataclass(frozen=True)
class CrossSkipArchitecture(Architecture):
    """The NAS-DIP family: five-level U-Net with one upsampling cell and cross-level residual skips, all summed.

    Parameters
    ----------
    cell : UpsamplingCell
        Used, with weights of its own, at every upsampling.
    skips : tuple of str
        One row of 0 and 1 for each decoder level, finest first; column j is source j: the input (0) or encoder
        level j, whose resolution is that of decoder level j + 1.
    """

    cell: UpsamplingCell
    skips: tuple[str, ...]

    def __post_init__(self) -> None:
        check_channels(self.width)
        rows = len(self.skips)
        if not 1 <= rows <= MAX_DEPTH:
            raise NasdipError(f"an architecture has 1 to {MAX_DEPTH} levels, not {rows}")
        for row in self.skips:
            if len(row) != rows or set(row) - {"0", "1"}:
                raise NasdipError(f"skip row '{row}' must be {rows} digits of 0 and 1, one for each of {rows} levels")

    @property
    def depth(self) -> int:
        """Number of levels; each halves height and width."""
        return len(self.skips)

    def has_skip(self, level: int, source: int) -> bool:
        """Whether decoder `level` (1 = finest) adds `source` (0 = input, j = encoder level j)."""
        return self.skips[level - 1][source] == "1"

    def __str__(self) -> str:
        return f"{self.cell}:{'.'.join(self.skips)}" + (f":w{self.width}" if self.width else "")

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, which `from_json` reads."""
        return {"family": "nas-dip", "cell": vars(self.cell).copy(), "skips": list(self.skips), "width": self.width}


@dataclass(frozen=True)
class ConcatSkipArchitecture(Architecture):
    """The family of Deep Image Prior (Ulyanov et al., CVPR 2018): an hourglass with concatenating 1x1 skips.

    Parameters
    ----------
    mode : {"bilinear", "nearest", "bicubic"}
        Interpolation of the upsampling.
    skip_channels : tuple of int
        Channels of each level's skip, finest first; 0 for none.
    """

    mode: str
    skip_channels: tuple[int, ...]

    def __post_init__(self) -> None:
        check_channels(self.width)
        if self.mode not in ("bilinear", "nearest", "bicubic"):
            raise NasdipError(f"unknown upsampling '{self.mode}' of a dip network: use bilinear, nearest or bicubic")
        whole = all(type(n) is int and 0 <= n <= MAX_WIDTH for n in self.skip_channels)
        if not 1 <= len(self.skip_channels) <= MAX_DEPTH or not whole:
            raise NasdipError(f"a dip network has 0 to {MAX_WIDTH} skip channels for each of 1 to {MAX_DEPTH} levels")

    @property
    def depth(self) -> int:
        """Number of levels; each halves height and width."""
        return len(self.skip_channels)

    def __str__(self) -> str:
        channels = ".".join(str(n) for n in self.skip_channels)
        return f"dip+{self.mode}:{channels}" + (f":w{self.width}" if self.width else "")

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, which `from_json` reads."""
        return {"family": "dip", "mode": self.mode, "skip_channels": list(self.skip_channels), "width": self.width}


def _parse_width(text: str) -> int:
    if not re.fullmatch(r"w\d+", text):
        raise NasdipError(f"'{text}' is not a width: write w and the number of channels, like w64")
    return int(text[1:])


def check_channels(width: int | None) -> None:
    """Raise NasdipError unless `width` is None or a whole number of channels that a level can have."""
    if width is not None and (type(width) is not int or not 1 <= width <= MAX_WIDTH):
        raise NasdipError(f"width {width!r} is not a number of channels from 1 to {MAX_WIDTH}: use 128, or less")
