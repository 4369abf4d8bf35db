"""Which stopping rule suits an observation. No torch here."""

from dataclasses import replace

from nasdip.classical.reference import allows_reference
from nasdip.errors import NasdipError
from nasdip.measurement.measurement import Observation
from nasdip.options.fit import FitConfig

HELDOUT = 0.05  # of the pixels, for the rule that needs some


def choose_stop(stop: str, observation: Observation) -> str:
    """Return the rule that is to be used: the one that is asked for, or in place of auto one that suits the noise.

    auto is the rule reference where the noise allows one: for noise that is independent between pixels, whatever its
    variance depends on. Without one it is heldout, as for impulses; where neighbouring pixels share their noise, that
    would go on for ever, and no rule here is known to work: all steps are taken.
    """
    if stop != "auto":
        return stop
    if observation.kind == "correlated":
        return "fixed"
    return "reference" if allows_reference(observation) else "heldout"


def decided(config: FitConfig, observation: Observation) -> FitConfig:
    """Return the settings with the rule of `choose_stop`, and the held-out pixels that it needs.

    NasdipError for a rule that the noise allows none of.
    """
    stop = choose_stop(config.stop, observation)
    lacking = _lacking(stop, observation)
    if lacking:
        raise NasdipError(f"the rule {stop} needs {lacking}: use another (--stop), or auto")
    heldout = HELDOUT if stop == "heldout" and config.heldout == 0 else config.heldout
    return replace(config, stop=stop, heldout=heldout)


def _lacking(stop: str, observation: Observation) -> str | None:
    """Return what a rule needs that the observation has not, in words."""
    if stop == "reference" and observation.reference is None and not allows_reference(observation):
        if observation.kind == "correlated":
            return "noise that is independent from pixel to pixel, and here neighbours share it"
        return "noise of known level in all pixels, and here there is next to none"
    if stop == "sure" and not observation.relative_sigma > 0:
        return "noise of known level, and here there is none"
    return None
