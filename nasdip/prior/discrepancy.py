"""Where a fit begins to follow the noise."""

import numpy as np


def overfit_step(loss: np.ndarray, sigma: float, *, window: int = 10) -> int | None:
    """Return the step (from 1) from which the loss stays below the noise's variance; None if it ends above
    it, or begins below it, where the noise level must be wrong.

    An image that differs from the observation by less than the noise does has noise in it (Morozov's discrepancy
    principle), so fits are best stopped near this step.

    Parameters
    ----------
    loss : ndarray
        Mean squared error by step, [0, 1] units squared.
    sigma : float
        Noise level in 8-bit units.
    window : int
        Steps that are averaged, as single losses vary.

    Examples
    --------
    >>> overfit_step(np.linspace(0.02, 0.0, 201), sigma=25.5)
    102
    """
    if len(loss) < window:
        return None
    smooth = np.convolve(loss, np.full(window, 1 / window), mode="valid")
    above = np.flatnonzero(~(smooth < (sigma / 255) ** 2))
    if len(above) and above[-1] == len(smooth) - 1:  # it ends above
        return None
    return int(above[-1]) + 2 + window // 2 if len(above) else None
