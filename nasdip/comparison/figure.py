"""The figure of a comparison: crops side by side, the images' spectra under them, their radial power at the end."""

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nasdip.comparison.panels import Panel, Panels
from nasdip.report.figures.theme import COLOUR, label, logarithmic

_COLUMNS = 6
_CELL, _TITLE, _CHART = 1.9, 0.34, 2.6  # inches: side of a crop, its title, the chart
_COLOURS = ("blue", "orange", "green", "purple", "red", "band2", "band4", "band3", "band5", "band1")
_STYLES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1)))


def comparison_of_methods(shown: Panels) -> Figure:
    """Draw the panels, six in a row, each with its spectrum below; then the radial power of all."""
    count = len(shown.panels)
    columns = min(_COLUMNS, max(count, 3))
    blocks = -(-count // columns)
    heights = [_CELL + _TITLE, _CELL + 0.1] * blocks + [_CHART]
    figure = Figure(figsize=(columns * _CELL + 0.9, sum(heights) + 0.2), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2 * blocks + 1, columns, height_ratios=heights)
    spectra: list[Axes] = []
    for place, panel in enumerate(shown.panels):
        block, column = divmod(place, columns)
        _draw_crop(figure.add_subplot(grid[2 * block, column]), panel)
        ax = figure.add_subplot(grid[2 * block + 1, column])
        _draw_spectrum(ax, panel, shown, first=column == 0)
        spectra.append(ax)
    bar = figure.colorbar(spectra[0].images[0], ax=spectra, shrink=0.5, aspect=30, pad=0.01)
    bar.set_label("log10(1 + |F|)", color=COLOUR["muted"], fontsize=8)
    bar.ax.tick_params(labelsize=7, colors=COLOUR["muted"])
    _draw_powers(figure.add_subplot(grid[-1, :]), shown.panels)
    return figure


def _draw_crop(ax: Axes, panel: Panel) -> None:
    ax.imshow(panel.pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set_title(f"{panel.name}\n{panel.words}" if panel.words else panel.name, **_title())
    ax.set_axis_off()


def _title() -> dict[str, Any]:
    return {"fontsize": 8.5, "loc": "left", "color": COLOUR["ink"], "pad": 3}


def _draw_spectrum(ax: Axes, panel: Panel, shown: Panels, *, first: bool) -> None:
    ax.imshow(
        panel.spectrum, cmap="magma", vmin=shown.low, vmax=shown.high, extent=(-0.5, 0.5, 0.5, -0.5), aspect="auto"
    )
    ax.set_box_aspect(1)
    ax.set_xticks([-0.5, 0, 0.5])
    ax.set_yticks([-0.5, 0, 0.5])
    ax.tick_params(colors=COLOUR["muted"], labelsize=6.5, length=2, labelleft=first)
    ax.spines[:].set_visible(False)
    if first:
        ax.set_ylabel("cycles/px", color=COLOUR["muted"], fontsize=7)


def _draw_powers(ax: Axes, panels: list[Panel]) -> None:
    looks = itertools.product(_STYLES, _COLOURS)
    for panel in panels:
        if panel.name in ("noisy", "clean"):
            style, colour, width = ("-", "muted", 1.4) if panel.name == "noisy" else ((0, (1, 1)), "ink", 2.0)
        else:
            (style, colour), width = next(looks), 1.4
        positive = np.where(panel.psd.power > 0, panel.psd.power, np.nan)
        ax.plot(panel.psd.frequency, positive, color=COLOUR[colour], ls=style, lw=width, label=panel.name)
    logarithmic(ax, y=True)
    ax.set_xlim(0, 0.5)
    label(ax, "|f| (cycles/px)", "radial power")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(COLOUR["grid"])
    ax.tick_params(colors=COLOUR["muted"], labelsize=8, length=3)
    ax.grid(True, color=COLOUR["grid"], linewidth=0.6)
    ax.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False, labelcolor=COLOUR["ink"],
        handlelength=2.2, borderaxespad=0,
    )  # fmt: skip
