"""What a reader of a restoration should be warned of, in words."""

from pathlib import Path

from nasdip.measurement.kinds import find_kind
from nasdip.records.results import Restoration
from nasdip.report.numbers.noise import ExpectedResidual, contradiction, expected_residual
from nasdip.report.numbers.trust import Trust, is_strong, is_weak, trust
from nasdip.report.text.alarm import Alarm
from nasdip.report.text.treatment import STEPS_OPTION, kept_words, overfit_words, step_limit_words

_LOSSY = (".jpg", ".jpeg")


def judge(restoration: Restoration) -> tuple[Trust, ExpectedResidual]:
    """Judge the residual of a restoration, with the noise that it was made for."""
    noise = expected_residual(restoration)
    refined = restoration.refined and restoration.reference is not None
    seen = restoration.image if noise.seen is None else noise.seen
    return trust(restoration.noisy, seen, noise, refined=refined), noise


def cautions(
    restoration: Restoration,
    judged: Trust,
    noise: ExpectedResidual,
    *,
    image: str | None = None,
    steps_option: str = STEPS_OPTION,
) -> list[Alarm]:
    """Return what speaks against a restoration, the worst first.

    `image` is the path of the picture, where it is known; `steps_option` is what sets the number of steps.
    """
    ahead, overfit, left = step_limit_words(restoration, steps_option), overfit_words(restoration), _noise_left(judged)
    kept = kept_words(restoration)
    # One thing to do, not two that contradict each other. Noise that was left makes residual and image alike, too.
    both, repeated = judged.finding == "low" and left is not None, judged.finding == "detail" and left is None
    wrong, lossy = contradiction(restoration), lossy_words(image, given=restoration.contradicted)
    found = [
        Alarm("bad", "The noise level may be wrong", f"{wrong} {_WRONG}") if wrong else None,
        Alarm("warn", "Not the image that was made", kept) if kept else None,
        Alarm("bad", "Detail went, and noise stayed", _BOTH) if both else None,
        Alarm("bad", "Detail was removed", _DETAIL) if judged.finding == "low" and not both else None,
        Alarm("warn", "More than the noise was removed", _strong(judged)) if is_strong(judged) else None,
        Alarm("warn", "Nothing is promised", _CORRELATED) if not find_kind(noise.kind).is_white else None,
        Alarm("warn", "The image still holds noise", left) if left and not both else None,
        Alarm("warn", "Detail may have been removed", judged.repeats) if repeated else None,
        Alarm("warn", "A later step may be better", ahead) if ahead else None,
        Alarm("warn", "The fit may hold noise", overfit) if overfit else None,
        Alarm("warn", "Judged as if the noise were even", _UNEVEN) if not noise.exact else None,
        Alarm("warn", "A lossy file", lossy) if lossy else None,
    ]
    return [alarm for alarm in found if alarm is not None]


def lossy_words(image: str | Path | None, *, given: bool = False) -> str | None:
    """Return what a file that keeps not all of the noise is to be warned of; `given`: the level was.

    Examples
    --------
    >>> lossy_words("photo.jpg", given=True)
    'A lossy file: compression changes the noise.'
    >>> lossy_words("photo.png")
    """
    if image is None or Path(image).suffix.lower() not in _LOSSY:
        return None
    if given:
        return "A lossy file: compression changes the noise."
    return (
        "A lossy file: compression changes the noise, and its level may be far off. Give it where it is known, with "
        "nasdip restore --sigma."
    )


_WRONG = (
    "Fit, stop and refinement rest on the given level, and so would an estimate of the PSNR: none is made. Leave "
    "--sigma out, unless the level is known."
)
_DETAIL = (
    "The residual holds structure: what was taken away is not noise alone. Look for edges and shapes in its picture, "
    "and compare them with the restored image."
)
_BOTH = (
    "The residual shows something of the picture, and is weaker than the noise: detail was taken in some places, and "
    "noise left in others. More steps or another level would mend one and worsen the other; --quality best does mend "
    "some of both. Look for shapes in the residual's picture before you build on a detail."
)
_CORRELATED = (
    "Neighbouring pixels share noise. A network takes such noise for structure, no stopping rule here is known to work "
    "for it, and neither the residual nor an estimate tells how good the image is."
)
_UNEVEN = (
    "The variance of this noise depends on the intensity, by a law that was not found again in the noisy picture: a "
    "residual that is not white may be noise all the same."
)


def _strong(judged: Trust) -> str:
    assert judged.ratio is not None
    return (
        f"The residual is stronger than the noise by {100 * (judged.ratio - 1):.0f} %: either detail went with it, or "
        "the noise is stronger than that level."
    )


def _noise_left(judged: Trust) -> str | None:
    if judged.finding == "constant":
        return "Noisy and restored image are the same." if judged.sigma > 0 else None
    if is_weak(judged) and judged.ratio is not None:
        return (
            f"The residual is weaker than the noise by {100 * (1 - judged.ratio):.0f} %: the rest is in the image, "
            "mostly where there is fine detail."
        )
    if judged.finding == "high" and judged.tone == "warn":
        return (
            "The residual lacks the slow part of the noise, which the fit followed; more repetitions leave less of it."
        )
    return None
