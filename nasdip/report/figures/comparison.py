"""The images side by side."""

import numpy as np
from matplotlib.figure import Figure

from nasdip.report.figures.theme import COLOUR, new_figure


def comparison_figure(panels: list[tuple[str, np.ndarray]]) -> Figure:
    """Draw 8-bit images (H, W) or (H, W, 3) in one row under their titles."""
    height, width = panels[0][1].shape[:2]
    figure, axes = new_figure(3.0 * len(panels), 3.0 * height / width + 0.3, columns=len(panels))
    for ax, (title, pixels) in zip(axes, panels, strict=True):
        ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set_title(title, fontsize=9, loc="left", color=COLOUR["ink"])
        ax.set_axis_off()
    return figure
