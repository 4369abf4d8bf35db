"""One trial: an architecture, fitted by a proxy, gets a reward."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import torch

from nasdip.errors import NasdipError
from nasdip.fit.device import is_out_of_memory
from nasdip.fit.fit import fit
from nasdip.fit.loop import FitProgress
from nasdip.nas.trial_task import TrialTask
from nasdip.network.build import build_network
from nasdip.network.plain.operations import count_parameters
from nasdip.options.early_stop import Curve
from nasdip.records.results import FitResult
from nasdip.records.trial_result import FLOOR_REWARD, Status, TrialResult
from nasdip.space.architecture import Architecture
from nasdip.threads import use_threads

# Points of a trial's curve.
_CURVE_POINTS = 20

# Called with a trial's curve so far; returns why the trial should be stopped, or None.
Watch = Callable[[Curve], str | None]


def run_trial(
    number: int,
    architecture: Architecture,
    task: TrialTask,
    device: torch.device,
    diagnostics: dict[str, float],
    *,
    watch: Watch | None = None,
    stop: Callable[[], str | None] | None = None,
) -> TrialResult:
    """Fit `architecture` by the proxy and return its reward.

    The reward is the PSNR (dB) of the averaged image of the step that the recipe chooses, as the task says: against the
    clean image, its estimate without one, or that against the noisy image on held-out pixels; less what its cost takes
    (`CostTarget`). A fit that fails (diverges, runs out of
    memory, cannot be built) is recorded with its cause and the floor reward; one that was stopped, by `watch` (asked
    at every point of the curve) or by `stop` (asked at every step), with the best reward of its curve. Where a smaller
    fit comes first, its reward is the curve's point at step 0, and it is what a trial has that was stopped there.
    """
    start = time.perf_counter()
    trial = _Trial(task, watch, stop)
    if task.smaller_first:
        small = run_trial(number, architecture, task.smaller(), device, diagnostics, stop=stop)
        cause = small.error if small.status == "stopped" else trial.begin(small)
        if cause is not None:
            return _stopped_small(small, cause, tuple(trial.curve))
    result, parameters, error = None, None, None
    try:
        config = task.proxy.config
        network = build_network(
            architecture,
            in_channels=config.input_channels,
            out_channels=task.measurement.image_shape[2],
            width=task.proxy.width,
            seed=task.seed,
        )
        parameters = count_parameters(network)
        with use_threads(task.proxy.threads):
            result = fit(
                network, architecture, task.measurement, config, seed=task.seed, clean=task.clean, device=device,
                progress=trial.record, stop=trial.cause, reference=task.reference,
            )  # fmt: skip
    except (NasdipError, RuntimeError, MemoryError) as failure:
        error = "out of memory" if is_out_of_memory(failure) else f"{type(failure).__name__}: {failure}"
    status, reward, error = trial.outcome(result, error)
    return TrialResult(
        trial=number,
        architecture=architecture,
        status=status,
        reward=reward,
        heldout_psnr=result.heldout_psnr if result else None,
        clean_psnr=result.psnr_averaged if result else None,
        estimated_psnr=result.estimated_psnr if result else None,
        parameters=parameters,
        seconds=time.perf_counter() - start,
        repeat_of=None,
        error=error,
        diagnostics=diagnostics,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        steps=len(result.curves.step) if result else None,
        curve=tuple(trial.curve),
        step_ms=trial.step_ms,
        penalty=0.0 if status == "failed" else trial.penalty,
    )


def _stopped_small(small: TrialResult, cause: str, curve: Curve) -> TrialResult:
    """Return the result of a trial that ended with, or in, its smaller fit, whose other figures are of another size."""
    return replace(
        small, status="stopped", error=cause, curve=curve, heldout_psnr=None, clean_psnr=None, estimated_psnr=None,
        parameters=None, step_ms=None, penalty=0.0,
    )  # fmt: skip


class _Trial:
    """The curve of a trial, and whether it should stop."""

    def __init__(self, task: TrialTask, watch: Watch | None, stop: Callable[[], str | None] | None) -> None:
        self.curve: list[tuple[int, float]] = []
        self._task, self._watch, self._stop = task, watch, stop
        self._interval = task.proxy.steps / _CURVE_POINTS
        self._cause: str | None = None
        self._seen = (0, time.perf_counter())
        self._paces: list[float] = []

    @property
    def step_ms(self) -> float | None:
        """Median milliseconds of a step; None before two looks at the fit (the first one holds the start)."""
        return 1000 * statistics.median(self._paces) if self._paces else None

    @property
    def penalty(self) -> float:
        """What the cost of a step takes from the reward, as far as it is known."""
        cost, pace = self._task.cost, self.step_ms
        return 0.0 if cost is None or pace is None else cost.penalty(pace)

    def record(self, where: FitProgress) -> None:
        """Add a point to the curve, where one is due, and ask whether to go on."""
        (step, then), now = self._seen, time.perf_counter()
        if step and where.step > step:
            self._paces.append((now - then) / (where.step - step))
        self._seen = where.step, now
        psnrs = {"clean": where.psnr, "estimate": where.estimated_psnr, "heldout": where.heldout_psnr}
        psnr = psnrs[self._task.reward]
        points = sum(step > 0 for step, _ in self.curve)
        due = where.step >= self._interval * (points + 1) or where.step == where.steps
        if psnr is None or not math.isfinite(psnr) or not due:
            return
        self.curve.append((where.step, psnr - self.penalty))
        if self._watch is not None and self._cause is None:
            self._cause = self._watch(tuple(self.curve))

    def begin(self, small: TrialResult) -> str | None:
        """Put the smaller fit before the curve, unless it failed; return why the trial should end there."""
        if small.status != "ok":
            return None
        self.curve.append((0, small.reward))
        if self._watch is not None:
            self._cause = self._watch(tuple(self.curve))
        return self._cause

    def cause(self) -> str | None:
        """Return why the fit should stop now."""
        if self._cause is None and self._stop is not None:
            self._cause = self._stop()
        return self._cause

    def outcome(self, result: FitResult | None, error: str | None) -> tuple[Status, float, str | None]:
        """Return status, reward and error of the trial."""
        reward = None
        if result is not None:
            rewards = {
                "clean": result.psnr_averaged,
                "estimate": result.estimated_psnr,
                "heldout": result.heldout_psnr,
            }
            reward = rewards[self._task.reward]
            if reward is None or not math.isfinite(reward):
                error = f"the reward is {reward}"
        if error is not None or reward is None or result is None:
            return "failed", FLOOR_REWARD, error
        if len(result.curves.step) < self._task.proxy.steps and self._cause is not None:
            return "stopped", max([reward - self.penalty, *(r for _, r in self.curve)]), self._cause
        reward -= self.penalty
        if self.curve and self.curve[-1][0] < self._task.proxy.steps:
            self.curve.append((self._task.proxy.steps, reward))  # its rule was content: later rungs see what it chose
        return "ok", reward, None
