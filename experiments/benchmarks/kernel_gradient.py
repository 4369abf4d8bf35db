"""Convolutions, forward and backward, with the library's gradient of the kernels and with ours, in turns in one run.

python experiments/benchmarks/kernel_gradient.py [-o FILE]

For maps as fits of 96 to 256 px have them, channels-last, in float32, on one thread and on all: ms of the library's
forward pass, of a forward and backward pass by the library, and by `nasdip.network.fast.direct`; ratios of the
library's time to ours are medians of 15 rounds. What nasdip uses is chosen by processor
(`direct.lacks_wide_vectors`).
"""

import argparse
import os
import statistics
from collections.abc import Callable
from pathlib import Path

from in_turns import in_turns
from rows import write_rows

from nasdip.process import prepare

SIZES = ((32, 96), (32, 48), (48, 128), (48, 64), (48, 32), (48, 256), (128, 64))
COLUMNS = ("capability", "threads", "channels", "side", "forward_ms", "library_ms", "direct_ms", "ratio")
_ROUNDS = 15


def main() -> None:
    prepare()
    import torch
    import torch.nn.functional as F

    from nasdip.network.fast.direct import direct

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    capability = torch.backends.cpu.get_cpu_capability()
    rows = []
    for threads in sorted({1, os.cpu_count() or 1}):
        torch.set_num_threads(threads)
        for channels, side in SIZES:
            x = torch.randn(1, channels, side + 2, side + 2).to(memory_format=torch.channels_last).requires_grad_()
            weight = torch.randn(channels, channels, 3, 3, requires_grad=True)
            slope = torch.randn(1, channels, side, side).to(memory_format=torch.channels_last)

            def forward(x: torch.Tensor = x, weight: torch.Tensor = weight) -> None:
                with torch.no_grad():
                    F.conv2d(x, weight)

            def both(way: Callable[..., torch.Tensor], x=x, weight=weight, slope=slope) -> None:  # type: ignore[no-untyped-def]
                torch.autograd.grad(way(x, weight), (x, weight), slope)

            ways = (forward, lambda b=both: b(F.conv2d), lambda b=both: b(direct))
            seconds = in_turns(ways, _ROUNDS)
            ms = [f"{1000 * statistics.median(taken):.2f}" for taken in seconds]
            ratio = statistics.median(a / b for a, b in zip(seconds[1], seconds[2], strict=True))
            facts = (capability, str(threads), str(channels), str(side), *ms, f"{ratio:.2f}")
            rows.append(dict(zip(COLUMNS, facts, strict=True)))
            print(",".join(facts), flush=True)
    write_rows(options.output, COLUMNS, rows)


if __name__ == "__main__":
    main()
