"""What was done about the noise: where fits were stopped, and what was made of them, in words."""

from nasdip.fit.discrepancy import overfit_step
from nasdip.measurement.kinds import find_kind
from nasdip.options.quality import QUALITIES, Quality
from nasdip.options.stopping_rules import FIXED, STOPPING_RULES
from nasdip.records.results import FitResult, Restoration
from nasdip.report.text.words import counted

# What sets the steps of a restoration, and of the last fit of a search.
STEPS_OPTION, SEARCH_STEPS_OPTION = "--steps", "a new search with --final-steps"
# A fit that follows the noise from so early on has steps to spare.
_EARLY = 0.9
_WORSE = 0.1  # dB


def score_axis(rule: str) -> str:
    """Return what the axis of a rule's score is called.

    Examples
    --------
    >>> score_axis("sure"), score_axis("mine")
    ('SURE', 'score')
    """
    return STOPPING_RULES[rule].axis if rule in STOPPING_RULES else "score"


def chosen_step(result: FitResult) -> str:
    """Return the step whose image a repetition kept, or the range of those of its tiles."""
    steps = sorted({tile.image_step for tile in result.tiles}) or [result.image_step]
    return str(steps[0]) if len(steps) == 1 else f"{steps[0]}–{steps[-1]}"


def stopping_words(restoration: Restoration) -> str:
    """Return by which rule the fits were stopped, and at which steps."""
    rule, fits = restoration.config.stop, restoration.repetitions
    if rule == FIXED:
        return (
            f"By no rule: {counted(restoration.config.steps, 'step')} were planned, and the last good image was kept."
        )
    meaning = f" (smallest {STOPPING_RULES[rule].score})" if rule in STOPPING_RULES else ""
    kept = ", ".join(f"{chosen_step(fit)} of {len(fit.curves.step)}" for fit in fits)
    tiles = " for their tiles" if any(fit.tiles for fit in fits) else ""
    return (
        f"By the rule {rule}{meaning}. It kept the image of step {kept}{tiles}; at most "
        f"{counted(restoration.config.steps, 'step')} were allowed."
    )


def step_limit_words(restoration: Restoration, steps_option: str = STEPS_OPTION) -> str | None:
    """Return a warning where the steps ended while the rule still found better ones; `steps_option` sets them."""
    if restoration.kept != "result":
        return None
    late = [
        str(number)
        for number, fit in enumerate(restoration.repetitions, start=1)
        if fit.hit_step_limit and not _got_worse(fit)
    ]
    if not late:
        return None
    which = "" if len(restoration.repetitions) == 1 else f" of repetition {', '.join(late)}"
    return (
        f"The fit{which} ended at its last step while the rule still found better ones: allow more steps, "
        f"as with {steps_option} {2 * restoration.config.steps}."
    )


def _got_worse(fit: FitResult) -> bool:
    """Whether a clean image shows that a fit had its best step well before its end, whatever the rule found."""
    return (
        fit.oracle_psnr is not None
        and fit.psnr_averaged is not None
        and fit.oracle_psnr > fit.psnr_averaged + _WORSE
        and fit.oracle_step is not None
        and fit.oracle_step < _EARLY * len(fit.curves.step)
    )


def overfit_words(restoration: Restoration) -> str | None:
    """Return a warning where a fit without a rule went on after it had begun to follow the noise.

    None where neighbouring pixels share noise: its variance says nothing of where that begins.
    """
    if restoration.config.stop != FIXED or not find_kind(restoration.kind).is_white:
        return None
    step = overfit_step(restoration.repetitions[0].curves.loss, restoration.sigma)
    if step is None or step >= _EARLY * restoration.config.steps:
        return None
    return (
        f"The loss stayed below the variance of the noise from step {step} on: from there the network learned noise. "
        "A stopping rule (nasdip restore --stop auto) keeps an earlier image."
    )


def kept_words(restoration: Restoration) -> str | None:
    """Return which image was taken in place of the one that was made, and why; None where that one was taken.

    Examples
    --------
    >>> from unittest.mock import Mock
    >>> kept_words(Mock(kept="input", gained=1.234))
    'The picture is given back as it came: what was made of it is expected to be 1.2 dB worse.'
    """
    if restoration.kept == "result":
        return None
    what = {
        "estimate": "The image is the estimate without a network (non-local Bayes) alone",
        "input": "The picture is given back as it came",
    }[restoration.kept]
    made = "the mixture with the fits" if restoration.kept == "estimate" else "what was made of it"
    return f"{what}: {made} is expected to be {restoration.gained:.1f} dB worse."


def refinement_words(restoration: Restoration) -> str:
    """Return how the image was made of the fits."""
    if restoration.kept != "result":
        return kept_words(restoration) or ""
    fits = counted(len(restoration.repetitions), "fit")
    mean = f"the mean of {fits}" if len(restoration.repetitions) > 1 else "the one fit"
    if restoration.refined and restoration.reference is not None:
        return (
            f"Refined: {mean} and a non-local Bayes estimate, made without a network, were averaged, of which the "
            "estimate counts for two thirds."
        )
    if restoration.mask is not None:
        return _filling_words(restoration, mean)
    if restoration.refined and restoration.kind == "impulse":
        return f"Impulses were filled from {mean}; all other pixels are those of the noisy image."
    used = " Non-local Bayes served the stopping rule alone." if restoration.reference is not None else ""
    why = ": this noise allows no estimate to mix with" if restoration.refined else ""
    return f"Not refined{why}. The image is {mean}.{used}"


def _filling_words(restoration: Restoration, mean: str) -> str:
    share = f"{100 * restoration.missing:.{1 if restoration.missing < 0.1 else 0}f} %"
    if restoration.keeps_known:
        return f"The missing pixels ({share}) were filled from {mean}; all others are those of the picture."
    return (
        f"The image is {mean}: the missing pixels ({share}) were filled, and the others denoised, since they hold more "
        "noise than the fit errs."
    )


def quality_words(restoration: Restoration) -> str:
    """Return the preset that the number of fits and the refinement are, if any, and these."""
    made = Quality(len(restoration.repetitions), restoration.refined)
    name = next((f"{name}: " for name, quality in QUALITIES.items() if quality == made), "")
    return f"{name}{counted(made.repeats, 'fit')}, {'refined' if made.refine else 'not refined'}"
