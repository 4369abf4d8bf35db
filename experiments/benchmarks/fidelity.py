"""How well cheap fits rank architectures as full ones do, and what each costs.

python experiments/benchmarks/fidelity.py [-o FILE.csv] [--count 24] [--seeds 1] [--processes 2] [--summary]

Architectures are drawn at random from the published space, and fitted to crops of scikit-image's pictures with noise
of sigma 25 by the recipe of `nasdip restore`: at full fidelity (128 px, width 48, 800 steps at most; seed 100 and up,
as a search starts anew), and at cheap ones (seed 1 and up). Rows are fits; resumable. Then, by fidelity: Kendall's tau
of its reward (the PSNR estimated without the clean picture) with the full fit's true PSNR and with its estimate, means
over the pictures, and the cost of a fit relative to a full one (steps taken times seconds of a step; these are measured
in the end, one after the other). Last, by fidelity: what `--early-stop size` costs and loses where it is the smaller
fit before the default proxy, in replays of searches that try the architectures in random orders; and what fewer trials
of the default proxy lose.
"""

import argparse
import statistics
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rows import Row, read_rows, write_rows
from scipy.stats import kendalltau
from skimage import data
from skimage.transform import downscale_local_mean
from skimage.util import img_as_float32

from nasdip.nas.trial_task import TrialTask, make_trial_task
from nasdip.options.early_stop import Curve, EarlyStop
from nasdip.options.search import ProxySettings, SearchSettings
from nasdip.process import prepare
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

FULL = ProxySettings(crop=128, width=48, steps=800, heldout=0.05, threads=1)
FIDELITIES = {
    "full": FULL,
    "64-16-150": replace(FULL, crop=64, width=16, steps=150),
    "64-16-300": replace(FULL, crop=64, width=16, steps=300),
    "64-16-300-held20": replace(FULL, crop=64, width=16, steps=300, heldout=0.2),
    "64-32-300": replace(FULL, crop=64, width=32, steps=300),
    "96-16-300": replace(FULL, crop=96, width=16, steps=300),
    "96-32-300": replace(FULL, crop=96, width=32, steps=300),
    "96-16-300-held15": replace(FULL, crop=96, width=16, steps=300, heldout=0.15),
    "128-16-400": replace(FULL, crop=128, width=16, steps=400),
    # As many steps as the recipe allows for the size.
    "64-32-400": replace(FULL, crop=64, width=32, steps=400),
    "64-32-400-held20": replace(FULL, crop=64, width=32, steps=400, heldout=0.2),
    # The smaller fit that comes before the default.
    "64-32-400-held35": replace(FULL, crop=64, width=32, steps=400, heldout=0.35),
    "96-32-600": replace(FULL, crop=96, width=32, steps=600),
    "96-32-600-held20": replace(FULL, crop=96, width=32, steps=600, heldout=0.2),
}
DEFAULT = "96-32-600-held20"
IMAGES = ("astronaut", "coffee")
KEYS = ("image", "architecture", "fidelity", "seed")
COLUMNS = (*KEYS, "status", "psnr", "estimated_psnr", "heldout_psnr", "steps", "curve")
TIMES = ("architecture", "fidelity", "step_ms")
_TIMED_STEPS, _REPLAYS = 7, 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--summary", action="store_true", help="only summarise what is there")
    options = parser.parse_args()
    times = options.output.with_name(f"{options.output.stem}_times.csv")
    if not options.summary:
        fit_all(options)
        time_all(times, sample(options.count))
    summarise(read_rows(options.output), read_rows(times))


def sample(count: int) -> list[str]:
    space, rng = SearchSpace.load("nas_dip"), np.random.default_rng(0)
    return [str(space.sample(rng)) for _ in range(count)]


