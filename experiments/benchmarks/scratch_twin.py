"""The framework from scratch against the same network with torch's layers, trained with the same pairs.

    python experiments/benchmarks/scratch_twin.py [--epochs 5]

Takes the pairs of train_baselines.py (RUNS/pairs-32.npz, `--runs`; that script makes them), and trains `scratch` and
its twin of torch.nn, autograd and torch.optim.SGD from the same weights, with the same batches in the same order, in
turns epoch by epoch, into RUNS/twins/scratch and RUNS/twins/torch. Stopped, the same command goes on. Writes
scratch_twin.csv: after each epoch the PSNR of both against the clean validation crops, the difference (ours less
torch's), and the seconds of the epoch. They count only on a machine that does nothing else.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rows import write_rows

from nasdip.process import prepare

if TYPE_CHECKING:
    import torch

    from nasdip.baselines.history import Epoch
    from nasdip.baselines.pairs import PairSet
    from nasdip.baselines.registry import Baseline
    from nasdip.baselines.trainable import Trainable

OUTPUT = Path(__file__).with_suffix(".csv")
COLUMNS = ("epoch", "psnr", "torch_psnr", "difference", "seconds", "torch_seconds")


def main() -> None:
    prepare()  # before torch, as the command line does
    from nasdip.baselines.pairs import read_pairs
    from nasdip.baselines.registry import find_baseline

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/baselines"))
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    pairs, own = read_pairs(options.runs / "pairs-32.npz"), find_baseline("scratch")
    ways = {"scratch": own, "torch": own._replace(build=_build_twin)}
    for epochs in range(1, options.epochs + 1):
        histories = [_trained(way, pairs, epochs, options.runs / "twins" / name) for name, way in ways.items()]
        rows = [dict(zip(COLUMNS, _row(*both), strict=True)) for both in zip(*histories, strict=False)]
        write_rows(OUTPUT, COLUMNS, rows)
        print(",".join(rows[epochs - 1].values()), flush=True)


def _trained(way: "Baseline", pairs: "PairSet", epochs: int, path: Path) -> "list[Epoch]":
    import torch

    from nasdip.baselines.model_folder import ModelFolder
    from nasdip.baselines.training import TrainingSettings, identity, train

    settings, folder = TrainingSettings(epochs, way.batch, way.learning_rate, seed=0), ModelFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    with folder.locked():
        folder.open(identity(way, pairs, settings), {"pairs": dict(pairs.facts)})
        return train(way, pairs, settings, folder, torch.device("cpu"))


def _build_twin(seed: int, rate: float, device: "torch.device") -> "Trainable":
    import torch

    from nasdip.baselines.registry import SCRATCH_MOMENTUM
    from nasdip.baselines.scratch import scratch_network
    from nasdip.baselines.scratch.twin import torch_twin
    from nasdip.baselines.trainable import TorchTrainable

    twin = torch_twin(scratch_network(seed=seed, device=device))
    return TorchTrainable(twin, torch.optim.SGD(twin.parameters(), lr=rate, momentum=SCRATCH_MOMENTUM))


def _row(own: "Epoch", other: "Epoch") -> list[str]:
    quality = own.validation_psnr, other.validation_psnr, own.validation_psnr - other.validation_psnr
    return [str(own.epoch), *(f"{value:.3f}" for value in quality), f"{own.seconds:.1f}", f"{other.seconds:.1f}"]


if __name__ == "__main__":
    main()
