"""A convolution layer of the framework from scratch against torch's, forward and backward, in turns in one run.

python experiments/benchmarks/scratch_latency.py [-o FILE]

3x3 "same" convolutions with bias, float32, contiguous batches, on one thread and on all: ms of `Conv2d.forward` and of
torch.nn.Conv2d recording for its gradients, and of `Conv2d.backward` and torch's, which both give the gradients by
input, kernels and bias. Medians of 15 rounds; ratios of our time to torch's are medians of those of the rounds.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from pathlib import Path

from in_turns import in_turns
from rows import write_rows

from nasdip.process import prepare

# Images, channels in and out, side.
SIZES = ((100, 3, 48, 32), (100, 48, 48, 32), (100, 48, 3, 32), (100, 48, 48, 16), (1, 3, 48, 256), (1, 48, 48, 256))
COLUMNS = (
    "threads", "images", "inputs", "outputs", "side", "forward_ms", "torch_forward_ms", "forward_ratio", "backward_ms",
    "torch_backward_ms", "backward_ratio",
)  # fmt: skip
_ROUNDS = 15


def main() -> None:
    prepare()
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    rows = []
    for threads in sorted({1, os.cpu_count() or 1}):
        torch.set_num_threads(threads)
        for size in SIZES:
            facts = (str(threads), *map(str, size), *_measured(*size))
            rows.append(dict(zip(COLUMNS, facts, strict=True)))
            print(",".join(facts), flush=True)
    write_rows(options.output, COLUMNS, rows)


def _measured(images: int, inputs: int, outputs: int, side: int) -> list[str]:
    import torch

    from nasdip.baselines.scratch import Conv2d, Sequential
    from nasdip.baselines.scratch.twin import torch_twin

    generator = torch.Generator().manual_seed(0)
    layer = Conv2d(inputs, outputs, generator=generator)
    twin = torch_twin(Sequential(layer))
    x = torch.randn(images, inputs, side, side, generator=generator)
    gradient = torch.randn(images, outputs, side, side, generator=generator)
    wanted = x.clone().requires_grad_()
    recorded = twin(wanted)

    def torch_backward() -> None:
        torch.autograd.grad(recorded, (wanted, *twin.parameters()), gradient, retain_graph=True)

    layer.forward(x)
    forward = _compared(lambda: layer.forward(x), lambda: twin(wanted))
    return [*forward, *_compared(lambda: layer.backward(gradient), torch_backward)]


def _compared(*ways: Callable[[], object]) -> list[str]:
    """Return the median ms of ours and of torch's, and the median ratio."""
    own, other = in_turns(ways, _ROUNDS)
    ratio = statistics.median(a / b for a, b in zip(own, other, strict=True))
    return [f"{1000 * statistics.median(own):.2f}", f"{1000 * statistics.median(other):.2f}", f"{ratio:.2f}"]


if __name__ == "__main__":
    main()