def fit_all(options: argparse.Namespace) -> None:
    rows = read_rows(options.output)
    known = {tuple(row[key] for key in KEYS) for row in rows}
    jobs = [
        (image, text, fidelity, seed + (100 if fidelity == "full" else 1))
        for seed in range(options.seeds)
        for text in sample(options.count)
        for image in IMAGES
        for fidelity in FIDELITIES
    ]
    missing = [job for job in jobs if tuple(map(str, job)) not in known]
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        for number, future in enumerate(as_completed([pool.submit(measure, *job) for job in missing]), len(rows) + 1):
            rows.append(future.result())
            write_rows(options.output, COLUMNS, rows)
            print(f"{number}/{len(jobs)} {','.join(list(rows[-1].values())[:-1])}", flush=True)


@lru_cache(maxsize=32)
def task(image: str, fidelity: str) -> TrialTask:
    from nasdip.measurement.add_noise import add_noise
    from nasdip.measurement.measure import measurement_of

    clean = np.asarray(downscale_local_mean(img_as_float32(getattr(data, image)()), (2, 2, 1)), dtype=np.float32)
    measurement = measurement_of(add_noise(clean, sigma=25, seed=0), 25)
    return make_trial_task(measurement, clean, SearchSettings(proxy=FIDELITIES[fidelity], reward="estimate"))


def measure(image: str, text: str, fidelity: str, seed: int) -> Row:
    import torch

    from nasdip.nas.trial import run_trial

    job = task(image, fidelity)._replace(seed=seed)
    result = run_trial(1, Architecture.from_text(text), job, torch.device("cpu"), {})
    values = (result.clean_psnr, result.estimated_psnr, result.heldout_psnr)
    numbers = ["" if value is None else f"{value:.4f}" for value in values]
    curve = " ".join(f"{step}:{reward:.2f}" for step, reward in result.curve)
    facts = (image, text, fidelity, str(seed), result.status, *numbers, str(result.steps), curve)
    return dict(zip(COLUMNS, facts, strict=True))


def time_all(path: Path, texts: list[str]) -> None:
    """Measure steps, one network after the other, on one thread."""
    import torch

    from nasdip.fit.loop import FitLoop
    from nasdip.fit.stopping.automatic import decided
    from nasdip.network.build import build_network

    torch.set_num_threads(1)
    rows = read_rows(path)
    known = {(row["architecture"], row["fidelity"]) for row in rows}
    for text in texts:
        for fidelity, proxy in FIDELITIES.items():
            if (text, fidelity) in known:
                continue
            job, architecture = task("astronaut", fidelity), Architecture.from_text(text)
            network = build_network(architecture, width=proxy.width, seed=0)
            config = decided(proxy.config, job.measurement)
            loop = FitLoop(
                network, architecture, job.measurement, config, 0, None, torch.device("cpu"), reference=job.reference
            )
            seconds = []
            for step in range(1, _TIMED_STEPS + 1):
                start = time.perf_counter()
                loop.step(step)
                seconds.append(time.perf_counter() - start)
            rows.append(dict(zip(TIMES, (text, fidelity, f"{1000 * statistics.median(seconds[2:]):.2f}"), strict=True)))
    write_rows(path, TIMES, rows)


def summarise(rows: list[Row], times: list[Row]) -> None:
    """Print tau by fidelity, with the standard error of its mean over pictures by bootstrap over architectures."""
    pace = {(row["architecture"], row["fidelity"]): float(row["step_ms"]) for row in times}

    def cost(fidelity: str) -> float:
        taken = [row for row in rows if row["fidelity"] == fidelity]
        return statistics.mean(int(row["steps"]) * pace.get((row["architecture"], fidelity), np.nan) for row in taken)

    print("fidelity,tau estimate-true,se,tau estimate-estimate,tau true-true,seconds,cost")
    measured = [fidelity for fidelity in FIDELITIES if any(row["fidelity"] == fidelity for row in rows)]
    for fidelity in measured:
        pairs = [("estimated_psnr", "psnr"), ("estimated_psnr", "estimated_psnr"), ("psnr", "psnr")]
        taus = [rank(rows, fidelity, *pair) for pair in pairs[: 1 if fidelity == "full" else 3]]
        words = [f"{taus[0][0]:.3f}", f"{taus[0][1]:.3f}", *(f"{tau:.3f}" for tau, _ in taus[1:])]
        words += [""] * (4 - len(words))
        print(f"{fidelity},{','.join(words)},{cost(fidelity) / 1000:.1f},{cost(fidelity) / cost('full'):.3f}")
    print(f"smaller fit before {DEFAULT},fitted,cost,best survives,loss of reward,loss of the full fit's true PSNR")
    for fidelity in measured:
        fitted, *values = replay(rows, fidelity)
        share = fitted + cost(fidelity) / cost(DEFAULT)
        print(f"{fidelity},{fitted:.2f},{share:.2f},{','.join(f'{value:.3f}' for value in values)}")
    print("fewer trials,time,loss of reward,loss of the full fit's true PSNR")
    for share in (0.83, 0.71, 0.62, 0.5):
        print(f"fewer,{share},{','.join(f'{value:.3f}' for value in fewer(rows, share))}")


