"""Which image a person gets: what was made, the estimate without a network, or the picture as it came."""

from typing import Literal, NamedTuple

import numpy as np

from nasdip.classical.error_estimate import ErrorEstimate, ErrorJudge
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.measurement.measurement import Measurement
from nasdip.restoration.combination import Combination, meant

Kept = Literal["result", "estimate", "input"]
# dB by which another image has to be expected better to be taken in place of the result.
_BETTER = 0.05


class Choice(NamedTuple):
    """The image that is kept, (H, W, C), what it is, and what is expected of it.

    `gained` is by how many dB it is expected to be better than the result that it replaces; 0 for the result.
    """

    image: np.ndarray
    kept: Kept
    expected: ErrorEstimate
    gained: float = 0.0


def choose(
    measurement: Measurement, made: Combination, reference: BayesEstimate, judge: ErrorJudge, *, refined: bool
) -> Choice:
    """Return the image of which the least error is expected: that made, the reference, or the measurement.

    A picture must not come back worse than it was, nor worse than without a network: a fit may have ended before it
    began, or hold less of the picture than its noise took away.
    """
    result = Choice(made.image, "result", judge.estimate(made.seen, refined=refined))
    without = meant(measurement, reference.image).astype(np.float32)
    others = (
        Choice(without, "estimate", judge.estimate(reference.image.astype(np.float64), refined=True)),
        Choice(measurement.pixels, "input", judge.of_input()),
    )
    best = max(others, key=lambda choice: choice.expected.psnr)
    gained = best.expected.psnr - result.expected.psnr
    return best._replace(gained=gained) if gained > _BETTER else result
