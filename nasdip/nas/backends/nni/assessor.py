"""Early stopping as NNI assessors: give one of these as the assessor's `className`, beside a nasdip tuner.

Their classArgs are those of `nasdip.options.early_stop.EarlyStop`: first, factor, trials. A stopped trial reports the
best it had, so nothing that was computed is lost.
"""

from typing import Any, ClassVar

from nni.assessor import Assessor, AssessResult

from nasdip.nas.backends.nni import tuner
from nasdip.nas.backends.nni.notes import log
from nasdip.nas.backends.nni.session import read_curve
from nasdip.nas.backends.nni.setup import make_early_stop


class CurveAssessor(Assessor):
    """A rule on the curves of trials' rewards; subclasses name it. The tuner keeps the rule's settings."""

    rule: ClassVar[str]

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        make_early_stop(self.rule, arguments)

    @tuner.ending_on_error
    def assess_trial(self, trial_job_id: str, trial_history: list[Any]) -> AssessResult:
        """Judge a trial by its intermediate results so far."""
        found = read_curve(trial_history)
        if tuner.current is None or found is None:
            return AssessResult.Good
        number, curve = found
        cause = tuner.current.judge(number, curve)
        if cause is None:
            return AssessResult.Good
        log.info("trial %s (job %s): %s", number, trial_job_id, cause)
        return AssessResult.Bad


class SizeAssessor(CurveAssessor):
    """Asynchronous successive halving by the size of the fit: a smaller one comes first."""

    rule = "size"


class HalvingAssessor(CurveAssessor):
    """Asynchronous successive halving by steps."""

    rule = "halving"


class MedianAssessor(CurveAssessor):
    """The median stopping rule."""

    rule = "median"
