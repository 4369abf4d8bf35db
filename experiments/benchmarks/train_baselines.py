"""The trained baselines on pairs of 20.72 dB: validation PSNR and the seconds of their training.

    python experiments/benchmarks/train_baselines.py [--baseline noise2noise-half ...]

Makes the pairs (scikit-image's photographs; RUNS/pairs-32.npz, pairs-64.npz) and trains each baseline with
`nasdip train` into RUNS/NAME (`--runs`), with its report's learning rate and batch, and as many epochs as EPOCHS has:
fewer than in the reports, since two cores train for hours otherwise. Stopped, the same command goes on. Writes
train_baselines.csv, a row for each baseline: the epoch that was kept, which the noisy targets picked (dcnn: its own
noise), the PSNR and the mean squared error against the clean validation crops, the PSNR of the noisy ones, and the
seconds of all its epochs. They count only on a machine that does nothing else.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from rows import Row, read_rows, write_rows

from nasdip.baselines.history import best_of
from nasdip.baselines.model_folder import ModelFolder

OUTPUT = Path(__file__).with_suffix(".csv")
EPOCHS = {"noise2noise": 6, "noise2noise-half": 10, "dcnn": 10, "scratch": 5}
PAIRS = {32: ("--count", "10000"), 64: ("--size", "64", "--count", "2000", "--validation-count", "200")}
HEADER = (
    "baseline", "size", "pairs", "epochs", "kept_epoch", "noisy_psnr", "validation_psnr", "validation_mse", "seconds",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/baselines"))
    parser.add_argument("--baseline", nargs="+", choices=EPOCHS, default=tuple(EPOCHS))
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    rows = read_rows(OUTPUT)
    for name in options.baseline:
        row = trained(name, options.runs)
        rows = [other for other in rows if other["baseline"] != name] + [row]
        write_rows(OUTPUT, HEADER, rows)
        print(",".join(row.values()), flush=True)


def trained(name: str, runs: Path) -> Row:
    """Train a baseline, or go on with it; return its row."""
    size = 64 if name == "dcnn" else 32
    pairs = runs / f"pairs-{size}.npz"
    if not pairs.exists():
        nasdip("pairs", "-o", pairs, *PAIRS[size])
    nasdip("train", name, "--pairs", pairs, "-o", runs / name, "--epochs", EPOCHS[name])
    folder = ModelFolder(runs / name)
    epochs, facts = folder.history(), folder.record()["facts"]
    best = best_of(epochs)
    count = PAIRS[size][PAIRS[size].index("--count") + 1]
    return dict(zip(HEADER, (
        name, str(size), count, str(len(epochs)), str(best.epoch), f"{facts['noisy_psnr']:.2f}",
        f"{best.validation_psnr:.2f}", f"{best.validation_mse:.5f}", f"{sum(epoch.seconds for epoch in epochs):.0f}",
    ), strict=True))  # fmt: skip


def nasdip(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "nasdip", *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
