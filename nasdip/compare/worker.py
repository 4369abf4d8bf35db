"""A process that runs one method for `nasdip.compare.process`.

It writes JSON objects, a line each, to what was standard output when it started: how far it is, and in the end that it
is done, or why it failed. The result goes to the folder. It ends when its input does: it does not outlive the process
that started it.
"""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

import numpy as np

from nasdip.process import prepare


def main(folder: str, method: Mapping[str, Any]) -> None:
    """Run a method on the picture of the comparison in `folder`; a failure is told, and no error."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed here
    threading.Thread(target=_end_with_input, daemon=True).start()
    prepare()
    from nasdip.errors import NasdipError

    try:
        _run(Path(folder), method, results)
    except (NasdipError, MemoryError) as error:
        _say(results, failed=_words(error))
    except Exception as error:
        traceback.print_exc()
        _say(results, failed=_words(error))
    else:
        _say(results, finished=True)


def _run(path: Path, facts: Mapping[str, Any], results: IO[str]) -> None:
    from nasdip.compare.folder import ComparisonFolder, Result
    from nasdip.compare.memory import PeakMemory
    from nasdip.compare.methods import Method
    from nasdip.compare.runner import make_runner
    from nasdip.measurement.measure import observe

    folder, method = ComparisonFolder(path), Method.from_json(facts)
    settings, noisy = folder.settings(), folder.noisy()
    observation, _ = observe(noisy, settings.sigma)
    runner = make_runner(method, settings, observation, folder.heldout())

    def tell(done: int, total: int, words: str) -> None:
        _say(results, done=done, total=total, words=words)

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
    from nasdip.errors import NasdipError

    if image.shape != shape:
        raise NasdipError(f"it made an image of shape {image.shape} of one of {shape}")
    if not np.isfinite(image).all():
        raise NasdipError(f"{np.sum(~np.isfinite(image))} values of its image are NaN or infinite")


def _words(error: BaseException) -> str:
    """Return an error in one line."""
    from nasdip.errors import NasdipError

    told = " ".join(str(error).split())
    name = type(error).__name__
    return told if isinstance(error, NasdipError) else f"{name}: {told}" if told else name


def _end_with_input() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock it would hold while this process ends
        pass
    os._exit(0)


def _say(results: IO[str], **message: Any) -> None:
    results.write(json.dumps(message) + "\n")
    results.flush()
