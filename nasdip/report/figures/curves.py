"""Charts of a fit by step: its loss, and PSNR against the clean image."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nasdip.prior.result import FitResult
from nasdip.report.figures.theme import COLOUR, label, legend, logarithmic, new_figure


def curves_figure(repetitions: list[tuple[int, FitResult]], sigma: float) -> Figure:
    """Draw loss by step and, where there is a clean image, PSNR by step, one panel each."""
    has_clean = repetitions[0][1].curves.oracle_psnr_averaged is not None
    figure, axes = new_figure(8.6, 3.0, columns=1 + has_clean)
    _draw_loss(axes[0], repetitions, sigma)
    if has_clean:
        _draw_psnr(axes[1], repetitions)
    return figure


def loss_figure(repetitions: list[tuple[int, FitResult]], sigma: float) -> Figure:
    """Draw the loss by step, the held-out error where there is one, and the noise variance."""
    figure, (ax,) = new_figure()
    _draw_loss(ax, repetitions, sigma)
    return figure


def psnr_figure(repetitions: list[tuple[int, FitResult]]) -> Figure:
    """Draw PSNR by step, measured with the clean image."""
    figure, (ax,) = new_figure()
    _draw_psnr(ax, repetitions)
    return figure


def _draw_loss(ax: Axes, repetitions: list[tuple[int, FitResult]], sigma: float) -> None:
    for (number, result), colour in zip(repetitions, ("blue", "orange"), strict=False):
        ax.plot(result.curves.step, _positive(result.curves.loss), color=COLOUR[colour], lw=1.2, label=f"rep. {number}")
        if result.curves.heldout is not None:
            held = _positive(result.curves.heldout)
            ax.plot(result.curves.step, held, color=COLOUR[colour], lw=1.2, ls=(0, (2, 2)), label="held-out pixels")
        for event in result.events:
            ax.axvline(event.step, color=COLOUR["red"], lw=0.8, alpha=0.7)
    if sigma > 0:
        ax.axhline((sigma / 255) ** 2, color=COLOUR["muted"], lw=1, ls=(0, (5, 2)), label="noise variance")
    logarithmic(ax, x=True, y=True)
    label(ax, "step", "mean squared error")
    legend(ax)


def _draw_psnr(ax: Axes, repetitions: list[tuple[int, FitResult]]) -> None:
    for (number, result), colour in zip(repetitions, ("blue", "orange"), strict=False):
        curves = result.curves
        if curves.oracle_psnr_raw is not None:
            ax.plot(curves.step, curves.oracle_psnr_raw, color=COLOUR[colour], lw=0.7, alpha=0.4)
        if curves.oracle_psnr_averaged is not None:
            ax.plot(curves.step, curves.oracle_psnr_averaged, color=COLOUR[colour], lw=1.8, label=f"rep. {number}")
        if result.oracle_step is not None and result.oracle_psnr is not None:
            ax.plot(result.oracle_step, result.oracle_psnr, "o", ms=5, color=COLOUR[colour], mec=COLOUR[colour])
    label(ax, "step", "oracle PSNR (dB)")
    legend(ax)


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)
