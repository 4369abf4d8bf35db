"""An architecture as a drawing: encoder down the left, decoder up the right, skips across."""

from typing import Literal, NamedTuple

from markupsafe import Markup

from nasdip.space.architecture import Architecture, ConcatSkipArchitecture, CrossSkipArchitecture
from nasdip.space.cell import UpsamplingCell
from nasdip.space.operations import OPERATIONS

_ROW, _BOX_WIDTH, _BOX_HEIGHT = 48, 66, 28
_LEFT, _RIGHT, _TOP, _WIDTH = 64, 258, 8, 346
_PORTS = 20  # height (px) of a box over which arrows arrive


class Skip(NamedTuple):
    """A skip connection.

    Attributes
    ----------
    level : int
        Decoder level which it enters, 1 = finest.
    source : int
        0 = input, j = encoder level j.
    kind : {"same", "finer", "coarser"}
        Resolution of the source, seen from the level.
    channels : int or None
        Of a concatenated skip; None where skips are summed.
    """

    level: int
    source: int
    kind: Literal["same", "finer", "coarser"]
    channels: int | None


def skip_connections(architecture: Architecture) -> list[Skip]:
    """Return the skips of an architecture, finest decoder level first."""
    levels = range(1, architecture.depth + 1)
    if isinstance(architecture, ConcatSkipArchitecture):
        counts = architecture.skip_channels
        return [Skip(level, level - 1, "same", counts[level - 1]) for level in levels if counts[level - 1]]
    assert isinstance(architecture, CrossSkipArchitecture)
    places = ((level, source) for level in levels for source in range(architecture.depth))
    return [Skip(level, source, _kind(level, source), None) for level, source in places
            if architecture.has_skip(level, source)]  # fmt: skip


def _kind(level: int, source: int) -> Literal["same", "finer", "coarser"]:
    return "same" if source == level - 1 else "finer" if source < level - 1 else "coarser"


def upsampling_chain(architecture: Architecture) -> list[str]:
    """Return the steps by which a decoder level doubles height and width, in words.

    Examples
    --------
    >>> upsampling_chain(Architecture.from_text("nearest+split-sum5+relu:11.01"))
    ['nearest ×2', 'relu', 'split-sum 5×5', 'relu']
    >>> upsampling_chain(Architecture.from_text("dip+bilinear:4.4"))
    ['bilinear ×2', 'concatenate the skip']
    """
    if isinstance(architecture, ConcatSkipArchitecture):
        return [f"{architecture.mode} ×2", "concatenate the skip"]
    assert isinstance(architecture, CrossSkipArchitecture)
    return _cell_chain(architecture.cell)


def _cell_chain(cell: UpsamplingCell) -> list[str]:
    size = f" {cell.kernel}×{cell.kernel}" + (f" dilation {cell.dilation}" if cell.dilation > 1 else "")
    spatial = cell.spatial.removesuffix("-last") + (size if OPERATIONS[cell.spatial].has_kernel else "") + " ×2"
    channel = cell.channel + size + (" to 4 times the channels" if cell.channel_first else "")
    operations = [spatial] if cell.channel == "identity" else [spatial, channel]
    if cell.channel_first:
        operations.reverse()
    return [step for operation in operations for step in (operation, cell.activation) if step != "none"]


def architecture_svg(architecture: Architecture) -> Markup:
    """Draw an architecture as an SVG element, coloured by the page's style sheet."""
    depth = architecture.depth
    height = _TOP + depth * _ROW + _BOX_HEIGHT + 14
    parts = [f'<svg class="diagram" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{_words(architecture)}">']
    parts += [_scale_label(row) for row in range(depth + 1)]
    parts += [_down(row) for row in range(depth)]
    parts += [_up(level) for level in range(1, depth)]
    parts.append(_bottom(depth))
    parts += _skips(skip_connections(architecture))
    names = ["input", *(f"enc{level}" for level in range(1, depth + 1))]
    parts += [_box(_LEFT, row, name) for row, name in enumerate(names)]
    parts += [_box(_RIGHT, level - 1, f"dec{level}") for level in range(1, depth + 1)]
    top = _TOP + _BOX_HEIGHT / 2
    parts.append(_arrow("flow", f"M{_RIGHT + _BOX_WIDTH} {top}h14", _RIGHT + _BOX_WIDTH + 20, top, "right"))
    parts.append("</svg>")
    return Markup("".join(parts))


