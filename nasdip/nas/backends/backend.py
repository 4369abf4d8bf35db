"""The seam between a search and whoever evaluates its trials."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from nasdip.options.early_stop import Curve
from nasdip.records.trial_result import Suggestion, TrialResult


class TrialJob(NamedTuple):
    """A trial to evaluate, and the curves (by trial) that early stopping compares its own with."""

    suggestion: Suggestion
    others: Mapping[int, Curve]

    def to_json(self) -> dict[str, Any]:
        """Return the job as a JSON object."""
        others = {str(number): curve for number, curve in self.others.items()}
        return {"suggestion": self.suggestion.to_json(), "others": others}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "TrialJob":
        """Rebuild what `to_json` returned."""
        others = {int(number): tuple((int(s), float(r)) for s, r in curve) for number, curve in data["others"].items()}
        return TrialJob(Suggestion.from_json(data["suggestion"]), others)


class TrialBackend(Protocol):
    """Whatever evaluates trials: this process, others beside it, a service, a table."""

    @property
    def is_free(self) -> bool:
        """Whether it can begin another trial now."""
        ...

    def submit(self, job: TrialJob) -> None:
        """Begin a trial; only where it `is_free`."""
        ...

    def wait(self) -> TrialResult:
        """Return the result of a trial that has ended; only after `submit`."""
        ...
