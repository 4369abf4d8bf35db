"""What was found of the noise in a picture, in one to three sentences for a person."""

import math

from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel


def noise_words(found: NoiseModel) -> str:
    """Return kind and level of the noise in words, and what a person should know of them.

    A level that a person gave has no standard error, and where the picture contradicts it that is told. Levels are in
    8-bit units of the file; where the picture occupies another range than the file's, also as a share of that.
    """
    return " ".join(filter(None, (_main(found), _clipping(found), _contradiction(found))))


def holes_words(measurement: Measurement) -> str:
    """Return how many pixels are missing, after a sentence; nothing where none are."""
    measured = measurement.operator.measured
    if measured is None:
        return ""
    percent = 100 * (1 - float(measured.mean()))
    return f" {percent:.{0 if percent >= 10 else 1}f} % of the pixels are missing."


def _main(found: NoiseModel) -> str:
    if found.given and found.faint and found.kind in ("poisson", "speckle"):
        return _gaussian(found)
    return _MAIN[found.kind](found)


def _gaussian(found: NoiseModel) -> str:
    level = _number(found, found.sigma)
    if found.given:
        return f"The noise is taken for white Gaussian noise of level {level}, as given ({_units(found)})."
    if found.faint:
        return f"There is little noise: a level of {level} ({_units(found)})."
    error = _number(found, found.error)
    return f"The noise is like white Gaussian noise of level {level} ± {error} ({_units(found)})."


def _dependent(found: NoiseModel) -> str:
    law = "in proportion to the intensity (Poisson-like)" if found.kind == "poisson" else "with its square (speckle)"
    dark, bright = (_number(found, found.level(share), digits=0) for share in (0.1, 0.9))
    given = ", as given" if found.given else ""
    return (
        f"The variance of the noise grows {law}: its level is {dark} in dark and {bright} in bright areas, "
        f"{_number(found, found.sigma)} over the picture{given} ({_units(found)})."
    )


def _impulse(found: NoiseModel) -> str:
    percent = 100 * found.impulses
    share = f"{percent:{'.1f' if percent >= 0.1 else '.1g'}} % of the pixels are impulses (salt and pepper)"
    level = _number(found, found.sigma)
    if found.given:
        return f"{share}; noise of level {level} in the others was given ({_units(found)})."
    if found.faint:
        return f"{share}; the others hold little noise."
    return f"{share}; the others hold noise of level {level} ({_units(found)})."


def _correlated(found: NoiseModel) -> str:
    level = f"is about {_number(found, found.sigma, digits=0)}"
    if found.given:
        level = f"was given as {_number(found, found.sigma)}"
    return (
        f"Neighbouring pixels share noise (correlation {found.correlation:.2f}), as after blur, resampling or "
        f"demosaicking; its level {level} ({_units(found)}). A network may take it for structure."
    )


def _clipping(found: NoiseModel) -> str:
    if found.clipped and not found.faint and find_kind(found.kind).is_white:
        return "Values are clipped; the level is that before clipping."
    return ""


def _contradiction(found: NoiseModel) -> str:
    if found.measured_level is None or not found.contradicted:
        return ""
    given, sigma, error = (_number(found, level) for level in (found.sigma, *found.measured_level))
    return (
        f"The level was given as {given}, but the picture looks like {sigma} ± {error}: check it, or leave it out to "
        f"have it found."
    )


def _units(found: NoiseModel) -> str:
    """Return what levels are told in."""
    if found.bounds == (0.0, 1.0):
        return "in 8-bit units"
    share = 100 * found.sigma / 255 / found.scale
    return f"in 8-bit units; {share:.{0 if share >= 2 else 1}f} % of the picture's range"


def _number(found: NoiseModel, level: float, digits: int = 1) -> str:
    """Return a level with digits after the point: more in a narrow range, fewer in a wide one."""
    return f"{level:.{max(0, digits + round(-math.log10(found.scale)))}f}"


_MAIN = {
    "gaussian": _gaussian,
    "poisson": _dependent,
    "speckle": _dependent,
    "impulse": _impulse,
    "correlated": _correlated,
}
