"""Which stopping rule suits an observation. No torch here."""

from dataclasses import replace

from nasdip.imaging.observation import Observation
from nasdip.imaging.reference import allows_reference
from nasdip.prior.config import FitConfig

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
    """Return the settings with the rule of `choose_stop`, and the held-out pixels that it needs."""
    stop = choose_stop(config.stop, observation)
    heldout = HELDOUT if stop == "heldout" and config.heldout == 0 else config.heldout
    return replace(config, stop=stop, heldout=heldout)
