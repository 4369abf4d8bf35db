"""Runs with plausible numbers, written by the package's own writers without fitting anything."""

import datetime
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from skimage import data
from skimage.filters import gaussian
from skimage.restoration import denoise_tv_chambolle

from nasdip.classical.error_estimate import ErrorEstimate
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.imaging.metrics import psnr
from nasdip.measurement.level import estimate_sigma
from nasdip.options.early_stop import EarlyStop
from nasdip.options.fit import FitConfig
from nasdip.options.search import CostTarget, FinalSettings, ProxySettings, SearchSettings
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.results import BANDS, BandCurve, Choice, Curves, FitEvent, FitResult, Restoration
from nasdip.records.run_folder import RunFolder, RunRecord
from nasdip.records.trial_result import FLOOR_REWARD, TrialResult
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

HOSTILE = "<script>alert('reward')</script> & \"quotes\""
SIGMA = 25.0


class ReportedRun(NamedTuple):
    folder: Path
    report: Path
    text: str
    trials: list[TrialResult]
    random: list[TrialResult]
    noisy: np.ndarray
    clean: np.ndarray


def provenance(command: list[str], started: str = "2026-05-04T10:00:00+00:00") -> dict:
    versions = {"nasdip": "0.1.0", "python": "3.11.2", "torch": "2.13.0", "numpy": "2.4.0", "scikit-image": "0.26.0"}
    machine = {"system": "Linux", "processor": "Example CPU", "cores": 2, "nni": None}
    return {"command": command, "started": started, **versions, **machine}


def clean_image(size: int = 64, channels: int = 3) -> np.ndarray:
    astronaut = data.astronaut()[: 4 * size, 100 : 100 + 4 * size].astype(np.float32) / 255
    small = astronaut[::4, ::4] if size < 128 else astronaut[:size, 60 : 60 + size]
    return small if channels == 3 else np.repeat(small.mean(axis=2, keepdims=True), channels, axis=2)


def noisy_image(clean: np.ndarray, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, SIGMA / 255, clean.shape)
    return (clean + noise).clip(0, 1).astype(np.float32)


def fit_result(noisy: np.ndarray, clean: np.ndarray | None, number: int, steps: int = 60) -> FitResult:
    rng = np.random.default_rng(number)
    smooth = denoise_tv_chambolle(noisy, weight=0.12, channel_axis=-1).astype(np.float32)
    last = (smooth + 0.15 * (noisy - smooth)).astype(np.float32)
    step = np.arange(1, steps + 1)
    level = (SIGMA / 255) ** 2
    loss = level * (0.92 + 6 * np.exp(-step / (0.05 * steps))) * (1 + 0.03 * rng.normal(size=steps))
    raw = averaged = None
    oracle_step = None
    if clean is not None:
        end = psnr(clean, last, data_range=1.0)
        raw = end - 14 * np.exp(-step / (0.1 * steps)) + 0.15 * rng.normal(size=steps)
        averaged = end + 0.8 - 14 * np.exp(-step / (0.14 * steps)) - 0.5 * (step / steps) ** 3
        oracle_step = int(averaged.argmax()) + 1
    band_steps = np.unique(np.geomspace(1, steps, 20).astype(int))
    speed = np.array([0.6, 0.25, 0.1, 0.05, 0.03])[:BANDS]
    bands = 1 - np.exp(-np.outer(band_steps / steps * 20, speed))
    events = (
        (FitEvent(40, "the loss rose from 0.01 to 0.05; went back to the state of step 30"),) if number == 2 else ()
    )
    return FitResult(
        averaged=smooth,
        last=last,
        oracle=None if clean is None else smooth,
        oracle_step=oracle_step,
        curves=Curves(step, loss, None, raw, averaged, None),
        bands=BandCurve(band_steps, bands),
        events=events,
        image_step=steps,
        seed=1000 + number,
        seconds=12.5,
        psnr_averaged=None if averaged is None else float(averaged[-1]),
        psnr_last=None if raw is None else float(raw[-1]),
    )


