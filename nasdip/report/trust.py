"""What a restoration took away: is the residual nothing but noise?"""

from typing import Literal, NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.whiteness import Whiteness, whiteness
from nasdip.report.detail_correlation import detail_correlation

# A cumulative periodogram this far from the line is plain to see; nearer, only the test sees it.
_CLEAR = 0.05
# Correlations above this show as edges in the residual; noise alone stays below a third of it.
_REPEATS = 0.15
# Residuals this much stronger or weaker than the noise are worth a word.
_STRENGTH = 0.10

Finding = Literal["white", "detail", "low", "high", "constant"]


class Trust(NamedTuple):
    """The residual, noisy minus restored, and what it tells.

    Attributes
    ----------
    residual : ndarray
        (H, W, C).
    scale : float
        99th percentile of its absolute values, for display; image units.
    deviation, sigma : float
        Its standard deviation, and the estimated noise level of the noisy image; 8-bit units.
    whiteness : Whiteness or None
        None for a constant residual, which has no spectrum.
    correlation : float
        With the fine detail of the restored image, see `detail_correlation`.
    finding : {"white", "detail", "low", "high", "constant"}
        White and without a trace of the picture; white, but it repeats detail; too much power at low frequencies; too
        much at high ones; constant.
    headline, explanation, repeats, strength : str
        The verdict in words, why, whether detail is repeated, and how the deviation compares with the noise level.
    """

    residual: np.ndarray
    scale: float
    deviation: float
    sigma: float
    whiteness: Whiteness | None
    correlation: float
    finding: Finding
    headline: str
    explanation: str
    repeats: str
    strength: str


def trust(noisy: np.ndarray, restored: np.ndarray, sigma: float) -> Trust:
    """Judge the residual of a restoration; `sigma` is the estimated noise level in 8-bit units."""
    residual = noisy.astype(np.float64) - restored.astype(np.float64)
    deviation = 255 * float(residual.std())
    try:
        test = whiteness(residual)
    except NasdipError:  # constant: the images differ by no more than an offset
        test = None
    correlation = detail_correlation(residual, restored)
    finding, headline, explanation = _verdict(test, correlation)
    return Trust(
        residual=residual,
        scale=float(np.quantile(np.abs(residual), 0.99)) or 1.0,
        deviation=deviation,
        sigma=sigma,
        whiteness=test,
        correlation=correlation,
        finding=finding,
        headline=headline,
        explanation=explanation,
        repeats=_repeats(correlation),
        strength=_strength(deviation, sigma),
    )


def signed_distance(test: Whiteness) -> tuple[float, float]:
    """Return the signed largest distance of the cumulative periodogram from the white line, and its |f|."""
    distance = test.cumulative - np.arange(1, len(test.cumulative) + 1) / len(test.cumulative)
    where = int(np.abs(distance).argmax())
    return float(distance[where]), float(test.frequency[where])


def _verdict(test: Whiteness | None, correlation: float) -> tuple[Finding, str, str]:
    if test is None:
        return "constant", "The residual is constant: nothing was removed.", "Noisy and restored image are the same."
    if test.is_white:
        even = "Its power is spread evenly over all frequencies, as far as the test can tell at the 5 % level."
        if correlation > _REPEATS:
            return "detail", "The residual is white, but it repeats detail of the picture: look at it.", even
        return "white", "The residual is white: nothing but noise was removed.", even
    return _coloured(test)


def _coloured(test: Whiteness) -> tuple[Finding, str, str]:
    distance, frequency = signed_distance(test)
    clear = "clearly" if abs(distance) >= _CLEAR else "slightly"
    where = f"The share of power up to |f| = {frequency:.2f} cycles/px is {abs(100 * distance):.1f} percentage points"
    if distance > 0:
        return (
            "low",
            f"The residual is {clear} not white: it holds structure at low frequencies, so detail was removed.",
            f"{where} above that of white noise. Look for edges and shapes in the residual picture.",
        )
    return (
        "high",
        f"The residual is {clear} not white: it lacks power at low frequencies, where noise stayed in the image.",
        f"{where} below that of white noise. The fit followed the slow part of the noise; stopping earlier, or more "
        "repetitions, leave less of it.",
    )


def _repeats(correlation: float) -> str:
    number = f"Its correlation with the restored image's fine detail is {correlation:.2f}"
    if correlation > _REPEATS:
        return f"{number}: edges were softened, or a share of the noise was left in."
    return f"{number}: no trace of the picture."


def _strength(deviation: float, sigma: float) -> str:
    numbers = f"The residual's standard deviation is {deviation:.1f}, the estimated noise level {sigma:.1f}"
    if sigma <= 0:
        return f"{numbers}: no noise was found to compare with."
    ratio = deviation / sigma
    if ratio > 1 + _STRENGTH:
        return f"{numbers}: more than the noise was removed."
    if ratio < 1 - _STRENGTH:
        return f"{numbers}: part of the noise was left in the image."
    return f"{numbers}: as much was removed as there was noise."
