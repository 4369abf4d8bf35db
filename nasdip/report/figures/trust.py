"""Charts of the residual: its picture and its cumulative periodogram."""

import numpy as np
from matplotlib.figure import Figure

from nasdip.imaging.whiteness import Whiteness
from nasdip.report.figures.theme import COLOUR, label, legend, new_figure
from nasdip.report.pictures import residual_pixels

# Points of a drawn curve; more cannot be seen.
_POINTS = 400


def periodogram_figure(test: Whiteness) -> Figure:
    """Draw the normalised cumulative periodogram, and its distance from white noise with the 95 % band."""
    figure, (left, right) = new_figure(8.6, 2.9, columns=2)
    n = len(test.cumulative)
    some = np.unique(np.linspace(0, n - 1, min(n, _POINTS)).astype(int))
    white = (np.arange(1, n + 1) / n)[some]
    frequency, cumulative = test.frequency[some], test.cumulative[some]
    left.plot(frequency, cumulative, color=COLOUR["blue"], lw=2.4, label="residual")
    left.plot(frequency, white, color=COLOUR["green"], lw=1.4, ls=(0, (2, 2)), label="white noise")
    left.set_ylim(0, 1.02)
    label(left, "|f| (cycles/px)", "share of power up to |f|")
    right.axhspan(
        -100 * test.threshold, 100 * test.threshold, color=COLOUR["green"], alpha=0.2, lw=0, label="white noise (95 %)"
    )
    right.axhline(0, color=COLOUR["green"], lw=1.4, ls=(0, (2, 2)))
    right.plot(frequency, 100 * (cumulative - white), color=COLOUR["blue"], lw=1.6, label="residual")
    reach = 1.3 * max(100 * test.threshold, 100 * test.statistic)
    right.set_ylim(-reach, reach)
    label(right, "|f| (cycles/px)", "distance (percentage points)")
    for ax in (left, right):
        ax.set_xlim(0, float(test.frequency[-1]))
        legend(ax)
    return figure


def uncertainty_figure(errors: np.ndarray, top: float) -> Figure:
    """Draw the expected error of each pixel (H, W), 8-bit units, from 0 to `top`."""
    figure, (ax,) = new_figure(4.6, 3.6)
    ax.grid(False)
    shown = ax.imshow(errors, cmap="viridis", vmin=0, vmax=top)
    figure.colorbar(shown, ax=ax, shrink=0.85, label="expected error (8-bit units)")
    return figure


def residual_figure(residual: np.ndarray, scale: float) -> Figure:
    """Draw the residual with its scale in 8-bit units."""
    figure, (ax,) = new_figure(4.6, 3.6)
    ax.grid(False)
    limit = 255 * scale
    pixels = residual_pixels(residual, scale) / 127.5 - 1
    shown = ax.imshow(limit * pixels, cmap="gray", vmin=-limit, vmax=limit)
    figure.colorbar(shown, ax=ax, shrink=0.85, label="noisy − restored (8-bit units)")
    return figure
