"""Charts in the frequency domain: radial PSD, band correspondence, log-magnitude spectra."""

import itertools
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nasdip.records.results import FitResult
from nasdip.report.figures.theme import BAND_COLOURS, COLOUR, label, legend, logarithmic, new_figure
from nasdip.report.numbers.restoration import LabelledPSD

_LINES: dict[str, tuple[str, Any, float]] = {
    "noisy": ("muted", "-", 1.4),
    "restored": ("blue", "-", 1.9),
    "last": ("orange", (0, (4, 2)), 1.4),
    "clean": ("green", (0, (1, 1)), 1.9),
}


def psd_figure(curves: list[LabelledPSD]) -> Figure:
    """Draw radial power spectral densities; what is not one of a restoration's images takes the next free colour."""
    figure, (ax,) = new_figure(8.6, 3.0)
    free = itertools.cycle(("blue", "orange", "purple", "red", "muted"))
    for name, psd in curves:
        colour, style, width = _LINES.get(name) or (next(free), "-", 1.7)
        positive = np.where(psd.power > 0, psd.power, np.nan)
        ax.plot(psd.frequency, positive, color=COLOUR[colour], ls=style, lw=width, label=name)
    logarithmic(ax, y=True)
    ax.set_xlim(0, 0.5)
    label(ax, "|f| (cycles/px)", "power")
    legend(ax)
    return figure


def bands_figure(repetitions: list[tuple[int, FitResult]]) -> Figure:
    """Draw the band correspondence by step, one panel for each repetition, lowest band first."""
    figure, axes = new_figure(8.6, 2.9, columns=len(repetitions))
    for ax, (number, result) in zip(axes, repetitions, strict=True):
        for band, colour in enumerate(BAND_COLOURS[: result.bands.correspondence.shape[1]]):
            name = f"{0.1 * band:.1f}–{0.1 * (band + 1):.1f}"
            values = result.bands.correspondence[:, band]
            ax.plot(result.bands.step, values, color=colour, lw=1.7, label=name)
        logarithmic(ax, x=True)
        ax.set_ylim(0, 1.02)
        label(ax, "step", "correspondence" if ax is axes[0] else "", f"repetition {number}")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside upper left", ncols=len(names) + 1, fontsize=8, frameon=False,
        labelcolor=COLOUR["ink"], title="band |f| in cycles/px, low to high", title_fontsize=8, alignment="left",
        handlelength=1.6,
    ).get_title().set_color(COLOUR["muted"])  # fmt: skip
    return figure


def spectra_figure(panels: list[tuple[str, np.ndarray]], low: float, high: float) -> Figure:
    """Draw log-magnitude spectra side by side on one scale."""
    figure, axes = new_figure(2.3 * len(panels) + 0.6, 2.7, columns=len(panels))
    for ax, (name, spectrum) in zip(axes, panels, strict=True):
        ax.grid(False)
        shown = ax.imshow(spectrum, cmap="magma", vmin=low, vmax=high, extent=(-0.5, 0.5, 0.5, -0.5))
        label(ax, "cycles/px", "", name)
        ax.tick_params(labelleft=ax is axes[0])
    figure.colorbar(shown, ax=axes, shrink=0.8, label="log10(1 + |F|)").ax.tick_params(labelsize=7)
    return figure
