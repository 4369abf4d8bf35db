"""What is expected of a restored image without the clean one, in words and as a picture."""

from typing import NamedTuple

import numpy as np

from nasdip.classical.error_estimate import ErrorEstimate
from nasdip.measurement.kinds import find_kind
from nasdip.records.results import Restoration
from nasdip.report.pictures import Picture, scale_picture, values_picture
from nasdip.report.text.words import decibels

_ON_NOISE = "Bright is where detail and noise cannot be told apart: edges and texture, mostly."
_ON_HOLES = (
    "Bright is where missing pixels were filled in texture, or far from known ones. There the picture is the network's "
    "guess, however sharp it looks."
)


class Uncertainty(NamedTuple):
    """The map of the expected error: a picture, its colour scale from 0 to `top`, and `typical`; 8-bit units.

    `meaning` says in words where it is bright.
    """

    picture: Picture
    scale: Picture
    top: float
    typical: float
    meaning: str


def expected_words(expected: ErrorEstimate) -> str:
    """Return the estimated PSNR with its interval.

    Examples
    --------
    >>> expected_words(ErrorEstimate(31.42, 30.9, 31.96, np.zeros((1, 1, 1))))
    '31.42 dB; 90 % interval 30.90 to 31.96 dB'
    """
    return f"{decibels(expected.psnr)}; {interval_words(expected)}"


def interval_words(expected: ErrorEstimate) -> str:
    """Return the interval of the estimated PSNR."""
    return f"90 % interval {expected.low:.2f} to {expected.high:.2f} dB"


def truth_words(restoration: Restoration) -> str | None:
    """Return the PSNR against the clean image, beside the estimated one; None without a clean image."""
    expected, true = restoration.expected, restoration.psnr
    if true is None:
        return None
    if expected is None:
        return decibels(true)
    side = "inside" if expected.low <= true <= expected.high else "below" if true < expected.low else "above"
    return f"{decibels(true)}, {side} the interval ({true - expected.psnr:+.2f} dB from the estimate)"


def missing_words(restoration: Restoration) -> str:
    """Return why nothing is estimated."""
    if not find_kind(restoration.kind).is_white:
        return "none: neighbouring pixels share noise, so nothing can be promised"
    if restoration.contradicted:
        return "none: the picture contradicts the noise level that was given"
    if restoration.mask is not None:
        return "none: no known pixels were held out of the fits, which alone tell of missing ones"
    if restoration.refined and restoration.reference is None:
        return "none: this noise allows no estimate"
    return "none: this run did not estimate it"


def format_psnr_estimate(restoration: Restoration) -> str:
    """Return the estimated PSNR with its interval, or why there is none."""
    expected = restoration.expected
    return missing_words(restoration) if expected is None else expected_words(expected)


def error_map(expected: ErrorEstimate) -> np.ndarray:
    """Return the expected root mean square error of each pixel (H, W) over its channels, 8-bit units."""
    return 255 * np.sqrt(np.mean(expected.deviation.astype(np.float64) ** 2, axis=2))


def map_top(errors: np.ndarray) -> float:
    """Return the end of the colour scale: 99 % of the pixels lie below; 1 where there is no error at all."""
    return float(np.quantile(errors, 0.99)) or 1.0


def uncertainty(expected: ErrorEstimate, *, holes: bool = False) -> Uncertainty:
    """Embed the map of the expected error; `holes`: of a picture whose missing pixels were filled."""
    errors = error_map(expected)
    top, typical = map_top(errors), float(np.median(errors))
    alt = f"Map of the expected error: half of the pixels below {typical:.1f}, 99 % below {top:.1f} (8-bit units)."
    picture = values_picture("uncertainty", errors, 0.0, top, "viridis", alt)
    scale = scale_picture("viridis", f"Colours from 0 to {top:.1f} (8-bit units).")
    return Uncertainty(picture, scale, top, typical, _ON_HOLES if holes else _ON_NOISE)
