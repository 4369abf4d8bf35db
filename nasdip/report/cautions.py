"""What a reader of a restoration should be warned of, in words."""

from nasdip.prior.result import Restoration
from nasdip.report.alarm import Alarm
from nasdip.report.noise_model import NoiseModel
from nasdip.report.treatment import ahead_words, overfit_words
from nasdip.report.trust import Trust, is_weak


def cautions(restoration: Restoration, judged: Trust, noise: NoiseModel) -> list[Alarm]:
    """Return what speaks against a restoration, the worst first."""
    ahead, overfit, left = ahead_words(restoration), overfit_words(restoration), _noise_left(judged)
    found = [
        Alarm("bad", "Detail was removed", _DETAIL) if judged.finding == "low" else None,
        Alarm("warn", "Nothing is promised", _CORRELATED) if noise.kind == "correlated" else None,
        Alarm("warn", "The image still holds noise", left) if left else None,
        Alarm("warn", "Detail may have been removed", judged.repeats) if judged.finding == "detail" else None,
        Alarm("warn", "A later step may be better", ahead) if ahead else None,
        Alarm("warn", "The fit may hold noise", overfit) if overfit else None,
        Alarm("warn", "Judged as if the noise were even", _UNEVEN) if not noise.exact else None,
    ]
    return [alarm for alarm in found if alarm is not None]


_DETAIL = (
    "The residual holds structure: what was taken away is not noise alone. Look for edges and shapes in its picture, "
    "and compare them with the restored image."
)
_CORRELATED = (
    "Neighbouring pixels share noise. A network takes such noise for structure, no stopping rule here is known to work "
    "for it, and neither the residual nor an estimate tells how good the image is."
)
_UNEVEN = (
    "The variance of this noise depends on the intensity, by a law that was not found again in the noisy picture: a "
    "residual that is not white may be noise all the same."
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
