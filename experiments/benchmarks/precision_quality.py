"""What bfloat16 costs in quality: the same fits in fp32 and in bf16, on centre crops of published noisy images.

python experiments/benchmarks/precision_quality.py DATA [-o FILE.csv] [--image house f16 peppers] [--seed 0 1 2]
    [--crop 128] [--architecture dip] [--recipe fast]

DATA holds NAME.png (clean, which measures alone) and NAME_noisy25.png. Resumable: fits whose rows are in FILE are not
repeated. PSNR (dB) of the averaged image at four steps; oracle is the best step, picked with the clean image.
"""

import argparse
import statistics
from pathlib import Path

import numpy as np
from rows import read_rows, write_rows

from nasdip.fit.device import find_device
from nasdip.fit.fit import fit
from nasdip.io.image_file import read_image
from nasdip.measurement.level import estimate_sigma
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.nas.trial_task import centre_crop
from nasdip.network.build import build_network
from nasdip.options.recipes import find_recipe
from nasdip.process import prepare
from nasdip.zoo.catalog import find_architecture

KEYS = ("image", "crop", "architecture", "recipe", "seed", "precision")
QUARTERS = ("psnr_quarter", "psnr_half", "psnr_three_quarters", "psnr_last")
COLUMNS = (*KEYS, *QUARTERS, "oracle_psnr", "oracle_step", "seconds", "events")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--image", nargs="+", default=["house", "f16", "peppers"])
    parser.add_argument("--seed", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--architecture", default="dip")
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    rows = read_rows(options.output)
    known = {tuple(row[key] for key in KEYS) for row in rows}
    for seed in options.seed:
        for image in options.image:
            for precision in ("fp32", "bf16"):
                key = (image, options.crop, options.architecture, options.recipe, seed, precision)
                if tuple(map(str, key)) in known:
                    continue
                rows.append(
                    dict(zip(COLUMNS, (*map(str, key), *measure(image, seed, precision, options)), strict=True))
                )
                write_rows(options.output, COLUMNS, rows)
                print(",".join(rows[-1].values()), flush=True)
    for column in (*QUARTERS, "oracle_psnr"):
        print(column, difference(rows, column))


def measure(image: str, seed: int, precision: str, options: argparse.Namespace) -> list[str]:
    clean = centre_crop(read_image(options.data / f"{image}.png").pixels, options.crop)
    noisy = centre_crop(read_image(options.data / f"{image}_noisy25.png").pixels, options.crop)
    architecture = find_architecture(options.architecture)
    recipe = find_recipe(options.recipe)
    config = recipe.settings(options.crop, options.crop, precision=precision, stop="fixed")
    measurement = Measurement(noisy, NoiseModel.white(estimate_sigma(noisy)))
    network, device = build_network(architecture, width=recipe.width, seed=seed), find_device(options.device)
    result = fit(network, architecture, measurement, config, seed=seed, clean=clean, device=device)
    curve = result.curves.oracle_psnr_averaged
    assert curve is not None
    quarters = [curve[config.steps * n // 4 - 1] for n in (1, 2, 3, 4)]
    numbers = [f"{float(value):.3f}" for value in (*quarters, np.nanmax(curve))]
    return [*numbers, str(result.oracle_step), f"{result.seconds:.0f}", str(len(result.events))]


def difference(rows: list[dict[str, str]], column: str) -> str:
    """Return bf16 minus fp32, its mean and standard error over pairs, in words."""
    values: dict[tuple[str, ...], dict[str, float]] = {}
    for row in rows:
        values.setdefault(tuple(row[key] for key in KEYS[:-1]), {})[row["precision"]] = float(row[column])
    gaps = [pair["bf16"] - pair["fp32"] for pair in values.values() if len(pair) == 2]
    if len(gaps) < 2:
        return f"{gaps} dB"
    error = statistics.stdev(gaps) / len(gaps) ** 0.5
    return f"{statistics.mean(gaps):+.3f} dB, standard error {error:.3f}, {len(gaps)} pairs"


if __name__ == "__main__":
    prepare()
    main()
