"""A process that evaluates the trials of a run for `nasdip.nas.backends.subprocesses.workers.Workers`.

It reads jobs from standard input and writes results to what was standard output when it started, a JSON object a
line; first it tells what it is (`greeting`). It ends when its input does, in the middle of a fit too: it does not
outlive the process that started it.
"""

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from nasdip.process import prepare


def main(folder: str, device: str) -> None:
    """Evaluate trials of the run in `folder` on `device` until the input ends, or with an error to exit code 1."""
    try:
        _evaluate_all(folder, device)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # the thread that reads would make a crash of an ordinary end


def _evaluate_all(folder: str, device: str) -> None:
    results = _take_output()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    prepare()

    import torch

    from nasdip.nas.backends.in_process import Evaluation, Job
    from nasdip.records.run_folder import RunFolder

    evaluation = Evaluation(RunFolder(Path(folder)), torch.device(device))
    _say(results, greeting())
    while True:
        _say(results, evaluation.evaluate(Job.from_json(json.loads(lines.get()))).to_json())


def greeting() -> dict[str, str]:
    """Return by what code each operation is built: a program that searches may have added some, or changed them."""
    from nasdip.network.plain.operations import ACTIVATIONS, BUILDERS
    from nasdip.space.operations import OPERATIONS

    known = {f"operation {o.name}": f"{o.role} {o.has_kernel} {o.channel_first}" for o in OPERATIONS.values()}
    builders = {f"builder {name}": _origin(builder) for name, builder in {**BUILDERS, **ACTIVATIONS}.items()}
    return {**known, **builders}


def _origin(builder: Any) -> str:
    return f"{builder.__module__}.{getattr(builder, '__qualname__', type(builder).__qualname__)}"


def _take_output() -> IO[str]:
    """Return standard output, and let whatever else is printed in this process go to standard error."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return results


def _read(lines: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


def _say(results: IO[str], message: Mapping[str, Any]) -> None:
    results.write(json.dumps(message) + "\n")
    results.flush()
