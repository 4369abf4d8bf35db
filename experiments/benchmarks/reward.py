"""How well rewards that need no clean image rank architectures: their rank correlation with the true PSNR.

python experiments/benchmarks/reward.py DATA [-o FILE.csv] [--image house peppers] [--count 60] [--space nas_dip]
    [--recipe published] [--crop 96] [--width 32] [--steps 300] [--heldout 0.05] [--processes 2]

DATA holds NAME.png, clean, which measures alone, and NAME_noisy25.png. The first --count architectures that a random
search of seed 0 samples are fitted, all by one proxy, with a share of the pixels held out. Of the averaged image at the
last step, and at the step nearest to the reference: PSNR (dB), mean squared error on held-out pixels, mean squared
distance from the reference. Resumable: fits whose rows are in FILE are not repeated.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rows import Row, read_rows, write_rows

from nasdip.io.image_file import read_image
from nasdip.nas.trial_task import centre_crop
from nasdip.process import prepare
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

KEYS = ("image", "architecture", "recipe", "crop", "width", "steps", "heldout")
MEASURES = ("psnr_last", "heldout_last", "distance_last", "psnr_chosen", "heldout_chosen", "distance_chosen")
COLUMNS = (*KEYS, *MEASURES, "chosen_step", "oracle_psnr", "seconds", "events")
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--image", nargs="+", default=["house", "peppers"])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--space", default="nas_dip")
    parser.add_argument("--recipe", default="published")
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--heldout", type=float, default=0.05)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    rows = read_rows(options.output)
    known = {tuple(row[key] for key in KEYS) for row in rows}
    missing = [(image, text) for text in sample(options) for image in options.image]
    missing = [job for job in missing if keys(*job, options) not in known]
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        for future in as_completed([pool.submit(measure, *job, options) for job in missing]):
            rows.append(future.result())
            write_rows(options.output, COLUMNS, rows)
            print(",".join(rows[-1].values()), flush=True)
    for image in options.image:
        summarise(image, [row for row in rows if row["image"] == image])


def sample(options: argparse.Namespace) -> list[str]:
    space, rng = SearchSpace.load(options.space), np.random.default_rng(0)
    return list(dict.fromkeys(str(space.sample(rng)) for _ in range(options.count)))


def keys(image: str, text: str, options: argparse.Namespace) -> tuple[str, ...]:
    settings = (options.recipe, options.crop, options.width, options.steps, options.heldout)
    return (image, text, *map(str, settings))


def measure(image: str, text: str, options: argparse.Namespace) -> Row:
    import torch

    from nasdip.classical.reference import make_reference
    from nasdip.fit.loop import WINDOW, FitLoop
    from nasdip.measurement.measure import measurement_of
    from nasdip.network.build import build_network
    from nasdip.options.recipes import find_recipe

    torch.set_num_threads(1)
    clean, noisy = (
        centre_crop(read_image(options.data / f"{image}{ending}.png").pixels, options.crop)
        for ending in ("", "_noisy25")
    )
    measurement = measurement_of(noisy)
    reference = make_reference(measurement).image
    config = find_recipe(options.recipe).settings(options.crop, options.crop, steps=options.steps, stop="fixed")
    config = replace(config, heldout=options.heldout)
    architecture = Architecture.from_text(text)
    network = build_network(architecture, in_channels=config.input_channels, width=options.width, seed=SEED)
    loop = FitLoop(network, architecture, measurement, config, SEED, clean, torch.device("cpu"))
    start, points = time.perf_counter(), []
    for step in range(1, config.steps + 1):
        loop.step(step)
        if step % WINDOW == 0 or step == config.steps:
            loop.check(step)
            result = loop.result(0.0)
            assert result.psnr_averaged is not None
            assert result.heldout_psnr is not None
            distance = float(np.mean((result.averaged - reference) ** 2))
            points.append((step, result.psnr_averaged, 10 ** (-result.heldout_psnr / 10), distance))
    chosen = min(points, key=lambda point: point[3])
    numbers = [f"{value:.6g}" for point in (points[-1], chosen) for value in point[1:]]
    others = (str(chosen[0]), f"{result.oracle_psnr:.3f}", f"{time.perf_counter() - start:.0f}", str(len(loop.events)))
    return dict(zip(COLUMNS, (*keys(image, text, options), *numbers, *others), strict=True))


def summarise(image: str, rows: list[Row]) -> None:
    """Print rank correlations, with 90 % intervals by bootstrap over architectures."""
    values = {name: np.array([float(row[name]) for row in rows]) for name in MEASURES}
    for end in ("last", "chosen"):
        psnr, heldout, distance = (values[f"{name}_{end}"] for name in ("psnr", "heldout", "distance"))
        spread = f"{psnr.min():.2f} to {psnr.max():.2f} dB, median {np.median(psnr):.2f}"
        print(f"{image}, {end} step: {len(psnr)} architectures, PSNR {spread}")
        for name, error in (("heldout", heldout), ("reference", distance), ("both", heldout + distance)):
            low, high = interval(-error, psnr)
            print(f"  {name}: {rank_correlation(-error, psnr):.3f} ({low:.3f} to {high:.3f})")


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's rank correlation; values are all different."""
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return a 90 % interval of the rank correlation, by bootstrap over architectures."""
    rng = np.random.default_rng(0)
    draws = (rng.integers(0, len(a), len(a)) for _ in range(999))
    low, high = np.quantile([rank_correlation(a[draw], b[draw]) for draw in draws], (0.05, 0.95))
    return float(low), float(high)


if __name__ == "__main__":
    main()
