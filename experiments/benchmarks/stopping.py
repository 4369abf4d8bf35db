"""When stopping rules end a fit, and how far the images they choose are from the best one.

python experiments/benchmarks/stopping.py DATA [-o FILE.csv] [--image f16 house peppers] [--noise KIND:SIGMA ...]
    [--architecture dip nas-dip-denoise] [--crop 96] [--steps 3000] [--seed 0] [--rule ...] [--processes 2]

DATA holds NAME.png, clean; noise is added to a centre crop, and the level and kind that rules use are found in it, as
`nasdip restore` does. One fit by the recipe `fast` with all pixels is followed by all rules but heldout, and one with
5 % of the pixels held out by heldout. gap: the best PSNR (dB) of the averaged output over all steps of the same fit,
picked with the clean image, less that of the image which the rule chose. A fit ends after --steps, or when every rule
has and the averaged output is 3 dB below its best. Resumable: rules whose rows are in FILE are not followed again.
"""

import argparse
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rows import Row, read_rows, write_rows

from nasdip.io.image_file import read_image
from nasdip.measurement.add_noise import add_noise
from nasdip.nas.trial_task import centre_crop
from nasdip.process import prepare
from nasdip.zoo.catalog import find_architecture

KEYS = ("image", "noise", "sigma", "architecture", "crop", "seed", "fit")
COLUMNS = (*KEYS, "rule", "chosen_step", "steps", "psnr", "oracle_psnr", "oracle_step", "gap")
RULES = {"all pixels": ("reference", "sure", "whiteness", "es-wmv"), "5 % held out": ("heldout",)}
NOISE_SEED = 7
_BEYOND = 3.0  # dB below its best, from where no fit has come back


class Job(NamedTuple):
    image: str
    noise: str
    sigma: float
    architecture: str
    crop: int
    seed: int
    fit: str

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(f"{value:g}" if isinstance(value, float) else str(value) for value in self)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--image", nargs="+", default=["f16", "house", "peppers"])
    parser.add_argument("--noise", nargs="+", default=["gaussian:25", "gaussian:50", "poisson:25", "speckle:25"])
    parser.add_argument("--architecture", nargs="+", default=["dip", "nas-dip-denoise"])
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", nargs="+", type=int, default=[0])
    parser.add_argument("--rule", nargs="+", default=[rule for rules in RULES.values() for rule in rules])
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    rows = read_rows(options.output)
    known = {(*(row[key] for key in KEYS), row["rule"]) for row in rows}
    missing = []
    for job in jobs(options):
        rules = tuple(rule for rule in RULES[job.fit] if rule in options.rule and (*job.key, rule) not in known)
        if rules:
            missing.append((job, rules))
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        for future in as_completed([pool.submit(measure, *job, options.data, options.steps) for job in missing]):
            found = future.result()
            rows += found
            write_rows(options.output, COLUMNS, rows)
            print(*(",".join(row.values()) for row in found), sep="\n", flush=True)
    summarise(rows)


def jobs(options: argparse.Namespace) -> Iterator[Job]:
    for seed in options.seed:
        for architecture in options.architecture:
            for noise in options.noise:
                kind, sigma = noise.split(":")
                for image in options.image:
                    for fit in RULES:
                        yield Job(image, kind, float(sigma), architecture, options.crop, seed, fit)


def measure(job: Job, rules: tuple[str, ...], data: Path, most_steps: int) -> list[Row]:
    """Follow the rules through one fit."""
    import torch

    from nasdip.classical.reference import make_reference
    from nasdip.fit.loop import WINDOW, FitLoop
    from nasdip.fit.stopping.automatic import decided
    from nasdip.measurement.measure import measurement_of
    from nasdip.network.build import build_network
    from nasdip.options.recipes import FAST

    torch.set_num_threads(1)
    clean = centre_crop(read_image(data / f"{job.image}.png").pixels, job.crop)
    noisy = add_noise(clean, job.noise, sigma=job.sigma, seed=NOISE_SEED)
    measurement = measurement_of(noisy)
    reference = make_reference(measurement)
    architecture = find_architecture(job.architecture)
    config = decided(FAST.settings(job.crop, job.crop, steps=most_steps, stop=rules[0]), measurement)
    network = build_network(architecture, width=FAST.width, seed=job.seed)
    loop = FitLoop(network, architecture, measurement, config, job.seed, clean, torch.device("cpu"), rules, reference)
    best = -np.inf
    for step in range(1, most_steps + 1):
        loop.step(step)
        if step % WINDOW == 0 or step == most_steps:
            loop.check(step)
            averaged = loop.history.curves().oracle_psnr_averaged
            now = -np.inf if averaged is None else float(averaged[-1])
            best = max(best, now)
            if now < best - _BEYOND and all(loop.iterates[rule].ended for rule in rules):
                break
    result = loop.result(0.0)
    assert result.oracle_psnr is not None
    found = []
    for rule in rules:
        choice = result.choices[rule]
        assert choice.psnr is not None
        numbers = (f"{choice.psnr:.3f}", f"{result.oracle_psnr:.3f}", str(result.oracle_step))
        gap = f"{result.oracle_psnr - choice.psnr:.3f}"
        values = (*job.key, rule, str(choice.step), str(choice.steps), *numbers, gap)
        found.append(dict(zip(COLUMNS, values, strict=True)))
    return found


def summarise(rows: list[Row]) -> None:
    """Print a line for each rule."""
    for rule in dict.fromkeys(row["rule"] for row in rows):
        mine = [row for row in rows if row["rule"] == rule]
        gaps, steps = ([float(row[name]) for row in mine] for name in ("gap", "steps"))
        print(
            f"{rule}: {len(mine)} fits, gap mean {statistics.mean(gaps):.3f} dB, median {statistics.median(gaps):.3f}, "
            f"worst {max(gaps):.3f}; steps mean {statistics.mean(steps):.0f}"
        )


if __name__ == "__main__":
    main()
