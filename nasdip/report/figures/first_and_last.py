"""The figure of the NAS-DIP report: images of the first and the last repetition, each with its spectrum."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nasdip.report.figures.theme import COLOUR
from nasdip.report.numbers.nas_dip_report import Panel
from nasdip.report.pictures import Display

# Inches: an image's width, and what a row needs for its titles.
_WIDTH, _TITLES = 2.3, 0.5


def first_and_last_figure(rows: list[list[Panel]], display: Display, low: float, high: float) -> Figure:
    """Draw rows of images, shown by `display`, each beside its log-magnitude spectrum from `low` to `high`."""
    height, width = rows[0][0].spectrum.shape
    columns = 2 * max(len(row) for row in rows)
    size = (_WIDTH * columns + 0.8, len(rows) * (_WIDTH * height / width + _TITLES))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for ax in grid.flat:
        ax.set_axis_off()
    for axes, row in zip(grid, rows, strict=True):
        for i, panel in enumerate(row):
            _draw_image(axes[2 * i], panel, display.pixels(panel.image))
            _draw_spectrum(axes[2 * i + 1], panel.spectrum, low, high)
    colours = grid[0, 1].images[0]
    bar = figure.colorbar(colours, ax=grid, shrink=0.6, pad=0.015, aspect=30)
    bar.set_label("log10(1 + |F|), zero frequency in the middle", color=COLOUR["muted"], fontsize=8.5)
    bar.ax.tick_params(labelsize=8, colors=COLOUR["muted"])
    return figure


def _draw_image(ax: Axes, panel: Panel, pixels: np.ndarray) -> None:
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    ax.set_title(panel.title, fontsize=9, loc="left", color=COLOUR["ink"])


def _draw_spectrum(ax: Axes, spectrum: np.ndarray, low: float, high: float) -> None:
    ax.imshow(spectrum, cmap="magma", vmin=low, vmax=high)
    ax.set_title("its spectrum", fontsize=9, loc="left", color=COLOUR["muted"])
