"""What a trial says to NNI's manager and hears from it, without importing NNI, which takes a second.

NNI 3.0, its last version, gives each local or remote trial a URL of its own: PUT sends a message, GET waits for one.
Where a service uses another channel, NNI's own functions are called.
"""

import json
import os
import urllib.request
from typing import Any, Protocol
from urllib.error import HTTPError

from nasdip.errors import NasdipError
from nasdip.nas.backends.nni.plain_json import check_plain, refuse_objects

_TIMED_OUT, _GONE = 408, 410
_SECONDS = 60.0


class Channel(Protocol):
    """How a trial gets its parameters and reports; OSError where the manager cannot be reached."""

    def parameters(self) -> Any:
        """Return NNI's parameters; NasdipError where the manager gives none."""
        ...

    def intermediate(self, metric: dict[str, Any]) -> None:
        """Report a point of the trial's curve."""
        ...

    def final(self, metric: dict[str, Any]) -> None:
        """Report the trial's result."""
        ...


def open_channel() -> Channel:
    """Return the channel of the trial that this process is; NasdipError where NNI did not start it."""
    if "NNI_TRIAL_JOB_ID" not in os.environ:
        raise NasdipError("this process evaluates trials of an NNI experiment: launch one with nasdip nnictl create")
    url = os.environ.get("NNI_TRIAL_COMMAND_CHANNEL", "")
    return HttpChannel(url, os.environ["NNI_TRIAL_JOB_ID"]) if url.startswith("http://") else NniChannel()


class HttpChannel:
    """NNI's HTTP channel of one trial job."""

    def __init__(self, url: str, job: str) -> None:
        self._url, self._job = url, job
        self._parameter_id: Any = None
        self._sequence = 0
        # The manager, or a worker's trial keeper, is on this machine: no proxy can help.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def parameters(self) -> Any:
        """Ask, and wait for an answer."""
        self._put({"type": "request_parameter"})
        while True:
            try:
                with self._opener.open(self._url, timeout=_SECONDS) as answer:
                    record = json.loads(json.load(answer)["parameter"])
            except HTTPError as error:
                if error.code == _TIMED_OUT:
                    continue
                reason = "the experiment is being stopped" if error.code == _GONE else f"HTTP status {error.code}"
                raise NasdipError(f"NNI's manager gives no parameters ({reason})") from None
            check_plain(record)
            self._parameter_id = record["parameter_id"]
            return record["parameters"]

    def intermediate(self, metric: dict[str, Any]) -> None:
        """Report a point of the trial's curve."""
        self._metric("PERIODICAL", self._sequence, metric)
        self._sequence += 1

    def final(self, metric: dict[str, Any]) -> None:
        """Report the trial's result."""
        self._metric("FINAL", 0, metric)

    def _metric(self, kind: str, sequence: int, metric: dict[str, Any]) -> None:
        record = {
            "parameter_id": self._parameter_id,
            "trial_job_id": self._job,
            "type": kind,
            "sequence": sequence,
            "value": json.dumps(metric),
        }
        self._put({"type": "metric", "metric": json.dumps(record)})

    def _put(self, message: dict[str, Any]) -> None:
        request = urllib.request.Request(
            self._url, json.dumps(message).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        with self._opener.open(request, timeout=_SECONDS):
            pass


class NniChannel:
    """NNI's own functions."""

    def __init__(self) -> None:
        refuse_objects()
        import nni

        self._nni = nni

    def parameters(self) -> Any:
        """Ask NNI."""
        return self._nni.get_next_parameter()

    def intermediate(self, metric: dict[str, Any]) -> None:
        """Report by NNI."""
        self._nni.report_intermediate_result(metric)

    def final(self, metric: dict[str, Any]) -> None:
        """Report by NNI."""
        self._nni.report_final_result(metric)
