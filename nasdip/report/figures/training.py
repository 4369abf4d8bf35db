"""The curve of a training."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from nasdip.baselines.history import Epoch, best_of
from nasdip.report.figures.theme import COLOUR, label, legend, new_figure, whole_numbers


def training_figure(epochs: Sequence[Epoch], noisy: float) -> Figure:
    """Draw the loss and the validation PSNR (dB) by epoch, with the PSNR of the noisy images and the best epoch."""
    figure, (losses, quality) = new_figure(8.6, 3.0, columns=2)
    numbers = [epoch.epoch for epoch in epochs]
    marker = "o" if len(epochs) < 25 else None
    losses.plot(numbers, [e.loss for e in epochs], color=COLOUR["blue"], marker=marker, ms=3, label="training")
    losses.plot(
        numbers, [e.validation_loss for e in epochs], color=COLOUR["orange"], marker=marker, ms=3, label="validation"
    )
    label(losses, "epoch", "mean squared error against the targets")
    legend(losses)
    quality.plot(
        numbers, [e.validation_psnr for e in epochs], color=COLOUR["green"], marker=marker, ms=3, label="denoised"
    )
    quality.axhline(noisy, color=COLOUR["muted"], ls=(0, (4, 2)), lw=1.2, label="noisy")
    best = best_of(epochs)
    quality.plot(best.epoch, best.validation_psnr, "*", color=COLOUR["red"], ms=9, label=f"kept: epoch {best.epoch}")
    label(quality, "epoch", "validation PSNR (dB)")
    legend(quality)
    for ax in (losses, quality):
        whole_numbers(ax)
    return figure
