"""The process that runs one method for `nasdip.compare.process`.

It tells how far it is, and in the end that it is done, or why it failed. The result goes to the folder.
"""

import json
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from nasdip.child_process import Connection
from nasdip.errors import NasdipError


def run(connection: Connection, folder: str, method: str) -> None:
    """Run a method (JSON) on the picture of the comparison in `folder`; a failure is told, and no error."""
    try:
        _run(Path(folder), json.loads(method), connection)
    except (NasdipError, MemoryError) as error:
        connection.say({"failed": _words(error)})
    except Exception as error:
        traceback.print_exc()
        connection.say({"failed": _words(error)})
    else:
        connection.say({"finished": True})


def _run(path: Path, facts: Mapping[str, Any], connection: Connection) -> None:
    from nasdip.compare.folder import ComparisonFolder, Result
    from nasdip.compare.memory import PeakMemory
    from nasdip.compare.methods import Method
    from nasdip.compare.runner import make_runner
    from nasdip.measurement.measure import measurement_of

    folder, method = ComparisonFolder(path), Method.from_json(facts)
    settings, noisy = folder.settings(), folder.noisy()
    measurement = measurement_of(noisy, settings.sigma)
    runner = make_runner(method, settings, measurement, folder.heldout())

    def tell(done: int, total: int, words: str) -> None:
        connection.say({"done": done, "total": total, "words": words})

    with _memory_told(settings.device):
        memory, start = PeakMemory(settings.device), time.perf_counter()
        restored = runner.restore(tell)
        seconds, peak = time.perf_counter() - start, memory.read()
        predicted = runner.predict(tell)
    for image in (*restored, predicted):
        _check(image, noisy.shape)
    folder.write(method, Result(*restored[:2], predicted, seconds, peak.added, peak.whole, peak.device))


def _memory_told(device: str) -> AbstractContextManager[None]:
    """Return a context that tells what to do where memory runs out: in torch where the method uses it."""
    if "torch" not in sys.modules:
        return nullcontext()
    from nasdip.fit.device import memory_told

    return memory_told(f"on {device}: use a smaller picture or another device")


def _check(image: np.ndarray, shape: tuple[int, ...]) -> None:
    if image.shape != shape:
        raise NasdipError(f"it made an image of shape {image.shape} of one of {shape}")
    if not np.isfinite(image).all():
        raise NasdipError(f"{np.sum(~np.isfinite(image))} values of its image are NaN or infinite")


def _words(error: BaseException) -> str:
    """Return an error in one line."""
    if isinstance(error, MemoryError):
        return "out of memory: use a smaller picture"
    told = " ".join(str(error).split())
    name = type(error).__name__
    return told if isinstance(error, NasdipError) else f"{name}: {told}" if told else name
