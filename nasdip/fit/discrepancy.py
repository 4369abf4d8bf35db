"""What a fit's residual tells: where it begins to follow the noise, and how large its error is."""

import numpy as np


def overfit_step(loss: np.ndarray, sigma: float, *, window: int = 10) -> int | None:
    """Return the step (from 1) from which the loss stays below the noise's variance; None if it ends above
    it, or begins below it, where the noise level must be wrong.

    An image that differs from the measurement by less than the noise does has noise in it (Morozov's discrepancy
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


def estimated_error(heldout: float, distance: float | None, variance: float) -> float | None:
    """Return the mean squared error of an image, estimated without the clean one; None where the noise hides it.

    On held-out pixels the error against the noisy image is that against the clean one plus the noise's variance, give
    or take chance. The distance from a reference has no chance in it, but the reference errs too. The mean of both
    ranks images best (`experiments/benchmarks/reward.py`).

    Parameters
    ----------
    heldout : float
        Mean squared error against the noisy image on held-out pixels, [0, 1] units squared.
    distance : float or None
        Mean squared distance from the reference; None without one.
    variance : float
        Of the noise.

    Examples
    --------
    >>> round(estimated_error(0.0110, 0.0006, 0.0100), 4), estimated_error(0.0101, None, 0.0100)
    (0.0008, None)
    """
    if distance is not None:
        return max((heldout - variance + distance) / 2, distance / 10)
    # Below a twentieth of the noise the difference of two estimates is chance.
    return heldout - variance if heldout > 1.05 * variance else None
