"""Making a stopping rule by its name."""

import importlib

from nasdip.fit.stopping.rule import StoppingContext, StopRule
from nasdip.options.stopping_rules import STOPPING_RULES, find_rule


def make_rule(name: str, context: StoppingContext) -> StopRule:
    """Return the rule `name` for a fit; NasdipError where it is unknown, or lacks what it needs."""
    module, _, kind = find_rule(name).place.partition(":")
    rule: StopRule = getattr(importlib.import_module(module), kind)(context)
    return rule


def needs_perturbed_fit(name: str) -> bool:
    """Whether a rule needs a second fit beside the first."""
    return name in STOPPING_RULES and STOPPING_RULES[name].perturbed_fit
