"""The moving reward baseline of REINFORCE, robust to the floor rewards of failed trials."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# A normal distribution's standard deviation over its median, and over its mean, absolute deviation.
_PER_MEDIAN_DEVIATION = 1.4826
_PER_MEAN_DEVIATION = 1.2533


class MovingBaseline(NamedTuple):
    """Running level b and scale s of the rewards, both in the reward's unit.

    With residuals e = clip(r - b, -c s, c s) of a batch and decay d:
    b <- b + (1 - d) mean(e) and s <- d s + (1 - d) 1.2533 mean(abs(e)).
    The advantage is clip((r - b) / s, -c, c), so the unit and the offset of the reward do not matter, and a few
    trials that failed with a floor of 0 dB weigh no more than c standard deviations each. A first batch starts
    b at its median and s at its median absolute deviation.
    """

    level: float
    scale: float

    @staticmethod
    def start(rewards: Sequence[float]) -> "MovingBaseline":
        """Return the baseline of a first batch."""
        level = float(np.median(rewards))
        deviations = np.abs(np.asarray(rewards) - level)
        scale = _PER_MEDIAN_DEVIATION * float(np.median(deviations))
        return MovingBaseline(level, scale or _PER_MEAN_DEVIATION * float(deviations.mean()))

    def follow(self, rewards: Sequence[float], decay: float, clip: float) -> "MovingBaseline":
        """Return the baseline after a further batch; `decay` in [0, 1), larger = slower and smoother."""
        residuals = np.asarray(rewards) - self.level
        if self.scale > 0:
            residuals = residuals.clip(-clip * self.scale, clip * self.scale)
        deviation = _PER_MEAN_DEVIATION * float(np.abs(residuals).mean())
        return MovingBaseline(
            self.level + (1 - decay) * float(residuals.mean()), decay * self.scale + (1 - decay) * deviation
        )

    def advantages(self, rewards: Sequence[float], clip: float) -> np.ndarray:
        """Return the normalised, clipped advantages, without unit; zeros where all rewards so far were equal.

        Examples
        --------
        >>> MovingBaseline(28.0, 0.5).advantages([28.5, 27.0, 0.0], clip=3.0).tolist()
        [1.0, -2.0, -3.0]
        """
        residuals = np.asarray(rewards, dtype=np.float64) - self.level
        return (residuals / self.scale).clip(-clip, clip) if self.scale > 0 else np.zeros_like(residuals)
