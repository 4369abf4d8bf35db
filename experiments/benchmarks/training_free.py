"""How training-free scores rank architectures of the full published space (`nas_dip`).

python experiments/benchmarks/training_free.py DATA [-o FILE.csv]

The spectra of untrained outputs against the noisy picture's (`nasdip.imaging.spectral_match`), means of three seeds,
for architectures drawn at random whose fits other benchmarks made: 60 of reward.csv (96 px crops of house and peppers
in DATA, PSNR of the image that a rule chose) and 24 of fidelity.csv (full fits of astronaut and coffee). Writes the
scores with the true PSNR, and prints Kendall's tau of each with it.
"""

import argparse
import statistics
from pathlib import Path

import numpy as np
from fidelity import means, task
from rows import Row, read_rows, write_rows
from scipy.stats import kendalltau

from nasdip.fit.untrained import untrained_output
from nasdip.imaging.spectral_match import annulus_error, bandwidth, histogram_distance
from nasdip.io.image_file import read_image
from nasdip.nas.trial_task import centre_crop
from nasdip.process import prepare
from nasdip.space.architecture import Architecture

METRICS = ("annulus_error", "histogram_distance", "bandwidth")
COLUMNS = ("fits", "image", "architecture", "psnr", *METRICS)
_WIDTH, _SEEDS = 32, (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    here = Path(__file__).parent
    rewards, fidelities = (read_rows(here / name) for name in ("reward.csv", "fidelity.csv"))
    rows: list[Row] = []
    for image in ("house", "peppers"):
        pixels = centre_crop(read_image(options.data / f"{image}_noisy25.png").pixels, 96)
        found = {row["architecture"]: float(row["psnr_chosen"]) for row in rewards if row["image"] == image}
        rows += scores("reward.csv", image, pixels, found)
    for image in ("astronaut", "coffee"):
        found = means(fidelities, image, "full", "psnr")
        rows += scores("fidelity.csv", image, task(image, "full").measurement.pixels, found)
    write_rows(options.output, COLUMNS, rows)
    summarise(rows)


def scores(fits: str, image: str, pixels: np.ndarray, psnr: dict[str, float]) -> list[Row]:
    rows = []
    for text, value in psnr.items():
        outputs = [
            untrained_output(Architecture.from_text(text), pixels.shape, width=_WIDTH, seed=seed) for seed in _SEEDS
        ]
        values = [
            statistics.mean(annulus_error(output, pixels) for output in outputs),
            statistics.mean(histogram_distance(output, pixels) for output in outputs),
            statistics.mean(bandwidth(output) for output in outputs),
        ]
        facts = (fits, image, text, f"{value:.4f}", *(f"{number:.5g}" for number in values))
        rows.append(dict(zip(COLUMNS, facts, strict=True)))
    return rows


def summarise(rows: list[Row]) -> None:
    for image in dict.fromkeys(row["image"] for row in rows):
        mine = [row for row in rows if row["image"] == image]
        psnr = [float(row["psnr"]) for row in mine]
        taus = [(metric, *kendalltau([float(row[metric]) for row in mine], psnr)) for metric in METRICS]
        print(f"{image}, {len(mine)}:", ", ".join(f"{name} {tau:.2f} (p {p:.1g})" for name, tau, p in taus))


if __name__ == "__main__":
    prepare()
    main()