def example_restoration(clean: np.ndarray, repeats: int = 2) -> Restoration:
    """A restoration without a stopping rule, in memory."""
    noisy = noisy_image(clean)
    results = tuple(fit_result(noisy, clean, number) for number in range(1, repeats + 1))
    image = results[0].averaged
    return Restoration(
        Architecture.from_text("bilinear:1"), image, noisy, clean, psnr(clean, image, data_range=1.0), SIGMA, results,
        FitConfig(steps=60), 8, 0, "CPU", 10,
    )  # fmt: skip


def stopped_result(result: FitResult, rule: str = "reference") -> FitResult:
    """The same fit, as a stopping rule that kept the image of two thirds of its steps would have told it."""
    step = result.curves.step
    kept = 2 * len(step) // 3
    score = 1e-3 * (0.2 + np.log(step / kept) ** 2)
    choices = {rule: Choice(kept, len(step), result.psnr_averaged)}
    return replace(result, curves=result.curves._replace(score=score), image_step=kept, choices=choices)


def made_up(noisy: np.ndarray, image: np.ndarray, clean: np.ndarray | None) -> ErrorEstimate:
    """What could be expected of an image: larger errors at edges, 0.2 dB less than the truth if known."""
    edges = np.hypot(*np.gradient(image.mean(axis=2)))[..., None]
    deviation = np.broadcast_to((3 + 60 * edges) / 255, image.shape).astype(np.float32)
    estimate = 28.0 if clean is None else psnr(clean, image, data_range=1.0) - 0.2
    return ErrorEstimate(estimate, estimate - 0.5, estimate + 0.5, deviation)


def write_restoration(
    folder: Path,
    architecture: str = "nearest+split-sum5+leaky-relu:11111.01111.00111.00011.00001",
    *,
    noisy: np.ndarray,
    clean: np.ndarray | None,
    repeats: int = 2,
    finished: bool = True,
    steps: int = 60,
    told: bool = False,
) -> None:
    """Write a restoration without a stopping rule, as older ones are; `told`: with one, refined, estimated."""
    store = RestorationFolder(folder)
    config = FitConfig(steps=steps, stop="reference" if told else "fixed")
    settings = {"architecture": architecture, "config": config.to_json(), "width": 128, "seed": 3, "device": "cpu"}
    store.start(noisy, clean, settings, provenance(["nasdip", "restore", "astronaut.png", "-o", "result"]))
    repetitions = [fit_result(noisy, clean, number, steps) for number in range(1, repeats + 1)]
    if told:
        repetitions = [stopped_result(result) for result in repetitions]
    for number, result in enumerate(repetitions, start=1):
        store.write_repetition(number, result)
    if not finished:
        return
    image = np.stack([result.averaged for result in repetitions]).mean(axis=0)
    reference = BayesEstimate(gaussian(noisy, 1, channel_axis=-1).astype(np.float32), np.full_like(noisy, 1e-4))
    if told:
        store.write_reference(reference)
        image = ((image + reference.image) / 2).astype(np.float32)
    store.finish(
        Restoration(
            architecture=Architecture.from_text(architecture),
            image=image,
            noisy=noisy,
            clean=clean,
            psnr=None if clean is None else psnr(clean, image, data_range=1.0),
            sigma=estimate_sigma(noisy),
            repetitions=tuple(repetitions),
            config=config,
            width=128,
            seed=3,
            device="CPU, 2 threads",
            parameters=2217831,
            reference=reference if told else None,
            refined=told,
            expected=made_up(noisy, image, clean) if told else None,
        )
    )


