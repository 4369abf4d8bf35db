"""Stopping by pixels that the fit does not see."""

from torch import Tensor

from nasdip.errors import NasdipError
from nasdip.fit.stopping.rule import Outputs, StoppingContext, proportional


class HeldOut:
    """Score: the mean squared error of the averaged output on the noisy pixels that were held out of the loss.

    Its expectation is the error against the clean image on those pixels plus the noise's variance, whatever the noise,
    as long as it is independent between pixels. With 5 % of the pixels of a small image its best step is off by chance.
    """

    def __init__(self, context: StoppingContext) -> None:
        if context.data.heldout is None:
            raise NasdipError("the rule heldout needs pixels to be held out: set heldout above 0")
        self._data = context.data

    def score(self, outputs: Outputs) -> Tensor:
        """Return the held-out error."""
        return self._data.heldout_error(outputs.averaged)

    def patience(self, best: int) -> int:
        """Return a third of the steps so far: the curve is rough."""
        return proportional(best, 1 / 3, 100)
