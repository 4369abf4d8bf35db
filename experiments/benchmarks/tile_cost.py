"""Seconds of a step for each pixel of small and large images, as a whole and in tiles, as ratios to the smallest image.

python experiments/benchmarks/tile_cost.py [-o FILE.csv] [--architecture dip] [--size 256 512 1024 2048]
    [--tile 544 1056] [--precision fp32] [--rounds 5] [--steps 3] [--device cpu]

All tiles of an image have one size, so a step on one of them is measured and counted as many times as there are tiles:
what they share is paid for twice. Every image is measured in a process of its own, which takes turns with one that fits
the smallest image as a whole: a step, and `steps` steps of that one. Memory is the peak of the whole process; what was
told beforehand (for tiles with the whole images beside them) is compared with that peak less the one of a process that
fits 64 px. What the free memory does not
suffice for is left out, and the file says so.
"""

import argparse
import statistics
from pathlib import Path
from typing import NamedTuple

from step_ratio import BENCHMARKS, Worker

COLUMNS = (
    "architecture,size,tiles,side,overlap,precision,seconds_per_step,microseconds_per_pixel,ratio,ratio_min,ratio_max,"
    "time_told_over_measured,peak_mib,memory_told_over_measured"
)


class Way(NamedTuple):
    """An image, and how it is fitted: the tiles, their side and overlap (px), and what was told of each fit."""

    size: int
    tiles: int
    side: int
    overlap: int
    seconds_told: float
    memory_told: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=BENCHMARKS / "tile_cost.csv")
    parser.add_argument("--architecture", default="dip")
    parser.add_argument("--size", nargs="+", type=int, default=[256, 512, 1024, 2048])
    parser.add_argument("--tile", nargs="+", type=int, default=[544, 1056])
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    from provenance_of import provenance_line

    from nasdip.files import write_text

    head = provenance_line()
    ways, notes = plan(options)
    print(*notes, COLUMNS, sep="\n", flush=True)
    base = peak_of(64, options)
    reference = start(min(options.size), options)
    rows = []
    for way in ways:
        rows.append(measure(way, reference, base, options))
        print(rows[-1], flush=True)
    reference.close()
    write_text(options.output, "\n".join([head, *notes, COLUMNS, *rows]) + "\n")


def plan(options: argparse.Namespace) -> tuple[list[Way], list[str]]:
    """Return what fits into the memory, every image as a whole and in tiles, and a note on each that does not."""
    from nasdip.console import size as bytes_in_words
    from nasdip.fit.cost import measure_cost
    from nasdip.fit.device import available_memory, find_device
    from nasdip.options.fit import FitConfig
    from nasdip.restoration.tile_choice import tiled
    from nasdip.zoo.catalog import zoo_entry

    device, largest = find_device(options.device), max(options.size)
    config = FitConfig(precision=options.precision)
    cost = measure_cost(zoo_entry(options.architecture).architecture, (largest, largest, 3), config, device=device)
    free = available_memory(device)
    ways, notes = [], []
    for size in options.size:
        found = [tiled(cost, (size, size, 3), side, device) for side in (*options.tile, size)]
        for tiling, told in dict.fromkeys(found):
            if free is not None and told.memory > 0.8 * free:
                what = "as a whole" if tiling is None else f"in {tiling}"
                notes.append(f"# {size} px {what} needs about {bytes_in_words(told.memory)}: not measured")
                continue
            tiles, side, overlap = (1, size, 0) if tiling is None else (len(tiling), tiling.side[0], tiling.overlap)
            ways.append(Way(size, tiles, side, overlap, told.seconds_per_step, told.memory))
    return ways, notes


def start(side: int, options: argparse.Namespace) -> Worker:
    worker = Worker(options.precision, options.architecture, side, options.device)
    worker.ask("steps", 1)  # pays for set-up
    return worker


def peak_of(side: int, options: argparse.Namespace) -> float:
    worker = start(side, options)
    peak = float(worker.ask("memory"))
    worker.close()
    return peak


def measure(way: Way, reference: Worker, base: float, options: argparse.Namespace) -> str:
    worker = start(way.side, options)
    own, others = [], []
    for _ in range(options.rounds):
        others.append(reference.ask("steps", options.steps) / min(options.size) ** 2)
        own.append(worker.ask("steps", 1))
    peak = worker.ask("memory")
    worker.close()
    pixels = way.size**2 / way.tiles  # of the image, for each tile
    ratios = [seconds / pixels / other for seconds, other in zip(own, others, strict=True)]
    seconds, told = statistics.median(own), way.memory_told / 2**20
    return (
        f"{options.architecture},{way.size},{way.tiles},{way.side},{way.overlap},{options.precision},{seconds:.4f},"
        f"{1e6 * seconds / pixels:.3f},{statistics.median(ratios):.3f},{min(ratios):.3f},{max(ratios):.3f},"
        f"{way.seconds_told / seconds:.2f},{peak:.0f},{told / max(peak - base, 1):.2f}"
    )


if __name__ == "__main__":
    main()