def make_trials(
    space: SearchSpace,
    count: int,
    *,
    has_clean: bool = True,
    learns: bool = True,
    seed: int = 0,
    jobs: bool = False,
    timed: bool = True,
    cost: CostTarget | None = None,
) -> list[TrialResult]:
    """Trials of a search of 100 steps: rewards that rise, a failed one (no. 3, hostile text), a repeated one (no. 5)
    and a stopped one (no. 9, whose reward is the largest of all); `timed`: with the time of a step, unlike older ones,
    which `cost` takes from the rewards."""
    rng = np.random.default_rng(seed)
    start = datetime.datetime(2026, 5, 4, 10, 0, tzinfo=datetime.UTC)
    trials: list[TrialResult] = []
    for number in range(1, count + 1):
        reward = 24.5 + (2.0 * number / count if learns else 0) + float(rng.normal(0, 0.7))
        status, repeat_of, error = "ok", None, None
        architecture = space.sample(rng)
        if number == 3:
            status, error, reward = "failed", HOSTILE, FLOOR_REWARD
        elif number % 13 == 5:
            status, repeat_of = "repeated", number - 4
            architecture, reward = trials[number - 5].architecture, trials[number - 5].reward
        elif number == 9:
            status, error, reward = "stopped", "stopped at step 25 of 100: 3 of 4 trials were better there", 31.25
        failed = status == "failed"
        fitted = status in ("ok", "stopped")
        steps = 25 if status == "stopped" else 100
        trials.append(
            TrialResult(
                trial=number,
                architecture=architecture,
                status=status,  # type: ignore[arg-type]
                reward=reward,
                heldout_psnr=None if failed else (20.0 if has_clean else reward),
                estimated_psnr=None if failed else reward - 0.2,
                clean_psnr=reward if has_clean and not failed else None,
                parameters=None if failed else int(rng.integers(60_000, 400_000)),
                seconds=6.0 + float(rng.random()),
                repeat_of=repeat_of,
                error=error,
                diagnostics={"policy_entropy": 9.0 - 5.0 * number / count, "baseline": 24.0 + number / count}
                if learns
                else {},
                finished=(start + datetime.timedelta(seconds=8 * number)).isoformat(),
                steps=steps if fitted else None,
                curve=tuple((s, reward - 10 * math.exp(-s / 20)) for s in range(5, steps + 1, 5)) if fitted else (),
                job=f"job{number:02d}" if jobs and fitted else None,
            )
        )
    return [_timed(trial, cost) for trial in trials] if timed else trials


def _timed(trial: TrialResult, cost: CostTarget | None) -> TrialResult:
    if trial.parameters is None:
        return trial
    step_ms = 2 + trial.parameters / 20_000 + trial.trial % 4
    penalty = cost.penalty(step_ms) if cost else 0.0
    return replace(trial, step_ms=step_ms, reward=trial.reward - penalty, penalty=penalty)


def write_search(
    folder: Path,
    *,
    noisy: np.ndarray,
    clean: np.ndarray | None,
    trials: int = 14,
    planned: int = 14,
    searcher: str = "reinforce",
    space: str = "tiny",
    final: bool = True,
    steps: int = 60,
    image: str = "pictures/astronaut <b>.png",
    seed: int = 0,
    service: dict[str, Any] | None = None,
    told: bool = False,
    timed: bool = True,
    cost: CostTarget | None = None,
) -> list[TrialResult]:
    loaded = SearchSpace.load(space)
    settings = SearchSettings(
        searcher=searcher,
        trials=planned,
        proxy=ProxySettings(crop=48, width=16, steps=100),
        final=FinalSettings(steps=steps if service is None else 0, width=128, repeats=2),
        early_stop=EarlyStop("halving"),
        cost=cost,
    )
    command = ["nasdip", "search", image, "--space", space, "--trials", str(planned), "-o", "runs/my run"]
    record = RunRecord(
        settings, image, None if clean is None else "clean.png", estimate_sigma(noisy), "CPU, 2 threads",
        [provenance(command)],
    )  # fmt: skip
    run = RunFolder(folder)
    run.create(record, loaded, noisy, clean)
    if service is not None:
        run.write_service(service)
    made = make_trials(
        loaded, trials, has_clean=clean is not None, learns=searcher != "random", seed=seed, jobs=service is not None,
        timed=timed, cost=cost,
    )  # fmt: skip
    for trial in made:
        run.write_trial(trial)
    run.write_tables(run.trials())
    best = run.best()
    if final and service is None and best is not None:
        write_restoration(run.final.path, str(best.architecture), noisy=noisy, clean=clean, steps=steps, told=told)
    return made
