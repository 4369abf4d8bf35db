"""What `nasdip restore` costs and yields with one fit and with several, without and with refinement.

python experiments/benchmarks/quality.py DATA [-o FILE.csv] [--image f16 house peppers kodim03] [--crop 128]
    [--seed 0 1] [--repeats 1 3 8] [--architecture dip]

DATA holds NAME.png, clean, which measures alone, and NAME_noisy25.png. Centre crops, the whole image with --crop 0;
level and kind of the noise are found, nothing is told. PSNR (dB) of the non-local Bayes estimate alone, of the mean of
the fits, of what is made of both, before (seen) and after clipping is undone; the estimated PSNR with its interval;
seconds of all of it. The restoration of fewer fits is that of the first of them. Run it on a machine that does nothing
else. Resumable: pairs of image and seed whose rows are in FILE are not repeated.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, read_rows, write_rows

from nasdip.io.image_file import read_image
from nasdip.nas.trial_task import centre_crop
from nasdip.process import prepare
from nasdip.zoo.catalog import find_architecture

KEYS = ("image", "crop", "seed", "architecture", "repeats")
PSNRS = ("noisy", "reference", "fits", "seen", "refined")
COLUMNS = (*KEYS, *PSNRS, "expected", "low", "high", "sigma", "steps", "seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--image", nargs="+", default=["f16", "house", "peppers", "kodim03"])
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--seed", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--repeats", nargs="+", type=int, default=[1, 3, 8])
    parser.add_argument("--architecture", default="dip")
    options = parser.parse_args()
    rows = read_rows(options.output)
    known = {tuple(row[key] for key in KEYS) for row in rows}
    for seed in options.seed:
        for image in options.image:
            key = (image, str(options.crop), str(seed), options.architecture)
            if all((*key, str(repeats)) in known for repeats in options.repeats):
                continue
            rows = [row for row in rows if tuple(row[name] for name in KEYS[:-1]) != key]
            rows += restore(key, seed, options)
            write_rows(options.output, COLUMNS, rows)
            print(*(",".join(row.values()) for row in rows[-len(options.repeats) :]), sep="\n", flush=True)
    summarise(rows)


def restore(key: tuple[str, ...], seed: int, options: argparse.Namespace) -> list[Row]:
    """Restore one image with the most fits that are asked for, and with the first of them."""
    import torch

    from nasdip.classical.error_estimate import estimate_error
    from nasdip.classical.reference import make_reference
    from nasdip.fit.device import find_device
    from nasdip.imaging.metrics import psnr
    from nasdip.measurement.measure import measurement_of
    from nasdip.options.recipes import FAST
    from nasdip.restoration.combination import combine
    from nasdip.restoration.fit_task import make_fit_task
    from nasdip.restoration.repetition import fit_repetition

    clean, noisy = (read_image(options.data / f"{key[0]}{ending}.png").pixels for ending in ("", "_noisy25"))
    if options.crop:
        clean, noisy = (centre_crop(image, options.crop) for image in (clean, noisy))
    workers = torch.get_num_threads()
    measurement, watch = timed(lambda: measurement_of(noisy))
    reference, seconds = timed(lambda: make_reference(measurement, workers=workers))
    watch += seconds
    config, device = FAST.settings(*noisy.shape[:2]), find_device("auto")
    task = make_fit_task(
        measurement, find_architecture(options.architecture), config, width=FAST.width, seed=seed, device=device
    )
    task = replace(task, reference=reference)
    fits: list[np.ndarray] = []
    steps: list[int] = []
    rows = []
    for number in range(1, max(options.repeats) + 1):
        result, seconds = timed(lambda number=number: fit_repetition(task, None, number))  # type: ignore[misc]
        watch += seconds
        fits.append(result.averaged)
        steps.append(result.image_step)
        if number not in options.repeats:
            continue
        mean = np.mean(np.stack(fits), axis=0)
        made, combining = timed(lambda: combine(measurement, mean, reference, refine=True))  # noqa: B023
        seen = made.seen
        expected, expecting = timed(
            lambda: estimate_error(measurement, reference, seen, refined=True, workers=workers)  # noqa: B023
        )
        interval = ("", "", "") if expected is None else tuple(f"{value:.2f}" for value in expected[:3])
        images = (noisy, reference.image, mean, *made)
        numbers = [f"{psnr(clean, image, data_range=1.0):.3f}" for image in images]
        others = (f"{measurement.sigma:.2f}", " ".join(map(str, steps)), f"{watch + combining + expecting:.0f}")
        rows.append(dict(zip(COLUMNS, (*key, str(number), *numbers, *interval, *others), strict=True)))
    return rows


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def summarise(rows: list[Row]) -> None:
    """Print means by crop and number of fits."""
    for crop, repeats in dict.fromkeys((row["crop"], row["repeats"]) for row in rows):
        mine = [row for row in rows if (row["crop"], row["repeats"]) == (crop, repeats)]
        means = {name: statistics.mean(float(row[name]) for row in mine) for name in PSNRS}
        seconds = statistics.mean(float(row["seconds"]) for row in mine)
        errors = [abs(float(row["expected"]) - float(row["refined"])) for row in mine if row["expected"]]
        inside = sum(
            float(row["low"]) <= float(row["refined"]) <= float(row["high"]) for row in mine if row["expected"]
        )
        words = ", ".join(f"{name} {value:.2f}" for name, value in means.items())
        print(
            f"crop {crop}, {repeats} fits, {len(mine)} restorations: {words} dB; {seconds:.0f} s; estimate within "
            f"0.5 dB in {sum(error <= 0.5 for error in errors)}, interval holds {inside} of {len(errors)}"
        )


if __name__ == "__main__":
    prepare()
    main()
