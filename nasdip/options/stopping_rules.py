"""The stopping rules by name: what people are told of them, and where they are.

To add one: a file in `nasdip/fit/stopping/` with a class like those there (`rule.StopRule`), and its line here.
"""

from typing import NamedTuple

from nasdip.errors import NasdipError

AUTO, FIXED = "auto", "fixed"  # what suits the noise; no rule: all steps are taken, and the last one's image is kept


class StoppingRule(NamedTuple):
    """A stopping rule.

    Attributes
    ----------
    name : str
        What options call it.
    place : str
        Module and class.
    score, axis : str
        What its score is: for a sentence, and for an axis.
    hint : str
        What help adds to its name; empty for nothing.
    perturbed_fit : bool
        Whether it needs a second fit beside the first, so that steps cost twice as much.
    least_steps : int
        Before so many it cannot end a fit.
    """

    name: str
    place: str
    score: str
    axis: str
    hint: str = ""
    perturbed_fit: bool = False
    least_steps: int = 0


STOPPING_RULES = {
    rule.name: rule
    for rule in (
        StoppingRule(
            "reference",
            "nasdip.fit.stopping.reference:Reference",
            "mean squared distance of the averaged output from the reference (non-local Bayes)",
            "distance from the reference",
        ),
        StoppingRule(
            "heldout",
            "nasdip.fit.stopping.heldout:HeldOut",
            "mean squared error of the averaged output on held-out pixels",
            "held-out error",
        ),
        StoppingRule(
            "sure",
            "nasdip.fit.stopping.sure:Sure",
            "Stein's unbiased estimate of the error (SURE), but for a constant",
            "SURE",
            hint="fits twice",
            perturbed_fit=True,
        ),
        StoppingRule(
            "whiteness",
            "nasdip.fit.stopping.residual:ResidualWhiteness",
            "distance of the residual's cumulative periodogram from that of white noise",
            "distance from white",
        ),
        StoppingRule(
            "es-wmv",
            "nasdip.fit.stopping.moving_variance:MovingVariance",
            "variance of the outputs over the last 100 steps (ES-WMV)",
            "variance of the outputs",
            hint="needs 1100 steps and more",
            least_steps=1100,  # its window of 100, and its patience of 1000
        ),
    )
}


def rule_names() -> tuple[str, ...]:
    """Return all that the option stop may be."""
    return (AUTO, *STOPPING_RULES, FIXED)


def rules_in_help() -> str:
    """Return the rules for a line of help."""
    return ", ".join(f"{rule.name} ({rule.hint})" if rule.hint else rule.name for rule in STOPPING_RULES.values())


def find_rule(name: str) -> StoppingRule:
    """Return the rule of that name; NasdipError names the known ones."""
    if name not in STOPPING_RULES:
        raise NasdipError(f"unknown stopping rule '{name}': use one of {', '.join((*STOPPING_RULES, FIXED))}")
    return STOPPING_RULES[name]
