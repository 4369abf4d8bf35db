"""What a restoration took away: is the residual nothing but noise?"""

from typing import Literal, NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.whiteness import Whiteness, whiteness
from nasdip.report.detail_correlation import detail_correlation
from nasdip.report.noise_model import NoiseModel
from nasdip.report.trust_words import CLEAR_SLOW, LEFT, REPEATS, coloured_words, repeats_words, strength_words

Finding = Literal["white", "detail", "low", "high", "constant", "kept", "unjudged"]
Tone = Literal["good", "warn", "bad"]


class Trust(NamedTuple):
    """The residual, noisy minus restored, and what it tells.

    Attributes
    ----------
    residual : ndarray
        (H, W, C); 0 at impulses, which tell nothing.
    scale : float
        99th percentile of its absolute values, for display; image units.
    deviation, expected, sigma : float
        Its standard deviation, that which a perfect restoration leaves (less than the level where values were clipped),
        and the noise level; 8-bit units.
    whiteness : Whiteness or None
        Of the residual, divided at each pixel by the noise's standard deviation there where that is not the same
        everywhere. None for a constant residual, which has no spectrum.
    correlation : float
        With the fine detail of the restored image, see `detail_correlation`.
    finding : str
        white: without a trace of the picture; detail: white, but it repeats detail; low: too much power at low
        frequencies; high: too much at high ones; constant; kept: only impulses were replaced; unjudged: noise that is
        correlated leaves a residual that is not white either.
    tone : {"good", "warn", "bad"}
        How much that matters.
    headline, explanation, repeats, strength : str
        The verdict in words, why, whether detail is repeated, and how the deviation compares with the noise level; the
        last two are empty where they would tell nothing.
    """

    residual: np.ndarray
    scale: float
    deviation: float
    expected: float
    sigma: float
    whiteness: Whiteness | None
    correlation: float
    finding: Finding
    tone: Tone
    headline: str
    explanation: str
    repeats: str
    strength: str

    @property
    def ratio(self) -> float | None:
        """The deviation over the expected one; None without noise to compare with."""
        return self.deviation / self.expected if self.expected > 0 else None


class Verdict(NamedTuple):
    """What a residual is found to be; as in `Trust`."""

    finding: Finding
    tone: Tone
    headline: str
    explanation: str


def trust(noisy: np.ndarray, restored: np.ndarray, noise: NoiseModel, *, refined: bool = False) -> Trust:
    """Judge the residual of a restoration; `refined`: by patches, which leave more noise in fine detail."""
    residual = noisy.astype(np.float64) - restored.astype(np.float64)
    known = np.ones(noisy.shape[:2], bool) if noise.known is None else noise.known
    residual[~known] = 0
    deviation, expected = 255 * float(residual[known].std()), noise.sigma
    if noise.spread is not None:
        expected = 255 * float(np.sqrt(np.mean(noise.spread[known] ** 2)))
    test = _test(residual, noise)
    correlation = detail_correlation(residual, restored)
    return Trust(
        residual,
        float(np.quantile(np.abs(residual), 0.99)) or 1.0,
        deviation,
        expected,
        noise.sigma,
        test,
        correlation,
        *_verdict(test, correlation, noise, refined=refined),
        *_in_words(correlation, deviation, expected, noise, refined=refined),
    )


def _in_words(
    correlation: float, deviation: float, expected: float, noise: NoiseModel, *, refined: bool
) -> tuple[str, str]:
    if noise.kind == "correlated":
        return "", ""
    return repeats_words(correlation, refined=refined), strength_words(deviation, expected, noise.sigma)


def _test(residual: np.ndarray, noise: NoiseModel) -> Whiteness | None:
    try:
        return whiteness(residual if noise.spread is None else residual / noise.spread)
    except NasdipError:  # constant: the images differ by no more than an offset
        return None


def signed_distance(test: Whiteness) -> tuple[float, float]:
    """Return the signed largest distance of the cumulative periodogram from the white line, and its |f|."""
    distance = test.cumulative - np.arange(1, len(test.cumulative) + 1) / len(test.cumulative)
    where = int(np.abs(distance).argmax())
    return float(distance[where]), float(test.frequency[where])


def _verdict(test: Whiteness | None, correlation: float, noise: NoiseModel, *, refined: bool) -> Verdict:
    if test is None and noise.known is not None:
        kept = "Impulses were replaced; all other pixels are as they were."
        return Verdict("kept", "good", kept, "There is no residual beside them that could be judged.")
    if test is None:
        same = "Noisy and restored image are the same."
        return Verdict("constant", "warn", "The residual is constant: nothing was removed.", same)
    if noise.kind == "correlated":
        return _unjudged()
    if not test.is_white:
        return _coloured(test)
    even = "Its power is spread evenly over all frequencies, as far as the test can tell at the 5 % level."
    if correlation > REPEATS and not refined:
        detail = "The residual is white, but it repeats detail of the picture: look at it."
        return Verdict("detail", "warn", detail, even)
    return Verdict("white", "good", "The residual is white: nothing but noise was removed.", even)


def _unjudged() -> Verdict:
    return Verdict(
        "unjudged",
        "warn",
        "The residual cannot be judged: this noise is not white to begin with.",
        "Neighbouring pixels share noise, so that neither a white residual nor another tells whether detail was lost. "
        "Nothing is promised of this restoration: compare it with the noisy image yourself.",
    )


def _coloured(test: Whiteness) -> Verdict:
    distance, frequency = signed_distance(test)
    headline, explanation = coloured_words(distance, frequency)
    if distance > 0:
        return Verdict("low", "bad", headline, explanation)
    return Verdict("high", "warn" if abs(distance) >= CLEAR_SLOW else "good", headline, explanation)


def is_weak(judged: Trust) -> bool:
    """Whether the residual is so much weaker than the noise that some must be in the image."""
    return judged.ratio is not None and judged.ratio < LEFT and judged.finding not in ("kept", "unjudged")
