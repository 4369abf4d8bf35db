"""Charts of a search: rewards by trial and by step, and the policy's entropy."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from nasdip.report.figures.theme import COLOUR, label, legend, new_figure, whole_numbers
from nasdip.report.numbers.search import Diagnostic, RewardCurve, RewardSeries


def reward_figure(series: RewardSeries, baseline: Diagnostic, random_best: np.ndarray | None) -> Figure:
    """Draw reward by trial, the best so far, and the expected best of random search; failed trials at the foot."""
    figure, (ax,) = new_figure(8.6, 3.6)
    first = ~series.failed & ~series.repeated & ~series.stopped
    size = 16 if len(series.trial) <= 200 else 6
    ax.scatter(series.trial[first], series.reward[first], size, color=COLOUR["blue"], alpha=0.65, label="trial", lw=0)
    if series.repeated.any():
        ax.scatter(
            series.trial[series.repeated], series.reward[series.repeated], size, color="none",
            edgecolors=COLOUR["blue"], lw=0.8, label="repeated",
        )  # fmt: skip
    if series.stopped.any():
        ax.scatter(
            series.trial[series.stopped], series.reward[series.stopped], 1.6 * size, marker="v",
            color=COLOUR["orange"], alpha=0.8, lw=0, label="stopped early",
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


def steps_figure(curves: list[RewardCurve], best: int | None, steps: int) -> Figure:
    """Draw reward by step for all trials; those that were stopped end in a mark, the `best` trial's curve is bold."""
    figure, (ax,) = new_figure(8.6, 3.2)
    lines = {
        "fitted": ("blue", [c for c in curves if not c.stopped and c.trial != best]),
        "stopped early": ("orange", [c for c in curves if c.stopped]),
    }
    for name, (colour, chosen) in lines.items():
        if chosen:
            paths = [np.column_stack((c.step, c.reward)) for c in chosen]
            ax.add_collection(LineCollection(paths, colors=COLOUR[colour], lw=0.9, alpha=0.5, label=name))
    ends = np.array([(c.step[-1], c.reward[-1]) for c in curves if c.stopped]).reshape(-1, 2)
    ax.scatter(ends[:, 0], ends[:, 1], 18, marker="v", color=COLOUR["orange"], lw=0)
    for curve in curves:
        if curve.trial == best:
            ax.plot(curve.step, curve.reward, color=COLOUR["ink"], lw=1.8, label=f"best, trial {best}")
    ax.set_xlim(0, 1.02 * steps)
    _set_step_limits(ax, curves, steps)
    whole_numbers(ax)
    label(ax, "step", "reward (dB)")
    legend(ax)
    return figure


def _set_step_limits(ax: Axes, curves: list[RewardCurve], steps: int) -> None:
    """Let the y axis show where the curves part; their steep beginning and a few poor fits would press it together."""
    late = np.concatenate([c.reward[c.step >= 0.2 * steps] for c in curves])
    late = late if late.size else np.concatenate([c.reward for c in curves])
    low, high = float(np.quantile(late, 0.03)), float(late.max())
    margin = 0.06 * (high - low) or 0.5
    ax.set_ylim(low - margin, high + margin)


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
