"""Charts of a search: rewards and the policy's entropy by trial."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nasdip.report.figures.theme import COLOUR, label, legend, new_figure, whole_numbers
from nasdip.report.search_numbers import Diagnostic, RewardSeries


def reward_figure(series: RewardSeries, baseline: Diagnostic, random_best: np.ndarray | None) -> Figure:
    """Draw reward by trial, the best so far, and the expected best of random search; failed trials at the foot."""
    figure, (ax,) = new_figure(8.6, 3.6)
    first = ~series.failed & ~series.repeated
    again = series.repeated & ~series.failed
    size = 16 if len(series.trial) <= 200 else 6
    ax.scatter(series.trial[first], series.reward[first], size, color=COLOUR["blue"], alpha=0.65, label="trial", lw=0)
    if again.any():
        ax.scatter(
            series.trial[again], series.reward[again], size, color="none", edgecolors=COLOUR["blue"], lw=0.8,
            label="repeated",
        )  # fmt: skip
    ax.step(series.trial, series.best, where="post", color=COLOUR["ink"], lw=1.8, label="best so far")
    if len(baseline.trial):
        ax.plot(baseline.trial, baseline.value, color=COLOUR["purple"], lw=1, ls=(0, (2, 2)), label="baseline")
    if random_best is not None:
        k = np.arange(1, len(random_best) + 1)
        ax.plot(k, random_best, color=COLOUR["orange"], lw=1.6, ls=(0, (5, 2)), label="random search, expected best")
    _set_limits(ax, series, random_best)
    if series.failed.any():
        foot = np.full(series.failed.sum(), 0.03)
        ax.scatter(
            series.trial[series.failed], foot, 26, marker="x", color=COLOUR["red"], lw=1.4, label="failed",
            transform=ax.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
    whole_numbers(ax)
    label(ax, "trial", "reward (dB)")
    legend(ax)
    return figure


def _set_limits(ax: Axes, series: RewardSeries, random_best: np.ndarray | None) -> None:
    """Let the y axis show what did not fail; the floor of failed trials would press it together."""
    shown = series.reward[~series.failed]
    shown = shown if random_best is None else np.concatenate((shown, random_best))
    if shown.size:
        low, high = float(shown.min()), float(shown.max())
        margin = 0.08 * (high - low) or 0.5
        ax.set_ylim(low - 1.5 * margin, high + margin)


def entropy_figure(entropy: Diagnostic, most: float) -> Figure:
    """Draw the policy's entropy by trial; `most` is that of a uniform choice, ln(size of the space)."""
    figure, (ax,) = new_figure(8.6, 2.4)
    ax.axhline(most, color=COLOUR["muted"], lw=1, ls=(0, (2, 2)), label="uniform choice, ln(size of the space)")
    ax.plot(entropy.trial, entropy.value, color=COLOUR["purple"], lw=1.8, label="policy entropy")
    ax.set_ylim(0, 1.08 * max(most, float(entropy.value.max())) or 1)
    whole_numbers(ax)
    label(ax, "trial", "entropy (nats)")
    legend(ax)
    return figure
