"""What will be fitted, where, and what it will cost, before it starts."""

from typing import TYPE_CHECKING

from nasdip.classical.reference import reference_memory
from nasdip.console import duration, size
from nasdip.options.fit import FitConfig
from nasdip.options.stopping_rules import FIXED, STOPPING_RULES

if TYPE_CHECKING:
    from nasdip.records.restoration_folder import RestorationFolder
    from nasdip.restoration.planned import Choice, Plan
    from nasdip.restoration.working_time import WorkingTime


def announcement(plan: "Plan", folder: "RestorationFolder | None" = None) -> str:
    """Return what will be fitted, where, and what it will cost, in words; `folder` may hold an earlier start."""
    task, tiling = plan.task, plan.tiles.tiling
    config, time = task.config, plan.time(folder)
    fixed = config.stop == FIXED
    limit, about = ("", "about") if fixed else ("up to ", "at most about")
    rule = "" if fixed else f", stopped by the rule {config.stop}"
    fits = f"{plan.repeats} x {limit}{config.steps} steps{rule}" + ("" if tiling is None else f", on each of {tiling}")
    where = f"{plan.device} in {config.precision}"
    return (
        f"{task.architecture}, width {task.width}, {plan.parameters / 1e6:.2f} M weights: "
        f"{fits}, on {where}, {about} {duration(time.fits)} and {size(peak_memory(plan))}"
        f"{_other_work(time)}{_resumption(plan)}{_endless(config)}"
    )


def peak_memory(plan: "Plan") -> int:
    """Return the most bytes of all that is done: one after the other, so no sum."""
    task, cost = plan.task, plan.tiles.estimate
    shape = task.measurement.pixels.shape
    return max(cost.memory, reference_memory(shape) if task.needs_reference and task.device.type == "cpu" else 0)


def _other_work(time: "WorkingTime") -> str:
    """Return how long what is done without a network takes, in words; none where there is nothing."""
    return f"; the estimates without a network take about {duration(time.others)}" if time.others else ""


def _endless(config: FitConfig) -> str:
    """Return what is to be said of a rule that cannot end a fit within its steps."""
    rule = STOPPING_RULES.get(config.stop)
    if rule is None or config.steps >= rule.least_steps:
        return ""
    return (
        f"\nthe rule {rule.name} cannot end a fit within {config.steps} steps: all are taken, and the best one's image "
        f"is kept; --steps {rule.least_steps} or more would let it"
    )


def _resumption(plan: "Plan") -> str:
    """Return what is to be said of an earlier start which is gone on with."""
    if not plan.resumed:
        return ""
    free = plan.free_memory
    short = free is not None and plan.missing > 0 and plan.tiles.estimate.memory > free
    warning = f", though only {size(free)} are free now" if short and free is not None else ""
    return f"; going on with an earlier start, {plan.done} of {plan.repeats * plan.tiles.fits} fits done{warning}"


def choice_words(choice: "Choice | None") -> str | None:
    """Return what a time budget picked, and why; None without one."""
    if choice is None:
        return None
    heading = f"budget {duration(choice.budget)}: "
    if choice.begun:
        words = f"going on with {choice.name}, which an earlier start picked"
        return f"{heading}{words}, estimated {duration(choice.time.total)}"
    left_out = "".join(f"; {name} is left out: {error}" for name, error in choice.refused)
    return heading + (_cut_words(choice) if choice.whole is not None else _picked_words(choice)) + left_out


def _picked_words(choice: "Choice") -> str:
    """Return what was picked, and the better ones that take too long."""
    reason = _would_take(choice) if choice.dearer else "none is better"
    return f"{choice.name}, estimated {duration(choice.time.total)} ({reason})"


def _cut_words(choice: "Choice") -> str:
    """Return how far the steps were cut."""
    assert choice.whole is not None
    full = choice.whole.steps
    steps = f"{choice.time.steps} of {full} steps" if choice.time.steps < full else f"its {full} steps"
    over = ", more than the budget, which cuts no deeper" if choice.time.total > choice.budget else ""
    return f"{choice.name} with {steps}, estimated {duration(choice.time.total)}{over} ({_would_take(choice)})"


def _would_take(choice: "Choice") -> str:
    return "; ".join(f"{name} would take {duration(seconds)}" for name, seconds in choice.dearer)
