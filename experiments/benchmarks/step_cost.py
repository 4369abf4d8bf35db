"""Seconds and memory of one optimiser step of the zoo's networks, as ratios to dip's, interleaved in one run.

python experiments/benchmarks/step_cost.py [-o FILE.csv] [--size 128] [--width 128] [--rounds 5]
"""

import argparse
import multiprocessing
import statistics
from pathlib import Path

import numpy as np
from provenance_of import provenance_line
from torch import nn

from nasdip.files import write_text
from nasdip.fit.cost import estimate_fit
from nasdip.fit.device import find_device
from nasdip.fit.fit import fit
from nasdip.measurement.measurement import Measurement
from nasdip.network.build import build_network
from nasdip.network.plain.operations import count_parameters
from nasdip.options.fit import FitConfig
from nasdip.zoo.catalog import zoo_entry, zoo_names

COLUMNS = (
    "architecture,size,width,weights,seconds_per_step,ratio_median,ratio_min,ratio_max,time_told_over_measured,"
    "memory_told_mib,memory_told_over_measured"
)
STEPS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/benchmarks/step_cost.csv"))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    head, device = provenance_line(), find_device(options.device)
    shape = (options.size, options.size, 3)
    measurement = Measurement(np.random.default_rng(0).random(shape, dtype=np.float32))
    config = FitConfig(steps=STEPS)
    architectures = {name: zoo_entry(name).architecture for name in zoo_names()}

    def build(name: str) -> nn.Module:
        return build_network(architectures[name], width=options.width)

    estimates = {
        name: estimate_fit(architecture, shape, config, width=options.width, device=device)
        for name, architecture in architectures.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in architectures}
    for _ in range(1 + options.rounds):  # the first pays for set-up
        for name, architecture in architectures.items():
            seconds[name].append(fit(build(name), architecture, measurement, config, device=device).seconds / STEPS)
    rows = []
    for name in architectures:
        ratios = [s / d for s, d in zip(seconds[name][1:], seconds["dip"][1:], strict=True)]
        median = statistics.median(seconds[name][1:])
        told = estimates[name].memory / 2**20
        rows.append(
            f"{name},{options.size},{options.width},{count_parameters(build(name))},{median:.3f},"
            f"{statistics.median(ratios):.2f},{min(ratios):.2f},{max(ratios):.2f},"
            f"{estimates[name].seconds_per_step / median:.2f},{told:.0f},{told / measure_memory(name, options):.2f}"
        )
    write_text(options.output, "\n".join([head, COLUMNS, *rows]) + "\n")
    print(COLUMNS, *rows, sep="\n")


def measure_memory(name: str, options: argparse.Namespace) -> float:
    """Return the peak memory (MiB) that a fit adds to a fresh process on the CPU; NaN on other devices."""
    if find_device(options.device).type != "cpu":
        return float("nan")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(added_memory, (name, options.size, options.width))


def added_memory(name: str, size: int, width: int) -> float:
    def peak() -> float:
        # Not getrusage: its maximum is inherited from the process that started this one.
        status = Path("/proc/self/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024

    architecture = zoo_entry(name).architecture
    measurement = Measurement(np.random.default_rng(0).random((size, size, 3), dtype=np.float32))
    before = peak()
    fit(build_network(architecture, width=width), architecture, measurement, FitConfig(steps=STEPS))
    return peak() - before


if __name__ == "__main__":
    main()
