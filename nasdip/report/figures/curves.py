"""Charts of a fit by step: its loss, the score of its stopping rule, and PSNR against the clean image.

Marked is the step whose image was kept, with a diamond; not for fits in tiles, which have a step each.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nasdip.records.results import FitResult
from nasdip.report.figures.theme import COLOUR, label, legend, logarithmic, new_figure

_COLOURS = ("blue", "orange")


def curves_figure(
    repetitions: list[tuple[int, FitResult]], sigma: float, score: str = "score", *, marked: bool = False
) -> Figure:
    """Draw loss and, where there are, score and PSNR by step, one panel each."""
    has_clean = repetitions[0][1].curves.oracle_psnr_averaged is not None
    columns = 1 + has_score(repetitions) + has_clean
    figure, axes = new_figure(4.3 * max(2, columns), 3.0, columns=columns)
    _draw_loss(axes[0], repetitions, sigma, marked=marked)
    if has_score(repetitions):
        _draw_score(axes[1], repetitions, score)
    if has_clean:
        _draw_psnr(axes[-1], repetitions, marked=marked)
    return figure


def loss_figure(repetitions: list[tuple[int, FitResult]], sigma: float, *, marked: bool = False) -> Figure:
    """Draw the loss by step, the held-out error where there is one, and the noise variance."""
    figure, (ax,) = new_figure()
    _draw_loss(ax, repetitions, sigma, marked=marked)
    return figure


def psnr_figure(repetitions: list[tuple[int, FitResult]], *, marked: bool = False) -> Figure:
    """Draw PSNR by step, measured with the clean image."""
    figure, (ax,) = new_figure()
    _draw_psnr(ax, repetitions, marked=marked)
    return figure


def score_figure(repetitions: list[tuple[int, FitResult]], name: str) -> Figure:
    """Draw the score of the stopping rule, called `name`, by step."""
    figure, (ax,) = new_figure()
    _draw_score(ax, repetitions, name)
    return figure


def has_score(repetitions: list[tuple[int, FitResult]]) -> bool:
    """Whether a rule scored the steps of a repetition."""
    scores = [result.curves.score for _, result in repetitions]
    return any(score is not None and bool(np.isfinite(score).any()) for score in scores)


def _draw_loss(ax: Axes, repetitions: list[tuple[int, FitResult]], sigma: float, *, marked: bool) -> None:
    for (number, result), colour in zip(repetitions, _COLOURS, strict=False):
        ax.plot(result.curves.step, _positive(result.curves.loss), color=COLOUR[colour], lw=1.2, label=f"rep. {number}")
        if result.curves.heldout is not None:
            held = _positive(result.curves.heldout)
            ax.plot(result.curves.step, held, color=COLOUR[colour], lw=1.2, ls=(0, (2, 2)), label="held-out pixels")
        for event in result.events:
            ax.axvline(event.step, color=COLOUR["red"], lw=0.8, alpha=0.7)
        if marked:
            _mark(ax, result, result.curves.loss, colour)
    if sigma > 0:
        ax.axhline((sigma / 255) ** 2, color=COLOUR["muted"], lw=1, ls=(0, (5, 2)), label="noise variance")
    logarithmic(ax, x=True, y=True)
    label(ax, "step", "mean squared error")
    legend(ax)


def _draw_score(ax: Axes, repetitions: list[tuple[int, FitResult]], name: str) -> None:
    shown = []
    for (number, result), colour in zip(repetitions, _COLOURS, strict=False):
        if result.curves.score is None:
            continue
        score = np.where(np.isfinite(result.curves.score), result.curves.score, np.nan)
        ax.plot(result.curves.step, score, color=COLOUR[colour], lw=1.4, label=f"rep. {number}")
        _mark(ax, result, score, colour)
        shown.append(score[np.isfinite(score)])
    values = np.concatenate(shown)
    if values.min() > 0:
        logarithmic(ax, x=True, y=True)
    else:  # SURE may be negative: let the axis show where it turns, not its steep beginning
        logarithmic(ax, x=True)
        low, high = float(values.min()), float(np.quantile(values, 0.9))
        margin = 0.08 * (high - low) or 0.5
        ax.set_ylim(low - margin, high + margin)
    label(ax, "step", name)
    legend(ax)


def _draw_psnr(ax: Axes, repetitions: list[tuple[int, FitResult]], *, marked: bool) -> None:
    for (number, result), colour in zip(repetitions, _COLOURS, strict=False):
        curves = result.curves
        if curves.oracle_psnr_raw is not None:
            ax.plot(curves.step, curves.oracle_psnr_raw, color=COLOUR[colour], lw=0.7, alpha=0.4)
        if curves.oracle_psnr_averaged is not None:
            ax.plot(curves.step, curves.oracle_psnr_averaged, color=COLOUR[colour], lw=1.8, label=f"rep. {number}")
            if marked:
                _mark(ax, result, curves.oracle_psnr_averaged, colour)
        if result.oracle_step is not None and result.oracle_psnr is not None:
            ax.plot(result.oracle_step, result.oracle_psnr, "o", ms=5, color=COLOUR[colour], mec=COLOUR[colour])
    label(ax, "step", "oracle PSNR (dB)")
    legend(ax)


def _mark(ax: Axes, result: FitResult, values: np.ndarray, colour: str) -> None:
    """Draw a diamond at the step whose image was kept, on a curve of `values` by step."""
    if result.tiles or not np.isfinite(values[result.image_step - 1]):
        return
    ax.plot(
        result.image_step, values[result.image_step - 1], "D", ms=8, mfc="none", mec=COLOUR[colour], mew=1.6, zorder=5
    )


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)
