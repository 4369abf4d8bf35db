"""Which stopping rule suits a measurement."""

from dataclasses import replace

from nasdip.classical.reference import allows_reference
from nasdip.errors import NasdipError
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measurement import Measurement
from nasdip.options.fit import FitConfig
from nasdip.options.stopping_rules import AUTO, FIXED

HELDOUT = 0.05  # of the pixels, for the rule that needs some


def choose_stop(stop: str, measurement: Measurement) -> str:
    """Return the rule that is to be used: the one that is asked for, or in place of auto one that suits the noise.

    auto is the rule reference where the noise allows one: for noise that is independent between pixels, whatever its
    variance depends on. Without one it is heldout, as for impulses; where neighbouring pixels share their noise, that
    would go on for ever, and no rule here is known to work: all steps are taken.
    """
    if stop != AUTO:
        return stop
    if not find_kind(measurement.kind).is_white:
        return FIXED
    return "reference" if allows_reference(measurement) else "heldout"


def decided(config: FitConfig, measurement: Measurement, *, has_reference: bool = False) -> FitConfig:
    """Return the settings with the rule of `choose_stop`, and the held-out pixels that it needs.

    `has_reference` says that an estimate without a network is there, whatever the noise. NasdipError for a rule that
    lacks what it needs.
    """
    stop = choose_stop(config.stop, measurement)
    lacking = None if stop == "reference" and has_reference else _lacking(stop, measurement)
    if lacking:
        raise NasdipError(f"the rule {stop} needs {lacking}: use another (--stop), or auto")
    heldout = HELDOUT if stop == "heldout" and config.heldout == 0 else config.heldout
    return replace(config, stop=stop, heldout=heldout)


def _lacking(stop: str, measurement: Measurement) -> str | None:
    """Return what a rule needs that the measurement has not, in words."""
    if stop == "reference" and not allows_reference(measurement):
        if measurement.is_masked:
            return "a picture without holes"
        if not find_kind(measurement.kind).is_white:
            return "noise that is independent from pixel to pixel, and here neighbours share it"
        return "noise of known level in all pixels, and here there is next to none"
    if stop == "sure" and not measurement.relative_sigma > 0:
        return "noise of known level, and here there is none"
    return None
