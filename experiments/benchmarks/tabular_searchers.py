"""Searchers on the tabular benchmark: regret by trials, over many seeds.

python experiments/benchmarks/tabular_searchers.py [-o FOLDER] [--seeds 100] [--trials 60] [--processes 2]

Four landscapes: two pictures, and as reward the PSNR estimated without the clean picture, or the true one; means of the
two fits of an architecture. Regret: the largest reward of the table less the best one found so far. Writes
FOLDER/searchers.csv (landscape, searcher, seed: regret at every tenth trial, and the true PSNR that is lost by what was
picked), FOLDER/searchers.png, and prints a table and the tests. REINFORCE is shown as it was (plain), and with one
change after the other:

fresh      what was suggested before is drawn again
screened   of 64 draws the reward model picks
uniform    a quarter of these draws is uniform: the searcher `reinforce`
warm       its policy starts by the training-free scores of 400 draws: `nasdip search`

NNI's TPE has the flat decisions of the space; combinations that cannot be built are told to be bad, and do not count.
"""

import argparse
import logging
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, read_rows, write_rows
from scipy.stats import ttest_1samp
from tabular_fits import FOLDER, IMAGES
from tabular_scores import means

from nasdip.errors import NasdipError
from nasdip.nas.backends.tabular import TabularTrial
from nasdip.options.search_request import SearchOptions
from nasdip.process import prepare
from nasdip.searchers.registry import make_searcher
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

