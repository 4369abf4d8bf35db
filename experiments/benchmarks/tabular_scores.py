"""What the tabular benchmark tells of an architecture without a fit: its cost, and its training-free scores.

python experiments/benchmarks/tabular_scores.py [-o FOLDER]

Writes FOLDER/architectures.csv, a row for each architecture: parameters, GFLOP of a step, median milliseconds of a step
(one thread, on a machine that does nothing else), and FOLDER/scores.csv, a row for each architecture, image and seed:
the spectra of the untrained output against the noisy image (`nasdip.imaging.spectral_match`). Then prints their rank
correlations with the PSNR in FOLDER/fits.csv.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from rows import Row, read_rows, write_rows
from scipy.stats import kendalltau
from tabular_fits import FOLDER, IMAGES, PROXY, SEEDS, all_architectures, trial_task
from torch.utils.flop_counter import FlopCounterMode

from nasdip.fit.loop import FitLoop
from nasdip.fit.stopping.automatic import decided
from nasdip.fit.untrained import untrained_output
from nasdip.imaging.spectral_match import annulus_error, bandwidth, histogram_distance
from nasdip.network.build import build_network
from nasdip.network.plain.operations import count_parameters
from nasdip.process import prepare
from nasdip.space.architecture import Architecture

COSTS = ("architecture", "parameters", "gflop", "step_ms")
METRICS = ("annulus_error", "histogram_distance", "bandwidth")
SCORES = ("architecture", "image", "seed", *METRICS, "forward_ms")
_STEPS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(1)
    scores, costs = [], []
    for number, text in enumerate(all_architectures(), 1):
        scores += [score(text, image, seed) for image in IMAGES for seed in SEEDS]
        costs.append(cost(text))
        if number % 50 == 0:
            print(f"{number} architectures", flush=True)
    write_rows(options.output / "scores.csv", SCORES, scores)
    write_rows(options.output / "architectures.csv", COSTS, costs)
    summarise(scores, read_rows(options.output / "fits.csv"))


def score(text: str, image: str, seed: int) -> Row:
    pixels = trial_task(image, seed).measurement.pixels
    start = time.perf_counter()
    output = untrained_output(Architecture.from_text(text), pixels.shape, width=PROXY.width, seed=seed)
    seconds = time.perf_counter() - start
    values = (annulus_error(output, pixels), histogram_distance(output, pixels), bandwidth(output))
    facts = (text, image, str(seed), *(f"{value:.5g}" for value in values), f"{1000 * seconds:.1f}")
    return dict(zip(SCORES, facts, strict=True))


def cost(text: str) -> Row:
    task, architecture = trial_task("astronaut", 0), Architecture.from_text(text)
    network = build_network(architecture, width=PROXY.width, seed=0)
    with FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 32, 64, 64)).square().mean().backward()
    config = decided(PROXY.config, task.measurement)
    loop = FitLoop(
        network, architecture, task.measurement, config, 0, None, torch.device("cpu"), reference=task.reference
    )
    times = []
    for step in range(1, _STEPS + 1):
        start = time.perf_counter()
        loop.step(step)
        times.append(time.perf_counter() - start)
    facts = (count_parameters(network), counter.get_total_flops() / 1e9, 1000 * statistics.median(times[2:]))
    return dict(zip(COSTS, (text, str(facts[0]), f"{facts[1]:.4f}", f"{facts[2]:.2f}"), strict=True))


def summarise(scores: list[Row], fits: list[Row]) -> None:
    """Print Kendall's tau of each metric with the PSNR, by image: one seed against its own fit, and means of seeds."""
    for image in IMAGES:
        for seeds in (*((seed,) for seed in SEEDS), SEEDS):
            psnr = means([row for row in fits if row["status"] == "ok"], image, seeds, "psnr")
            taus = []
            for metric in METRICS:
                found = means(scores, image, seeds, metric)
                tau, p = kendalltau([found[text] for text in psnr], list(psnr.values()))
                taus.append(f"{metric} {tau:.3f} (p {p:.1g})")
            print(f"{image}, seeds {seeds}, {len(psnr)} architectures: {', '.join(taus)}")


def means(rows: list[Row], image: str, seeds: tuple[int, ...], column: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for row in rows:
        if row["image"] == image and int(row["seed"]) in seeds:
            values.setdefault(row["architecture"], []).append(float(row[column]))
    return {text: statistics.mean(found) for text, found in values.items()}


if __name__ == "__main__":
    prepare()
    main()