def _words(architecture: Architecture) -> str:
    by_level = {level: [] for level in range(1, architecture.depth + 1)}  # type: dict[int, list[str]]
    for skip in skip_connections(architecture):
        by_level[skip.level].append(f"enc{skip.source}" if skip.source else "input")
    inputs = "; ".join(f"dec{level} from {', '.join(names) or 'none'}" for level, names in by_level.items())
    return f"Encoder-decoder of {architecture.depth} levels. Skips: {inputs}."


def _middle(row: int) -> float:
    return _TOP + row * _ROW + _BOX_HEIGHT / 2


def _scale_label(row: int) -> str:
    text = "full" if row == 0 else f"1/{2**row}"
    return f'<text class="scale" x="{_LEFT - 10}" y="{_middle(row) + 4}" text-anchor="end">{text}</text>'


def _box(x: int, row: int, name: str) -> str:
    y = _TOP + row * _ROW
    return (
        f'<g class="node"><rect x="{x}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="6"/>'
        f'<text x="{x + _BOX_WIDTH / 2}" y="{y + _BOX_HEIGHT / 2 + 4}" text-anchor="middle">{name}</text></g>'
    )


def _arrow(kind: str, path: str, x: float, y: float, heading: Literal["right", "up", "down", "left"]) -> str:
    """Return a path with its head, whose tip is at (x, y)."""
    turn = {"right": 0, "down": 90, "left": 180, "up": 270}[heading]
    head = f'<path class="head" d="M0 0l-7 -3.5v7z" transform="translate({x:g} {y:g}) rotate({turn})"/>'
    return f'<g class="{kind}"><path class="line" d="{path}"/>{head}</g>'


def _down(row: int) -> str:
    x, start, end = _LEFT + _BOX_WIDTH / 2, _TOP + row * _ROW + _BOX_HEIGHT, _TOP + (row + 1) * _ROW
    return _arrow("flow", f"M{x} {start}V{end - 6}", x, end - 1, "down")


def _up(level: int) -> str:
    x, start, end = _RIGHT + _BOX_WIDTH / 2, _TOP + level * _ROW, _TOP + (level - 1) * _ROW + _BOX_HEIGHT
    return _arrow("flow", f"M{x} {start}V{end + 6}", x, end + 1, "up")


def _bottom(depth: int) -> str:
    x, y, end = _RIGHT + _BOX_WIDTH / 2, _middle(depth), _TOP + (depth - 1) * _ROW + _BOX_HEIGHT
    return _arrow("flow", f"M{_LEFT + _BOX_WIDTH} {y}H{x - 10}Q{x} {y} {x} {y - 10}V{end + 6}", x, end + 1, "up")


def _skips(skips: list[Skip]) -> list[str]:
    order = {"finer": 0, "coarser": 1, "same": 2}  # crossing ones lie below
    return [_skip(skip, skips) for skip in sorted(skips, key=lambda skip: order[skip.kind])]


def _skip(skip: Skip, skips: list[Skip]) -> str:
    x0, x1 = _LEFT + _BOX_WIDTH, _RIGHT - 1
    y0 = _middle(skip.source) + _port([s.level for s in skips if s.source == skip.source], skip.level)
    y1 = _middle(skip.level - 1) + _port([s.source for s in skips if s.level == skip.level], skip.source)
    bend = 56
    path = f"M{x0} {y0:g}C{x0 + bend} {y0:g} {x1 - bend - 6} {y1:g} {x1 - 6} {y1:g}"
    drawn = _arrow(skip.kind, path, x1, y1, "right")
    if skip.channels is None:
        return drawn
    return (
        drawn + f'<text class="scale" x="{(x0 + x1) / 2}" y="{y1 - 6:g}" text-anchor="middle">{skip.channels} ch</text>'
    )


def _port(ends: list[int], end: int) -> float:
    """Return where the arrow of `end` meets a box that `ends` share, relative to its middle."""
    ordered = sorted(ends)
    if len(ordered) == 1:
        return 0.0
    return _PORTS * (ordered.index(end) / (len(ordered) - 1) - 0.5)
