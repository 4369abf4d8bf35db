"""The process that evaluates architectures for NNI: `exec python -m nasdip.nas.backends.nni.trial` in a YAML file.

It writes what it does to `nasdip.json` in its output folder before it tells NNI, so that nothing is lost when NNI
is gone::

    trials    the numbers of the trials that it was given
    begun     those that it has begun
    results   of those that are done
    partial   of the one under way, as if it were stopped now
"""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from nasdip.errors import NasdipError
from nasdip.files import read_json, write_json
from nasdip.nas.backends.nni.channel import Channel, open_channel
from nasdip.nas.backends.nni.experiment import REPORT
from nasdip.nas.backends.nni.messages import (
    Child,
    TrialRequest,
    entries_to_metric,
    entry_to_metric,
    parameters_to_request,
    result_to_entry,
)
from nasdip.options.early_stop import Curve
from nasdip.process import prepare
from nasdip.records.trial_result import TrialResult

_STOPPED = "stopped by NNI"


class StopSignal:
    """Notes NNI's request to stop (SIGINT), which it follows with SIGKILL after 5 s."""

    def __init__(self) -> None:
        self._seen = False
        signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._seen = True

    def cause(self) -> str | None:
        """Return why to stop now; None to go on."""
        return _STOPPED if self._seen else None


class Report:
    """The file in which this process tells what it did; results that an earlier process of its job left are kept."""

    def __init__(self, path: Path, children: list[Child]) -> None:
        self._path = path
        numbers = [child.trial for child in children]
        earlier: list[dict[str, Any]] = []
        with suppress(NasdipError):
            earlier = list(read_json(path).get("results", []))
        wanted = {(child.trial, str(child.architecture)) for child in children}
        self.results = [
            entry
            for entry in earlier
            if (entry.get("trial"), entry.get("architecture")) in wanted and entry.get("status") in ("ok", "failed")
        ]
        self._data: dict[str, Any] = {"trials": numbers, "begun": [], "results": self.results, "partial": None}
        self._write()

    def done(self, trial: int) -> dict[str, Any] | None:
        """Return the result of a trial; None where there is none."""
        return next((entry for entry in self.results if entry["trial"] == trial), None)

    def begin(self, trial: int) -> None:
        """Note that a trial begins."""
        self._data["begun"].append(trial)
        self._write()

    def go_on(self, partial: dict[str, Any]) -> None:
        """Note how far a trial is."""
        self._data["partial"] = partial
        self._write()

    def add(self, entry: dict[str, Any]) -> None:
        """Note a result."""
        self.results.append(entry)
        self._data["partial"] = None
        self._write()

    def _write(self) -> None:
        try:
            write_json(self._path, self._data)
        except OSError as error:  # a full disk says nothing of the architecture, and NNI is told the result too
            print(f"nasdip: cannot write {self._path} ({error.strerror}): going on", file=sys.stderr)


def main() -> int:
    """Evaluate what NNI asks for; return the exit code."""
    prepare()
    stop = StopSignal()
    try:
        channel = open_channel()
        entries = evaluate(parameters_to_request(channel.parameters()), channel, stop)
    except (NasdipError, OSError) as error:
        print(f"nasdip: error: {error}", file=sys.stderr)
        return 2
    if entries:
        _tell(channel.final, entries_to_metric(entries))
    return 0


def evaluate(request: TrialRequest, channel: Channel, stop: StopSignal) -> list[dict[str, Any]]:
    """Evaluate the children of a request, one after the other, and return their results."""
    report = Report(Path(os.environ.get("NNI_OUTPUT_DIR", ".")) / REPORT, request.children)
    for child in request.children:
        if report.done(child.trial) is None:
            report.begin(child.trial)
            # The file may be on a machine that the tuner does not see: what must survive a kill is told as well.
            if os.environ.get("NNI_PLATFORM") != "local":
                _tell(channel.intermediate, {"trial": child.trial})
            entry = _known(child) if child.reward is not None else _fit(child, request, report, channel, stop)
            report.add(entry)
            _tell(channel.intermediate, entry_to_metric(entry))
        if stop.cause() is not None:
            break
    return report.results


def _known(child: Child) -> dict[str, Any]:
    """Return the answer for an architecture which an earlier trial had; the tuner knows its numbers."""
    return {"trial": child.trial, "architecture": str(child.architecture), "status": "repeated", "reward": child.reward}


def _fit(child: Child, request: TrialRequest, report: Report, channel: Channel, stop: StopSignal) -> dict[str, Any]:
    from nasdip.fit.device import find_device
    from nasdip.nas.trial import run_trial
    from nasdip.nas.trial_task import read_task

    job = os.environ.get("NNI_TRIAL_JOB_ID")

    def watch(curve: Curve) -> None:
        step, reward = curve[-1]
        report.go_on(result_to_entry(_partial(child, curve, job)))
        _tell(channel.intermediate, {"default": reward, "trial": child.trial, "step": step})

    result = run_trial(
        child.trial, child.architecture, read_task(_find_task(request.task)),
        find_device(request.device), {}, watch=watch, stop=stop.cause,
    )  # fmt: skip
    return {**result_to_entry(result), "job": job}


def _partial(child: Child, curve: Curve, job: str | None) -> TrialResult:
    """Return what stands for a trial that has to end now."""
    nothing = TrialResult.failed(child.trial, child.architecture, _STOPPED, {}, job=job)
    best = max(reward for _, reward in curve)
    return replace(nothing, status="stopped", reward=best, steps=curve[-1][0], curve=curve)


def _find_task(name: str) -> Path:
    """Return the task's file: where the tuner says, or in NNI's copy of the trial's code."""
    return Path(os.environ.get("NNI_CODE_DIR", ".")) / name


def _tell(report: Any, metric: dict[str, Any]) -> None:
    """Report to NNI; where it cannot be reached, the result is in this process's own file."""
    try:
        report(metric)
    except OSError as error:
        print(f"nasdip: NNI's manager cannot be reached ({error}): the result is in {REPORT}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
