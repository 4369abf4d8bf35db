"""The process that evaluates trials of a run for `nasdip.nas.backends.subprocesses`.

First it tells what it is (`greeting`), then a result for each job.
"""

from pathlib import Path
from typing import Any

from nasdip.child_process import Connection


def evaluate_all(connection: Connection, folder: str, device: str) -> None:
    """Evaluate trials of the run in `folder` on `device` until the connection ends."""
    import torch

    from nasdip.nas.backends.backend import TrialJob
    from nasdip.nas.backends.in_process import Evaluation
    from nasdip.records.run_folder import RunFolder

    evaluation = Evaluation(RunFolder(Path(folder)), torch.device(device))
    connection.say(greeting())
    while True:
        connection.say(evaluation.evaluate(TrialJob.from_json(connection.hear())).to_json())


def greeting() -> dict[str, str]:
    """Return by what code each operation is built: a program that searches may have added some, or changed them."""
    from nasdip.network.plain.operations import ACTIVATIONS, BUILDERS
    from nasdip.space.operations import OPERATIONS

    known = {f"operation {o.name}": f"{o.role} {o.has_kernel} {o.channel_first}" for o in OPERATIONS.values()}
    builders = {f"builder {name}": _origin(builder) for name, builder in {**BUILDERS, **ACTIVATIONS}.items()}
    return {**known, **builders}


def _origin(builder: Any) -> str:
    return f"{builder.__module__}.{getattr(builder, '__qualname__', type(builder).__qualname__)}"