PLAIN: dict[str, Any] = {"unique": False, "candidates": 1, "uniform": 0.0}
REINFORCE: dict[str, dict[str, Any]] = {
    "reinforce plain": PLAIN,
    "+ fresh": {**PLAIN, "unique": True},
    "+ screened": {"uniform": 0.0},
    "+ uniform": {},
    "+ warm start": {},
}
SEARCHERS = ("random", "evolution", "tpe (nni)", *REINFORCE)
MEASURES = ("estimated_psnr", "psnr")
LANDSCAPES = tuple((image, measure) for image in IMAGES for measure in MEASURES)
FINAL = "+ warm start"
# What regrets are compared with: a searcher's, times a share.
YARDSTICKS = (("random", 0.5), ("evolution", 1.0), ("tpe (nni)", 1.0), ("reinforce plain", 1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    jobs = [
        (options.output, searcher, *landscape, seed, options.trials)
        for landscape in LANDSCAPES
        for searcher in SEARCHERS
        for seed in range(options.seeds)
    ]
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        found = list(pool.map(run, *zip(*jobs, strict=True), chunksize=10))
    curves = {job[1:5]: curve for job, (curve, _) in zip(jobs, found, strict=True)}
    marks = list(range(10, options.trials + 1, 10))
    columns = ("image", "reward", "searcher", "seed", *(f"regret_{mark}" for mark in marks), "true_regret")
    rows: list[Row] = []
    for job, (curve, lost) in zip(jobs, found, strict=True):
        values = [f"{curve[mark - 1]:.4f}" for mark in marks] + [f"{lost:.4f}"]
        rows.append(dict(zip(columns, (job[2], job[3], job[1], str(job[4]), *values), strict=True)))
    write_rows(options.output / "searchers.csv", columns, rows)
    summarise(curves, options.seeds)
    draw(curves, options.seeds, options.output / "searchers.png")


def run(folder: Path, searcher: str, image: str, measure: str, seed: int, trials: int) -> tuple[np.ndarray, float]:
    """Return the regret (dB) after each trial, and the true PSNR lost by the architecture with the best reward."""
    import torch

    torch.set_num_threads(1)
    table, truth = load(folder, image, measure), load(folder, image, "psnr")
    done = (
        tpe(table, seed, trials)
        if searcher == "tpe (nni)"
        else table.search(make(folder, searcher, image, seed), trials)
    )
    picked = max(done, key=lambda trial: trial[1])[0]
    return table.best - np.maximum.accumulate([reward for _, reward in done]), truth.best - truth.rewards[picked]


@cache
def load(folder: Path, image: str, measure: str) -> TabularTrial:
    return TabularTrial.load(folder, image=image, measure=measure)  # type: ignore[arg-type]


@cache
def scores(folder: Path, image: str) -> dict[str, float]:
    return means(read_rows(folder / "scores.csv"), image, (0, 1), "annulus_error")


def make(folder: Path, searcher: str, image: str, seed: int) -> Any:
    space = SearchSpace.load("tabular")
    if searcher not in REINFORCE:
        return make_searcher(searcher, space, seed=seed)
    made = make_searcher("reinforce", space, seed=seed, **REINFORCE[searcher])
    if searcher == FINAL:
        rng = np.random.default_rng(derive_seed(seed, 2))
        usual = SearchOptions(searcher="reinforce").settings(candidates=()).warm_start
        drawn = dict.fromkeys(space.sample(rng) for _ in range(usual))
        made.warm_start([(architecture, -scores(folder, image)[str(architecture)]) for architecture in drawn])
    return made


def tpe(table: TabularTrial, seed: int, trials: int) -> list[tuple[str, float]]:
    from nni.algorithms.hpo.tpe_tuner import TpeTuner

    logging.getLogger("nni").setLevel(logging.ERROR)  # it tells of every repetition
    space, tuner, done = SearchSpace.load("tabular"), TpeTuner("maximize", seed), []
    tuner.update_search_space(space.to_json())
    worst = min(table.rewards.values()) - 1.0
    for number in range(100 * trials):
        values = tuner.generate_parameters(number)
        try:
            architecture: Architecture | None = space.architecture(values)
        except NasdipError:
            architecture = None
        reward = worst if architecture is None else table(architecture)
        tuner.receive_trial_result(number, values, reward)
        if architecture is not None:
            done.append((str(architecture), reward))
        if len(done) == trials:
            return done
    raise RuntimeError("TPE found too few architectures that can be built")


Curves = dict[tuple[str, str, str, int], np.ndarray]


def regrets(
    curves: Curves, searcher: str, seeds: int, image: str | None = None, measure: str | None = None
) -> np.ndarray:
    """Return regrets (seeds, trials), means over the landscapes that are not named."""
    chosen = [(i, m) for i, m in LANDSCAPES if image in (None, i) and measure in (None, m)]
    return np.mean([[curves[searcher, i, m, seed] for seed in range(seeds)] for i, m in chosen], axis=0)


def summarise(curves: Curves, seeds: int) -> None:
    """Print mean regrets at the last trial with standard errors, and the tests over seeds."""
    places: list[tuple[str | None, str | None]] = [*LANDSCAPES, (None, None)]
    print("searcher," + ",".join("all" if image is None else f"{image} {measure}" for image, measure in places))
    for searcher in SEARCHERS:
        ends = [regrets(curves, searcher, seeds, *place)[:, -1] for place in places]
        print(f"{searcher}," + ",".join(f"{x.mean():.3f} ({x.std(ddof=1) / seeds**0.5:.3f})" for x in ends))
    for ours in ("+ uniform", FINAL):
        for theirs, share in (
            ("random", 0.5),
            ("random", 1.0),
            ("evolution", 1.0),
            ("tpe (nni)", 1.0),
            ("reinforce plain", 1.0),
        ):
            for place in places:
                a, b = (regrets(curves, name, seeds, *place)[:, -1] for name in (ours, theirs))
                p = ttest_1samp(a - share * b, 0.0, alternative="less").pvalue
                where = "all" if place[0] is None else " ".join(map(str, place))
                print(f"{ours} < {share:g} x {theirs}, {where}: ratio {a.mean() / b.mean():.2f}, p {p:.1e}")


def draw(curves: Curves, seeds: int, path: Path) -> None:
    """Draw mean regret by trial with bands of two standard errors."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(10, 7), sharex=True, constrained_layout=True)
    for ax, (image, measure) in zip(axes.flat, LANDSCAPES, strict=True):
        for searcher in ("random", "evolution", "tpe (nni)", "reinforce plain", "+ uniform", FINAL):
            values = regrets(curves, searcher, seeds, image, measure)
            mean, error = values.mean(0), 2 * values.std(0, ddof=1) / seeds**0.5
            trial = np.arange(1, len(mean) + 1)
            name = {"+ uniform": "reinforce", FINAL: "reinforce, warm start"}.get(searcher, searcher)
            ax.plot(trial, mean, label=name)
            ax.fill_between(trial, mean - error, mean + error, alpha=0.2, lw=0)
        ax.set(title=f"{image}, {'estimated' if measure == 'estimated_psnr' else 'true'} PSNR", yscale="log")
    for ax in axes[:, 0]:
        ax.set_ylabel("mean regret (dB)")
    for ax in axes[1]:
        ax.set_xlabel("trial")
    axes[0, 0].legend(fontsize=8)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
