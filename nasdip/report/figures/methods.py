"""The figure of a comparison: crops side by side, the images' spectra under them, at the end their radial power."""

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from nasdip.report.figures.theme import COLOUR, label, logarithmic
from nasdip.report.numbers.panels import Panel, Panels

_COLUMNS = 6
_CELL, _TITLE, _SCALE, _CHART = 1.9, 0.4, 0.5, 2.8  # inches: a crop's side, its title, the spectra's scale, the chart
_COLOURS = ("blue", "orange", "green", "purple", "red")
_STYLES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1)))


def comparison_of_methods(shown: Panels) -> Figure:
    """Draw the panels, six in a row, each with its spectrum below; then the radial power of all."""
    count = len(shown.panels)
    columns = min(_COLUMNS, max(count, 4))
    blocks = -(-count // columns)
    heights = [_CELL + _TITLE, _CELL] * blocks + [_SCALE, _CHART]
    figure = Figure(figsize=(columns * _CELL, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for place, panel in enumerate(shown.panels):
        block, column = divmod(place, columns)
        _draw_crop(figure.add_subplot(grid[2 * block, column]), panel)
        spectrum = _draw_spectrum(figure.add_subplot(grid[2 * block + 1, column]), panel, shown)
    scale = figure.add_subplot(grid[-2, :2])
    figure.colorbar(spectrum, cax=scale, orientation="horizontal")
    scale.set_box_aspect(0.04)
    scale.tick_params(labelsize=7, colors=COLOUR["muted"], length=2)
    scale.set_title("spectra: log10(1 + |F|), from −0.5 to 0.5 cycles/px", **_title())
    figure.supxlabel(shown.words, fontsize=7.5, color=COLOUR["muted"], x=0.01, ha="left")
    lines = _draw_powers(figure.add_subplot(grid[-1, : columns - 1]), shown.panels)
    names = figure.add_subplot(grid[-1, columns - 1])
    names.set_axis_off()
    names.legend(
        handles=lines, loc="center left", fontsize=8, frameon=False, labelcolor=COLOUR["ink"], handlelength=2.2
    )
    return figure


def _draw_crop(ax: Axes, panel: Panel) -> None:
    ax.imshow(panel.pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set_title(f"{panel.name}\n{panel.words}" if panel.words else panel.name, **_title())
    ax.set_axis_off()


def _title() -> dict[str, Any]:
    return {"fontsize": 8.5, "loc": "left", "color": COLOUR["ink"], "pad": 3}


def _draw_spectrum(ax: Axes, panel: Panel, shown: Panels) -> AxesImage:
    ax.set_axis_off()
    return ax.imshow(panel.spectrum, cmap="magma", vmin=shown.low, vmax=shown.high, aspect=_square(panel.spectrum))


def _square(image: np.ndarray) -> float:
    """Return the aspect at which frequencies in cycles/px are as long along both axes."""
    return image.shape[1] / image.shape[0]


def _draw_powers(ax: Axes, panels: list[Panel]) -> list[Line2D]:
    looks, lines = itertools.product(_STYLES, _COLOURS), []
    for panel in panels:
        if panel.name in ("noisy", "clean"):
            style, colour, width = ("-", "muted", 1.6) if panel.name == "noisy" else ("-", "ink", 2.0)
        else:
            (style, colour), width = next(looks), 1.4
        positive = np.where(panel.psd.power > 0, panel.psd.power, np.nan)
        lines += ax.plot(panel.psd.frequency, positive, color=COLOUR[colour], ls=style, lw=width, label=panel.name)
    logarithmic(ax, y=True)
    ax.set_xlim(0, 0.5)
    label(ax, "|f| (cycles/px)", "radial power")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(COLOUR["grid"])
    ax.tick_params(colors=COLOUR["muted"], labelsize=8, length=3)
    ax.tick_params(which="minor", length=0)
    ax.grid(True, color=COLOUR["grid"], linewidth=0.6)
    return lines