def fewer(rows: list[Row], share: float) -> np.ndarray:
    """Return what searches lose in reward and in truth (dB) that try a share of the architectures, at random."""
    rng, found = np.random.default_rng(0), []
    for image in IMAGES:
        reward, truth = means(rows, image, DEFAULT, "estimated_psnr"), means(rows, image, "full", "psnr")
        texts = sorted(reward.keys() & truth.keys())
        best = max(texts, key=lambda text: reward[text])
        for _ in range(_REPLAYS):
            places = rng.permutation(len(texts))[: round(share * len(texts))]
            chosen = max((texts[place] for place in places), key=lambda text: reward[text])
            found.append((reward[best] - reward[chosen], truth[best] - truth[chosen]))
    return np.mean(np.array(found), axis=0)


def replay(rows: list[Row], fidelity: str) -> np.ndarray:
    """Return the share of trials that go on, how often the best does, and what is lost in reward and in truth (dB)."""
    rule, rng, found = EarlyStop("size"), np.random.default_rng(0), []
    for image in IMAGES:
        small, reward = (means(rows, image, name, "estimated_psnr") for name in (fidelity, DEFAULT))
        truth = means(rows, image, "full", "psnr")
        texts = sorted(small.keys() & reward.keys() & truth.keys())
        for _ in range(_REPLAYS):
            others: dict[int, Curve] = {}
            kept = []
            for number, place in enumerate(rng.permutation(len(texts))):
                curve = ((0, small[texts[place]]),)
                if rule.judge(curve, others, 1) is None:
                    kept.append(texts[place])
                others[number] = curve
            best, chosen = (max(tried, key=lambda text: reward[text]) for tried in (texts, kept))
            losses = (reward[best] - reward[chosen], truth[best] - truth[chosen])
            found.append((len(kept) / len(texts), best == chosen, *losses))
    return np.mean(np.array(found, dtype=float), axis=0)


def rank(rows: list[Row], fidelity: str, cheap: str, full: str) -> tuple[float, float]:
    tables = [(means(rows, image, fidelity, cheap), means(rows, image, "full", full)) for image in IMAGES]
    texts = sorted(set.intersection(*(set(table) for pair in tables for table in pair)))
    values = [(np.array([a[t] for t in texts]), np.array([b[t] for t in texts])) for a, b in tables]
    rng = np.random.default_rng(0)

    def mean_tau(chosen: np.ndarray) -> float:
        return statistics.mean(float(kendalltau(a[chosen], b[chosen])[0]) for a, b in values)

    draws = [mean_tau(rng.integers(0, len(texts), len(texts))) for _ in range(500)]
    return mean_tau(np.arange(len(texts))), statistics.stdev(draws)


def means(rows: list[Row], image: str, fidelity: str, column: str) -> dict[str, float]:
    """Return means over seeds by architecture; a failed fit counts 0 dB."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["image"] == image and row["fidelity"] == fidelity:
            found.setdefault(row["architecture"], []).append(float(row[column] or 0.0))
    return {text: statistics.mean(values) for text, values in found.items()}


if __name__ == "__main__":
    main()
