"""What a restoration took away: is the residual nothing but noise?"""

from typing import Literal, NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.whiteness import Whiteness, whiteness
from nasdip.measurement.kinds import find_kind
from nasdip.report.numbers.detail_correlation import detail_correlation
from nasdip.report.numbers.noise import ExpectedResidual
from nasdip.report.text.trust import (
    CLEAR_SLOW,
    HOLES_FILLED,
    IMPULSES_REPLACED,
    LEFT,
    MORE,
    coloured_words,
    repeats_detail,
    repeats_words,
    strength_words,
)

Finding = Literal["white", "detail", "strong", "weak", "low", "high", "constant", "kept", "unjudged"]
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
        white: without a trace of the picture, and as strong as the noise; detail: (nearly) white, but it repeats
        detail; strong, weak: white, but stronger or weaker than the noise; low: too much power at low frequencies;
        high: too much at high ones; constant; kept: only impulses were replaced; unjudged: noise that is correlated
        leaves a residual that is not white either.
    tone : {"good", "warn", "bad"}
        How much that matters.
    headline, explanation, repeats, strength : str
        The verdict in words, why, whether detail is repeated, and how the deviation compares with the noise level; the
        last two are empty where they would tell nothing.
    ratio : float or None
        The deviation over the expected one; None without noise to compare with, or where its level is doubtful.
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
    ratio: float | None


class Verdict(NamedTuple):
    """What a residual is found to be; as in `Trust`."""

    finding: Finding
    tone: Tone
    headline: str
    explanation: str


class Signs(NamedTuple):
    """What a verdict is formed of: test, correlation with detail, strength over that of the noise (None without any).

    `refined`: the image is made by patches, which leave more noise in fine detail.
    """

    test: Whiteness | None
    correlation: float
    ratio: float | None
    refined: bool

    @property
    def repeats(self) -> bool:
        """Whether the residual repeats detail of the picture."""
        return repeats_detail(self.correlation, self.ratio, refined=self.refined)


def trust(noisy: np.ndarray, restored: np.ndarray, noise: ExpectedResidual, *, refined: bool = False) -> Trust:
    """Judge the residual of a restoration; `refined`: by patches, which leave more noise in fine detail."""
    residual = noisy.astype(np.float64) - restored.astype(np.float64)
    known = np.ones(noisy.shape[:2], bool) if noise.valid is None else noise.valid
    residual[~known] = 0
    deviation, expected = 255 * float(residual[known].std()), noise.sigma
    if noise.spread is not None:
        expected = 255 * float(np.sqrt(np.mean(noise.spread[known] ** 2)))
    ratio = deviation / expected if expected > 0 and not noise.doubtful else None
    signs = Signs(_test(residual, noise), detail_correlation(residual, restored), ratio, refined)
    return Trust(
        residual,
        float(np.quantile(np.abs(residual), 0.99)) or 1.0,
        deviation,
        expected,
        noise.sigma,
        signs.test,
        signs.correlation,
        *_verdict(signs, noise),
        *_in_words(signs, deviation, expected, noise),
        ratio,
    )


def _in_words(signs: Signs, deviation: float, expected: float, noise: ExpectedResidual) -> tuple[str, str]:
    if not find_kind(noise.kind).is_white:
        return "", ""
    words = repeats_words(signs.correlation, signs.ratio, refined=signs.refined)
    return words, strength_words(deviation, expected, noise.sigma, doubtful=noise.doubtful)


def _test(residual: np.ndarray, noise: ExpectedResidual) -> Whiteness | None:
    try:
        return whiteness(residual if noise.spread is None else residual / noise.spread)
    except NasdipError:  # constant: the images differ by no more than an offset
        return None


def signed_distance(test: Whiteness) -> tuple[float, float]:
    """Return the signed largest distance of the cumulative periodogram from the white line, and its |f|."""
    distance = test.cumulative - np.arange(1, len(test.cumulative) + 1) / len(test.cumulative)
    where = int(np.abs(distance).argmax())
    return float(distance[where]), float(test.frequency[where])


def _verdict(signs: Signs, noise: ExpectedResidual) -> Verdict:
    if signs.test is None and noise.valid is not None:
        kept = HOLES_FILLED if noise.holes else IMPULSES_REPLACED
        return Verdict("kept", "good", kept, "There is no residual beside them that could be judged.")
    if signs.test is None:
        same = "Noisy and restored image are the same."
        return Verdict("constant", "warn", "The residual is constant: nothing was removed.", same)
    if not find_kind(noise.kind).is_white:
        return _unjudged()
    return _white(signs) if signs.test.is_white else _coloured(signs.test, signs)


def _white(signs: Signs) -> Verdict:
    even = "Its power is spread evenly over all frequencies, as far as the test can tell at the 5 % level."
    if signs.repeats:
        detail = "The residual is white, but it repeats detail of the picture: look at it."
        return Verdict("detail", "warn", detail, even)
    if signs.ratio is not None and signs.ratio > MORE:
        strong = (
            "The residual is white, but stronger than the noise: more than that was removed, or the level is wrong."
        )
        return Verdict("strong", "warn", strong, even)
    if signs.ratio is not None and signs.ratio < LEFT:
        return Verdict("weak", "warn", "The residual is white, but weaker than the noise: part of that stayed.", even)
    if signs.ratio is None:
        return Verdict("white", "good", "The residual is white: no trace of the picture was found in it.", even)
    return Verdict("white", "good", "The residual is white: nothing but noise was removed.", even)


def _unjudged() -> Verdict:
    return Verdict(
        "unjudged",
        "warn",
        "The residual cannot be judged: this noise is not white to begin with.",
        "Neighbouring pixels share noise, so that neither a white residual nor another tells whether detail was lost. "
        "Nothing is promised of this restoration: compare it with the noisy image yourself.",
    )


def _coloured(test: Whiteness, signs: Signs) -> Verdict:
    distance, frequency = signed_distance(test)
    headline, explanation = coloured_words(distance, frequency)
    if distance > 0:
        return Verdict("low", "bad", headline, explanation)
    if abs(distance) >= CLEAR_SLOW:
        return Verdict("high", "warn", headline, explanation)
    if signs.refined and signs.repeats:
        detail = "The residual is nearly white, but it repeats detail of the picture: look at it."
        return Verdict("detail", "warn", detail, explanation)
    return _nearly_white(signs, headline, explanation)


def _nearly_white(signs: Signs, headline: str, explanation: str) -> Verdict:
    if signs.ratio is None or LEFT <= signs.ratio <= MORE:
        return Verdict("high", "good", headline, explanation)
    side, what = ("stronger", "more than that was removed") if signs.ratio > MORE else ("weaker", "part of that stayed")
    return Verdict("high", "warn", f"The residual is nearly white, but {side} than the noise: {what}.", explanation)


def is_strong(judged: Trust) -> bool:
    """Whether the residual is so much stronger than the noise that more than noise was removed."""
    return judged.ratio is not None and judged.ratio > MORE and judged.finding not in ("kept", "unjudged")


def is_weak(judged: Trust) -> bool:
    """Whether the residual is so much weaker than the noise that some must be in the image."""
    return judged.ratio is not None and judged.ratio < LEFT and judged.finding not in ("kept", "unjudged")
