"""Chart of what quality costs: PSNR by milliseconds of a step and by parameters, with the Pareto fronts."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from nasdip.report.figures.theme import COLOUR, label, legend, logarithmic, new_figure
from nasdip.report.numbers.pareto import Cost, ParetoFront
from nasdip.report.text.words import thousands

_AXES: dict[Cost, str] = {"step_ms": "ms per step", "parameters": "parameters"}
# Room for a trial's number beside its point, in shares of a figure's width and height.
_ROOM = (0.04, 0.07)


def pareto_figure(fronts: Sequence[ParetoFront], target: float | None, psnr_name: str = "PSNR") -> Figure:
    """Draw one panel for each front; `target` is that of a step's cost (ms), where the search had one."""
    figure, axes = new_figure(8.6, 3.4, columns=len(fronts))
    room = (_ROOM[0] * len(fronts), _ROOM[1])
    low, high = min(map(_lowest, fronts)), max(float(front.psnr.max()) for front in fronts)
    height = high - low or 0.5
    for ax, front in zip(axes, fronts, strict=True):
        ax.set_ylim(low - 0.08 * height, high + (room[1] + 0.05) * height)
        _draw_front(ax, front, low, target if front.kind == "step_ms" else None, room)
        label(ax, _AXES[front.kind], f"{psnr_name} (dB)" if ax is axes[0] else "")  # one scale for both
        legend(ax)
    return figure


def _lowest(front: ParetoFront) -> float:
    """Return the lowest PSNR to show: fits that came to nothing would press the others together."""
    low, high = np.quantile(front.psnr, (0.25, 0.75))
    fence = min(low - 3 * (high - low), front.psnr[front.front].min())
    return float(front.psnr[front.psnr >= fence].min())


def _draw_front(ax: Axes, front: ParetoFront, low: float, target: float | None, room: tuple[float, float]) -> None:
    """Draw the trials, those below `low` at the foot, and the front from the cheapest one to the right edge."""
    size = 16 if len(front.trial) <= 200 else 6
    far = front.psnr < low
    ax.scatter(front.cost[~far], front.psnr[~far], size, color=COLOUR["blue"], alpha=0.65, label="trial", lw=0)
    if far.any():
        ax.scatter(
            front.cost[far], np.full(far.sum(), 0.03), 1.6 * size, marker="v", color=COLOUR["blue"], alpha=0.65, lw=0,
            label="far below", transform=ax.get_xaxis_transform(),
        )  # fmt: skip
    if target is not None:
        ax.axvline(target, color=COLOUR["orange"], lw=1.4, ls=(0, (5, 2)), label="target")
    right = _set_scale(ax, front, target, room[0])
    cost, psnr = front.cost[front.front], front.psnr[front.front]
    # The best one goes on being the best that any larger cost buys.
    ax.step(
        [*cost, right], [*psnr, psnr[-1]], where="post", color=COLOUR["ink"], lw=1.4, label="Pareto front", zorder=2
    )
    ax.scatter(cost, psnr, 1.4 * size, color=COLOUR["ink"], lw=0, zorder=3)
    _write_numbers(ax, front, target, room)


def _set_scale(ax: Axes, front: ParetoFront, target: float | None, room: float) -> float:
    """Make costs logarithmic, with room for a number left of the cheapest; return the right limit."""
    costs = np.append(front.cost, front.cost if target is None else target)
    span = float(np.log10(costs.max() / costs.min()))
    left = float(costs.min() / 10 ** (1.4 * room * span + 0.01))
    right = float(costs.max() * 10 ** (0.6 * room * span + 0.01))
    logarithmic(ax, x=True)
    ax.set_xlim(left, right)
    _set_ticks(ax, right / left, front.kind)
    return right


def _set_ticks(ax: Axes, ratio: float, kind: Cost) -> None:
    """Put a few ticks on round numbers, on a range (largest over smallest) that may hold no power of ten."""
    if ratio < 8:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    else:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if ratio < 100 else (1,)))
    if kind == "parameters":
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: thousands(value)))


def _write_numbers(ax: Axes, front: ParetoFront, target: float | None, room: tuple[float, float]) -> None:
    """Write trials' numbers at the upper left of points of the front, where only the line of the target can be."""
    points = np.column_stack((front.cost[front.front], front.psnr[front.front]))
    to_axes = ax.transScale + ax.transLimits
    places = to_axes.transform(points)
    line = -np.inf if target is None else to_axes.transform((target, points[0, 1]))[0]
    crossed = (places[:, 0] - room[0] <= line) & (line <= places[:, 0])
    for i in numbered(places, crossed, room):
        x, side = (3, "left") if crossed[i] else (-3, "right")
        ax.annotate(
            str(front.trial[front.front[i]]), points[i], (x, 3), textcoords="offset points", ha=side, va="bottom",
            fontsize=8, color=COLOUR["ink"],
        )  # fmt: skip


def numbered(places: np.ndarray, crossed: np.ndarray, room: tuple[float, float]) -> list[int]:
    """Return which points can have a number that touches no other, from the last one down.

    Parameters
    ----------
    places : ndarray
        (n, 2), in shares of a panel, from left to right.
    crossed : ndarray of bool
        (n,), those which need it on their right, where it must end before the front's next rise.
    room : tuple of float
        Width and height of a number.

    Examples
    --------
    >>> numbered(np.array([[0.1, 0.2], [0.5, 0.5], [0.52, 0.52]]), np.zeros(3, dtype=bool), (0.08, 0.07))
    [2, 0]
    """
    right_ends = places + np.outer(crossed, (room[0], 0))
    rises = np.append(places[1:, 0], np.inf)
    kept: list[int] = []
    for i in reversed(range(len(places))):
        apart = all((abs(right_ends[i] - right_ends[j]) >= room).any() for j in kept)
        if apart and not (crossed[i] and right_ends[i, 0] > rises[i]):
            kept.append(i)
    return kept
