"""The framework from scratch against the same network with torch's layers, trained with the same pairs.

    python experiments/benchmarks/scratch_twin.py [--epochs 5]

Takes the pairs of train_baselines.py (RUNS/pairs-32.npz, `--runs`; that script makes them), and trains `scratch` and its
twin of torch.nn, autograd and torch.optim.SGD from the same weights, with the same batches in the same order, in turns
epoch by epoch, into RUNS/scratch-own and RUNS/scratch-torch. Stopped, the same command goes on. Writes
scratch_twin.csv: after each epoch the PSNR of both against the clean validation crops, the difference (ours less
torch's), and the seconds of the epoch. They count only on a machine that does nothing else.
"""

import argparse
from pathlib import Path

import torch
from rows import write_rows

from nasdip.baselines.model_folder import Epoch, ModelFolder
from nasdip.baselines.pairs import read_pairs
from nasdip.baselines.registry import find_baseline
from nasdip.baselines.scratch import scratch_network
from nasdip.baselines.scratch.twin import torch_twin
from nasdip.baselines.trainable import TorchTrainable, Trainable
from nasdip.baselines.training import TrainingSettings, train

OUTPUT = Path(__file__).with_suffix(".csv")
COLUMNS = ("epoch", "psnr", "torch_psnr", "difference", "seconds", "torch_seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/baselines"))
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    pairs, own = read_pairs(options.runs / "pairs-32.npz"), find_baseline("scratch")
    ways = {"own": own, "torch": own._replace(build=_build_twin)}
    for epochs in range(1, options.epochs + 1):
        settings = TrainingSettings(epochs, own.batch, own.learning_rate, seed=0)
        histories = []
        for name, baseline in ways.items():
            folder = ModelFolder(options.runs / f"scratch-{name}")
            folder.open({"way": name, "pairs": pairs.digest()}, {})
            histories.append(train(baseline, pairs, settings, folder, torch.device("cpu")))
        rows = [dict(zip(COLUMNS, _row(*both), strict=True)) for both in zip(*histories, strict=False)]
        write_rows(OUTPUT, COLUMNS, rows)
        print(",".join(rows[epochs - 1].values()), flush=True)


def _build_twin(seed: int, rate: float, device: torch.device) -> Trainable:
    twin = torch_twin(scratch_network(seed=seed, device=device))
    return TorchTrainable(twin, torch.optim.SGD(twin.parameters(), lr=rate, momentum=0.9))


def _row(own: Epoch, other: Epoch) -> list[str]:
    quality = own.validation_psnr, other.validation_psnr, own.validation_psnr - other.validation_psnr
    return [str(own.epoch), *(f"{value:.3f}" for value in quality), f"{own.seconds:.1f}", f"{other.seconds:.1f}"]


if __name__ == "__main__":
    main()
