"""The look of all charts, on light and dark pages and on paper.

A chart is drawn once, in the light colours of `PALETTE`. In the report each of them becomes a CSS variable of the same
name, which the page sets for light and dark; in the PNG it stays as it is.
"""

import io
import re
from pathlib import Path

from markupsafe import escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from nasdip.files import replacing

# name: (light, dark). The light ones must all differ: they are what is replaced.
PALETTE = {
    "ink": ("#1d2530", "#e4e8ee"),
    "muted": ("#596577", "#9fabbb"),
    "grid": ("#dde2e8", "#313a46"),
    "blue": ("#1f62c4", "#79b0ff"),
    "orange": ("#b8560b", "#ffb066"),
    "green": ("#17784f", "#5bd49a"),
    "purple": ("#7d3fc0", "#c59bff"),
    "red": ("#c32b38", "#ff8a90"),
    "band1": ("#3d348b", "#a99cff"),
    "band2": ("#2477b3", "#6cc0f5"),
    "band3": ("#1b8a6b", "#58d6ae"),
    "band4": ("#a1760a", "#e6c14e"),
    "band5": ("#c4471f", "#ff9d75"),
}
COLOUR = {name: light for name, (light, _) in PALETTE.items()}
BAND_COLOURS = tuple(COLOUR[f"band{i}"] for i in range(1, 6))


def new_figure(width: float = 5.2, height: float = 3.1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure of that size (inches) and its axes in one row, in the house style."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, columns, i + 1) for i in range(columns)]
    for ax in axes:
        ax.set_facecolor("none")
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(COLOUR["grid"])
        ax.tick_params(colors=COLOUR["muted"], labelsize=8, length=3)
        ax.tick_params(which="minor", length=0)
        ax.grid(True, color=COLOUR["grid"], linewidth=0.6)
        ax.set_axisbelow(True)
        ax.locator_params(nbins=6)
    return figure, axes


def label(ax: Axes, x: str, y: str, title: str | None = None) -> None:
    """Name the axes, and the panel where there are several."""
    ax.set_xlabel(x, color=COLOUR["muted"], fontsize=8.5)
    ax.set_ylabel(y, color=COLOUR["muted"], fontsize=8.5)
    if title:
        ax.set_title(title, color=COLOUR["ink"], fontsize=9, loc="left")


def whole_numbers(ax: Axes) -> None:
    """Put the ticks of the x axis on whole numbers."""
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))


def logarithmic(ax: Axes, x: bool = False, y: bool = False) -> None:
    """Make axes logarithmic, after drawing: steps (x) labelled like 100, powers and errors (y) like 2e-3."""
    if x:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    if y:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,), numticks=8))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
        ax.yaxis.set_minor_formatter(NullFormatter())


def _power(value: float) -> str:
    digits, exponent = f"{value:.0e}".split("e")
    return f"{digits}e{int(exponent)}"


def legend(ax: Axes) -> None:
    """Add a legend in one row above the axes."""
    count = len(ax.get_legend_handles_labels()[0])
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=count, fontsize=8, frameon=False,
        labelcolor=COLOUR["ink"], handlelength=1.6, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip


def lay_out(figure: Figure) -> None:
    """Give the axes of a figure their places, once: matplotlib does it twice for each file that it writes."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine(None)


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, in the light colours on white."""
    lay_out(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=160, facecolor="white")


def to_svg(figure: Figure, name: str, alt: str) -> str:
    """Return a figure as an SVG element for inlining, its colours as CSS variables.

    Parameters
    ----------
    name : str
        Prefix of every id, so that ids are unique in the page.
    alt : str
        What a screen reader says of it.
    """
    lay_out(figure)
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "nasdip"}):
        figure.savefig(buffer, format="svg", facecolor="none", metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), name, alt)


def _inline(document: str, name: str, alt: str) -> str:
    """Turn matplotlib's SVG document into an element that takes size, font and colours from the page."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    root, rest = svg.split(">", 1)
    root = re.sub(r'\s(width|height)="[^"]*"', "", root)
    rest = re.sub(r'<g id="\w+_\d+">', "<g>", rest)  # ids that nothing refers to
    rest = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', rest)
    rest = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", rest)
    rest = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", rest)
    rest = re.sub(r"font-family: [^;\"]*;?\s*", "", rest)
    rest = re.sub(r"\s*\n\s*", " ", rest)
    for key, light in COLOUR.items():
        rest = rest.replace(light, f"var(--{key})")
    return f'{root} role="img" aria-label="{escape(alt)}">{rest.strip()}'


def css_variables() -> tuple[str, str]:
    """Return the CSS declarations of the palette, for light and for dark pages."""
    light = " ".join(f"--{name}: {colours[0]};" for name, colours in PALETTE.items())
    dark = " ".join(f"--{name}: {colours[1]};" for name, colours in PALETTE.items())
    return light, dark
