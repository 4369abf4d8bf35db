"""What one trial of a search is asked to do, and what it found."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from nasdip.errors import NasdipError
from nasdip.options.early_stop import Curve
from nasdip.space.architecture import Architecture

# The reward (dB) of a trial that failed: that of a picture which has nothing to do with the true one.
FLOOR_REWARD = 0.0

Status = Literal["ok", "failed", "repeated", "stopped"]


class Suggestion(NamedTuple):
    """An architecture to try: number of the trial (from 1), architecture, the searcher's diagnostics."""

    trial: int
    architecture: Architecture
    diagnostics: dict[str, float]

    def to_json(self) -> list[Any]:
        """Return the suggestion as a JSON array."""
        return [self.trial, str(self.architecture), self.diagnostics]

    @staticmethod
    def from_json(data: Sequence[Any]) -> "Suggestion":
        """Rebuild what `to_json` returned."""
        trial, architecture, diagnostics = data
        return Suggestion(int(trial), Architecture.from_text(architecture), diagnostics)


@dataclass(frozen=True)
class TrialResult:
    """One trial, as it is kept on disk.

    Parameters
    ----------
    trial : int
        Number in the run, from 1.
    architecture : Architecture
        What was fitted.
    status : {"ok", "failed", "repeated", "stopped"}
        Repeated: the architecture had been fitted before, and its result was used again. Stopped: the fit was ended
        early (`error` tells why); it competes for the best architecture no more.
    reward : float
        What the searcher learns from (dB): `clean_psnr` where there is a clean image (and the search uses it), else
        `estimated_psnr` or `heldout_psnr`; `FLOOR_REWARD` for a failed trial, the best of the curve for a stopped one.
    heldout_psnr, clean_psnr : float or None
        PSNR (dB) of the averaged image against the noisy one on held-out pixels, and against the clean one.
    estimated_psnr : float or None
        PSNR (dB) against the unknown clean image, estimated as `FitResult.estimated_psnr`.
    parameters : int or None
        Number of weights of the network at the proxy's width.
    seconds : float
        Wall-clock time of the fit.
    repeat_of : int or None
        The trial whose result is used again.
    error : str or None
        Why the trial failed or was stopped.
    diagnostics : dict of str to float
        Of the searcher when it suggested the architecture (policy_entropy in nats, baseline in dB, ...).
    finished : str
        Time of its end, ISO 8601.
    steps : int or None
        Optimiser steps that were taken.
    curve : tuple of (int, float)
        The reward (dB) that the fit would have had at some of its steps; what early stopping looks at. A point at step
        0 is that of a smaller fit which came first.
    job : str or None
        Id of the service's job (NNI's trial) that evaluated it.
    step_ms : float or None
        Milliseconds of an optimiser step: the median, with whatever else the machine did.
    penalty : float
        What the reward lost (dB) by the cost of a step beyond the search's target; 0 where there is none.
    """

    trial: int
    architecture: Architecture
    status: Status
    reward: float
    heldout_psnr: float | None
    clean_psnr: float | None
    estimated_psnr: float | None
    parameters: int | None
    seconds: float
    repeat_of: int | None
    error: str | None
    diagnostics: dict[str, float]
    finished: str
    steps: int | None = None
    curve: Curve = ()
    job: str | None = None
    step_ms: float | None = None
    penalty: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.reward):
            raise NasdipError(f"the reward of trial {self.trial} is not finite: a failed trial has {FLOOR_REWARD}")

    @staticmethod
    def failed(
        trial: int, architecture: Architecture, error: str, diagnostics: dict[str, float], *, job: str | None = None
    ) -> "TrialResult":
        """Return the result of a trial whose fit came to no end: of a process that brought none."""
        return TrialResult(
            trial=trial,
            architecture=architecture,
            status="failed",
            reward=FLOOR_REWARD,
            heldout_psnr=None,
            clean_psnr=None,
            estimated_psnr=None,
            parameters=None,
            seconds=0.0,
            repeat_of=None,
            error=error,
            diagnostics=diagnostics,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            job=job,
        )

    @property
    def psnr(self) -> float | None:
        """What the trial is worth whatever it costs: the PSNR (dB) that its reward is made of; None without a fit."""
        return None if self.status == "failed" else self.reward + self.penalty

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object, whose keys are this class's arguments."""
        facts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**facts, "architecture": str(self.architecture)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "TrialResult":
        """Rebuild a result from `to_json`; NasdipError for missing or unknown keys."""
        architecture = Architecture.from_text(str(data.get("architecture")))
        try:
            curve = tuple((int(s), float(r)) for s, r in data.get("curve", ()))
            return TrialResult(**{**data, "architecture": architecture, "curve": curve})
        except (TypeError, ValueError) as error:
            raise NasdipError(f"not a trial of this version ({error})") from None
