"""Stopping where the fit is nearest to another estimate of the clean image."""

from torch import Tensor

from nasdip.errors import NasdipError
from nasdip.fit.stopping.rule import Outputs, StoppingContext, proportional
from nasdip.fit.tensors import real


class Reference:
    r"""Score: the mean squared distance of the averaged output from a reference, made without a network.

    With x the clean image and r the reference,
    :math:`|\hat x - r|^2 = |\hat x - x|^2 - 2 (\hat x - x)(r - x) + |r - x|^2`. The last term is the same at all steps,
    and the middle one small as long as both errors differ in kind: a fit first lacks detail, then holds noise, and
    non-local Bayes does neither in the same places. All pixels are fitted, and the score has next to no noise.
    """

    def __init__(self, context: StoppingContext) -> None:
        if context.reference is None:
            raise NasdipError("the rule reference needs a reference image: it is made of noise that is white")
        self._reference, self._padding = real(context.reference, context.padding), context.padding

    def score(self, outputs: Outputs) -> Tensor:
        """Return the distance."""
        return (real(outputs.averaged, self._padding) - self._reference).square().mean()

    def patience(self, best: int) -> int:
        """Return a fifth of the steps so far."""
        return proportional(best, 0.2, 50)
