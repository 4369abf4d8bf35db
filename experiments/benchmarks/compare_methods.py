"""`nasdip compare` on a published noisy image, whole: all methods that are installed, and the trained baselines.

    python experiments/benchmarks/compare_methods.py DATA [--image house]

DATA has IMAGE.png and IMAGE_noisy25.png. The baselines are those of train_baselines.py (RUNS/baselines, `--runs`). The
results are in RUNS/compare-IMAGE, from which the same command goes on. Writes compare_methods.csv: a row for each
method. Seconds and memory count only on a machine that does nothing else.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

from rows import read_rows, write_rows

OUTPUT = Path(__file__).with_suffix(".csv")
# Of the command's own table.
COLUMNS = (
    "method", "psnr_db", "ssim", "heldout_psnr_db", "estimated_psnr_db", "whiteness", "is_white", "seconds",
    "memory_bytes",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--image", default="house")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    folder = options.runs / f"compare-{options.image}"
    images = (options.data / f"{options.image}_noisy25.png", "--clean", options.data / f"{options.image}.png")
    command = ("compare", *images, "--models", options.runs / "baselines", "-o", folder)
    subprocess.run([sys.executable, "-m", "nasdip", *map(str, command)], check=True)
    with open(folder / "results.csv", encoding="utf-8", newline="") as file:
        made = [{"image": options.image, **{name: row[name] for name in COLUMNS}} for row in csv.DictReader(file)]
    others = [row for row in read_rows(OUTPUT) if row["image"] != options.image]
    write_rows(OUTPUT, ("image", *COLUMNS), others + made)


if __name__ == "__main__":
    main()
