"""What goes between tuner and trials through NNI, as plain JSON. No NNI here.

NNI gives parameters to whichever trial asks first, so they name our own trial and architecture, and every answer
names them again; nothing else tells what was evaluated.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from nasdip.errors import NasdipError
from nasdip.records.trial_result import Suggestion, TrialResult
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace


class Child(NamedTuple):
    """An architecture to evaluate; `reward` (dB) where an earlier trial had the same one."""

    trial: int
    architecture: Architecture
    reward: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the child as a JSON object."""
        known = {} if self.reward is None else {"reward": self.reward}
        return {"trial": self.trial, "architecture": str(self.architecture), **known}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Child":
        """Rebuild what `to_json` returned."""
        return Child(int(data["trial"]), Architecture.from_text(str(data["architecture"])), data.get("reward"))


class TrialRequest(NamedTuple):
    """What one of NNI's trials is asked to do: the children, the file of the task, and the device."""

    children: list[Child]
    task: str
    device: str


def request_to_parameters(request: TrialRequest, space: SearchSpace) -> dict[str, Any]:
    """Return NNI's parameters; with one child, its decisions are there for the portal."""
    children = [child.to_json() for child in request.children]
    shared = {"task": request.task, "device": request.device}
    if len(children) > 1:
        return {"mutation_summary": {}, "children": children, **shared}
    architecture, decisions = request.children[0].architecture, {}
    if space.holds(architecture):  # a candidate may lie elsewhere
        codes = space.encode(architecture)
        decisions = {d.name: d.options[i] for d, i in zip(space.decisions, codes, strict=True)}
    # The portal shows what stands under this name, if there is one, and nothing else.
    return {"mutation_summary": decisions, **children[0], **shared}


def parameters_to_request(parameters: Any) -> TrialRequest:
    """Read what `request_to_parameters` returned; NasdipError where it is something else."""
    try:
        children = [Child.from_json(child) for child in parameters.get("children", [parameters])]
        return TrialRequest(children, str(parameters["task"]), str(parameters["device"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NasdipError(
            f"these are not a nasdip tuner's parameters ({type(error).__name__}): use those of nasdip.nas.backends.nni"
        ) from None


def trials_in(parameters: Mapping[str, Any]) -> set[int]:
    """Return the numbers of the trials that parameters ask for; none where they are not ours."""
    try:
        return {child.trial for child in parameters_to_request(parameters).children}
    except NasdipError:
        return set()


def result_to_entry(result: TrialResult) -> dict[str, Any]:
    """Return a result as plain JSON; the tuner knows the searcher's diagnostics."""
    return {key: value for key, value in result.to_json().items() if key != "diagnostics"}


def entry_to_result(entry: Mapping[str, Any], suggestion: Suggestion) -> TrialResult:
    """Read what `result_to_entry` returned; NasdipError where it is malformed or of another architecture."""
    if entry.get("architecture") != str(suggestion.architecture):
        raise NasdipError(f"trial {suggestion.trial} reports another architecture than it was given: left out")
    return TrialResult.from_json({**entry, "diagnostics": suggestion.diagnostics})


def entries_to_metric(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the final result for NNI: the best child's; its `default` is the reward.

    Every key is an axis of the portal's chart, so there are few. Whole entries went before, as intermediate results.
    """
    best = max(entries, key=lambda entry: float(entry["reward"]))
    names = (
        "trial", "architecture", "heldout_psnr", "clean_psnr", "estimated_psnr", "parameters",
        "seconds", "steps", "step_ms",
    )  # fmt: skip
    return {"default": float(best["reward"]), **{n: best[n] for n in names if best.get(n) is not None}}


def entry_to_metric(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the intermediate result by which a trial tells NNI all of a child's result."""
    return {"default": float(entry["reward"]), **entry}


def metric_to_entry(value: Any) -> dict[str, Any] | None:
    """Return the result that a metric holds; None where it is a point of a curve, a final result, or not ours."""
    if not isinstance(value, Mapping) or "status" not in value or not isinstance(value.get("trial"), int):
        return None
    return {key: item for key, item in value.items() if key != "default"}
