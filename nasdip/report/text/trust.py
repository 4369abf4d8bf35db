"""Verdicts on residuals, in words; what counts as much and what as little.

Even a good restoration leaves a residual that a test on many pixels finds not white: slow noise cannot be told from the
picture's own slow changes, and some noise stays where detail is, which makes the residual weaker and lets it correlate
with that detail. Limits are set so that non-local Bayes on photographs raises no alarm at a level of 25 (the tests have
examples), while total variation that takes detail away does.
"""

IMPULSES_REPLACED = "Impulses were replaced; all other pixels are as they were."
HOLES_FILLED = "Missing pixels were filled; all others are as they were."
# A cumulative periodogram this far from the line is plain to see; nearer, only the test sees it.
CLEAR = 0.05
# Slow noise that stayed: good restorations come as far as two thirds of it.
CLEAR_SLOW = 0.10
# Correlations above this show as edges in the residual; noise alone stays below a third of it.
REPEATS = 0.15
# Refinement leaves noise in fine detail, which correlates with it as softened edges do, but makes the residual weaker:
# with a correlation above `REPEATS`, one that is stronger than so many times the noise lacks detail. Chosen on 8 crops
# of 96 px of scikit-image's pictures, level 25, found; fits of 300 steps at width 16, refined: correlations of 0.15 to
# 0.51 at 0.92 to 0.96 times the noise's deviation. Blurred by 1 px beside that: 0.22 to 0.43 at 0.99 to 1.06 times; by
# 0.6 px: 0.20 to 0.41 at 0.97 to 1.00 times. The correlation alone does not tell them apart.
FULL = 0.98
# Residuals whose deviation is so many times that of the noise: more than noise was removed; some was left; much was.
MORE, LESS, LEFT = 1.10, 0.95, 0.85


def coloured_words(distance: float, frequency: float) -> tuple[str, str]:
    """Return headline and explanation for a residual whose cumulative periodogram is that far from white at |f|."""
    where = f"The share of power up to |f| = {frequency:.2f} cycles/px is {abs(100 * distance):.1f} percentage points"
    if distance > 0:
        clear = "clearly" if distance >= CLEAR else "slightly"
        return (
            f"The residual is {clear} not white: it holds structure at low frequencies, so detail was removed.",
            f"{where} above that of white noise. Look for edges and shapes in the residual picture.",
        )
    if -distance < CLEAR_SLOW:
        return (
            "The residual is nearly white: little more than noise was removed, and some slow noise stayed.",
            f"{where} below that of white noise, which good restorations have too: slow noise cannot be told from "
            "slow changes of the picture.",
        )
    return (
        "The residual is clearly not white: it lacks power at low frequencies, where noise stayed in the image.",
        f"{where} below that of white noise. The fit followed the slow part of the noise; more repetitions leave less.",
    )


def repeats_detail(correlation: float, ratio: float | None, *, refined: bool) -> bool:
    """Whether a residual of that correlation with detail, and that strength over the noise's, repeats the picture.

    Refinement by patches leaves noise in fine detail, which correlates too, but makes the residual weaker.

    Examples
    --------
    >>> repeats_detail(0.3, 0.94, refined=False), repeats_detail(0.3, 0.94, refined=True)
    (True, False)
    >>> repeats_detail(0.3, 1.02, refined=True)
    True
    """
    if not refined or ratio is None:
        return correlation > REPEATS
    return correlation > REPEATS and ratio > FULL


def repeats_words(correlation: float, ratio: float | None, *, refined: bool = False) -> str:
    """Return what the correlation of the residual with restored detail means; `ratio` as for `repeats_detail`."""
    number = f"Its correlation with the restored image's fine detail is {correlation:.2f}"
    if correlation <= REPEATS:
        return f"{number}: no trace of the picture."
    if not repeats_detail(correlation, ratio, refined=refined):
        return f"{number}: noise was left in fine detail, as refinement by patches does on photographs."
    if refined and ratio is not None:
        return f"{number}, in a residual as strong as the noise: edges were softened."
    return f"{number}: edges were softened, or a share of the noise was left in."


def strength_words(deviation: float, expected: float, sigma: float, *, doubtful: bool = False) -> str:
    """Return how the residual's deviation compares with the noise, whose level may be doubtful; all in 8-bit units."""
    other = f", which makes {expected:.1f} here" if abs(expected - sigma) > 0.005 * sigma else ""
    numbers = f"The residual's standard deviation is {deviation:.1f}, the noise level {sigma:.1f}{other}"
    if expected <= 0:
        return f"{numbers}: no noise was found to compare with."
    if doubtful:
        return f"{numbers}, which the picture contradicts: they cannot be compared."
    ratio = deviation / expected
    if ratio > MORE:
        return f"{numbers}: more than the noise was removed."
    if ratio < LEFT:
        return f"{numbers}: part of the noise was left in the image."
    if ratio < LESS:
        return f"{numbers}: a little less than the noise was removed, as in good restorations."
    return f"{numbers}: as much was removed as there was noise."
