"""One step of nasdip's fit against one of the published loop: interleaved in one run, each in a process of its own.

python experiments/benchmarks/step_ratio.py [-o FILE.csv] [--architecture dip nas-dip-denoise] [--size 128 256]
    [--precision fp32 bf16] [--rounds 7] [--steps 3] [--device cpu]

The processes take turns, a few steps each. FLOPs are counted by torch in the convolutions of one step. The machine's
peak is the faster of a large matrix product and of a 3x3 convolution of 128 channels (forward, or with its gradients),
at the precision; a step's share of it is its own FLOPs over its time. Memory is the peak of the whole process.
"""

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from nasdip.process import prepare
from nasdip.zoo.catalog import zoo_entry

BENCHMARKS = Path(__file__).parent
COLUMNS = (
    "architecture,size,way,precision,seconds,ratio,ratio_min,ratio_max,gflop,gflop_per_second,share_of_peak,peak_mib"
)
PUBLISHED = "published"


class Worker:
    """A process that takes steps when it is asked to."""

    def __init__(self, way: str, architecture: str, size: int, device: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, way, architecture, size, device))
        self._process.start()
        theirs.close()  # so that its end is noticed here

    def ask(self, word: str, *values: Any) -> Any:
        self._pipe.send((word, *values))
        return self._pipe.recv()

    def close(self) -> None:
        self._pipe.send(("end",))
        self._process.join()


def work(pipe: Connection, way: str, architecture: str, size: int, device: str) -> None:
    """Answer `steps` with seconds per step, `flops` with those of a step, `memory` with the peak (MiB)."""
    if way != PUBLISHED:
        prepare()
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    step = make_loop(way, architecture, size, device)
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    while True:
        word, *values = pipe.recv()
        if word == "end":
            return
        if word == "steps":
            start = time.perf_counter()
            for _ in range(values[0]):
                step()
            wait()
            pipe.send((time.perf_counter() - start) / values[0])
        elif word == "flops":
            with FlopCounterMode(display=False) as counter:
                step()
            pipe.send(counter.get_total_flops())
        else:
            cuda = torch.cuda.max_memory_allocated() if device.startswith("cuda") else 0
            pipe.send((cuda or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024) / 2**20)


def make_loop(way: str, name: str, size: int, device: str) -> Callable[[], object]:
    import numpy as np
    import torch
    from published_loop import PublishedLoop

    from nasdip.fit.loop import WINDOW, FitLoop
    from nasdip.measurement.measurement import Measurement
    from nasdip.network.build import build_network
    from nasdip.options.fit import FitConfig

    architecture = zoo_entry(name).architecture
    network = build_network(architecture)
    noisy, clean = (np.random.default_rng(seed).random((size, size, 3), dtype=np.float32) for seed in (0, 1))
    if way == PUBLISHED:
        return PublishedLoop(network, noisy, clean, device).step
    config = FitConfig(precision=way)
    loop = FitLoop(network, architecture, Measurement(noisy), config, 0, clean, torch.device(device))
    count = 200  # a fit looks at its spectrum more often in its first steps

    def step() -> None:
        nonlocal count
        count += 1
        loop.step(count)
        if count % WINDOW == 0:
            loop.check(count)

    return step


class Peak(NamedTuple):
    """Fastest measured rates, FLOP per second."""

    matmul: float
    conv: float
    conv_both: float

    @property
    def best(self) -> float:
        return max(self)


def measure_peak(precision: str, device: str, pipe: Connection) -> None:
    """Send the rates of a matrix product, of a convolution, and of a convolution with its gradients."""
    prepare()
    import torch
    import torch.nn.functional as F

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None

    def rate(flops: float, call: Callable[[], object]) -> float:
        times = []
        for _ in range(8):
            wait()
            start = time.perf_counter()
            call()
            wait()
            times.append(time.perf_counter() - start)
        return flops / min(times)

    a, b = (torch.randn(2048, 2048, device=device).to(dtype) for _ in range(2))
    x, g = (
        torch.randn(1, 128, 256, 256, device=device).to(dtype).to(memory_format=torch.channels_last) for _ in range(2)
    )
    w = torch.randn(128, 128, 3, 3, device=device).to(dtype).to(memory_format=torch.channels_last)
    x.requires_grad_(), w.requires_grad_()
    flops = 2 * 128 * 128 * 9 * 256 * 256
    with torch.no_grad():
        rates = [rate(2 * 2048**3, lambda: a @ b), rate(flops, lambda: F.conv2d(x, w, padding=1))]
    rates.append(rate(3 * flops, lambda: torch.autograd.grad(F.conv2d(x, w, padding=1), (x, w), g)))
    pipe.send(Peak(*rates))


def peak(precision: str, device: str) -> Peak:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=measure_peak, args=(precision, device, theirs))
    process.start()
    theirs.close()  # so that its end is noticed here
    found: Peak = ours.recv()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=BENCHMARKS / "step_ratio.csv")
    parser.add_argument("--architecture", nargs="+", default=["dip", "nas-dip-denoise"])
    parser.add_argument("--size", nargs="+", type=int, default=[128, 256])
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    from provenance_of import provenance_line

    from nasdip.files import write_text

    head = provenance_line()
    peaks = {name: peak(name, options.device) for name in dict.fromkeys(["fp32", *options.precision])}
    notes = [
        f"# peak {name}: matmul {p.matmul / 1e9:.0f}, convolution {p.conv / 1e9:.0f}, with gradients "
        f"{p.conv_both / 1e9:.0f} GFLOP/s"
        for name, p in peaks.items()
    ]
    print(*notes, COLUMNS, sep="\n", flush=True)
    rows = []
    for architecture in options.architecture:
        for size in options.size:
            rows += compare(architecture, size, options, peaks)
            print(*rows[-1 - len(options.precision) :], sep="\n", flush=True)
    write_text(options.output, "\n".join([head, *notes, COLUMNS, *rows]) + "\n")


def compare(architecture: str, size: int, options: argparse.Namespace, peaks: dict[str, Peak]) -> list[str]:
    ways = [PUBLISHED, *options.precision]
    workers = {way: Worker(way, architecture, size, options.device) for way in ways}
    for worker in workers.values():
        worker.ask("steps", 2)  # pays for set-up
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, worker in workers.items():
            seconds[way].append(worker.ask("steps", options.steps))
    rows = []
    for way, worker in workers.items():
        ratios = [base / own for base, own in zip(seconds[PUBLISHED], seconds[way], strict=True)]
        precision = "fp32" if way == PUBLISHED else way
        memory, flops, median = worker.ask("memory"), worker.ask("flops"), statistics.median(seconds[way])
        worker.close()
        rows.append(
            f"{architecture},{size},{PUBLISHED if way == PUBLISHED else 'nasdip'},{precision},{median:.4f},"
            f"{statistics.median(ratios):.2f},{min(ratios):.2f},{max(ratios):.2f},{flops / 1e9:.1f},"
            f"{flops / median / 1e9:.0f},{flops / median / peaks[precision].best:.2f},{memory:.0f}"
        )
    return rows


if __name__ == "__main__":
    main()
