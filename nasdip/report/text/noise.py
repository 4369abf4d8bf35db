"""What was found of the noise in a picture, in one to three sentences for a person."""

import math

from nasdip.io.image_file import ImageFile
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.level import NoiseLevel
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.report.text.words import counted
from nasdip.restoration.gain import is_clear, is_constant

_ONE = 0.02  # how far from 1
_FEW = 10.0  # samples, of the noise


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


def counts_photons(noise: NoiseModel, file: ImageFile) -> bool:
    """Whether a file of integers counts photons so few that whole numbers cannot hold their means."""
    if noise.kind != "poisson" or noise.offset or file.dtype.kind not in "iu":
        return False
    step = noise.gain * file.scale  # of one photon, in samples
    return abs(step - 1) < _ONE and noise.sigma / 255 * file.scale < _FEW


def fractions_words(noise: NoiseModel, file: ImageFile) -> str:
    """Return what becomes of few photons, after a sentence; nothing where there are none."""
    if not counts_photons(noise, file):
        return ""
    if file.format == "TIFF":
        return " It counts photons, whose means are no whole numbers: the restored file is of type float32."
    return " It counts photons, whose means are no whole numbers, which this format rounds: save it as TIFF first."


def invalid_words(file: ImageFile) -> str:
    """Return how many pixels of a file hold no intensity, after a sentence; nothing where all do."""
    if file.invalid is None:
        return ""
    number = counted(int(file.invalid.sum()), "pixel")
    return f" {number} of missing data, or of another scale than the picture's, stay as they are."


def untouched_words(measurement: Measurement) -> str | None:
    """Return why a picture is given back as it is, in words; None where there is something to do."""
    if is_constant(measurement):
        return "the picture is of one colour: nothing to do, it is given back as it is"
    if not is_clear(measurement):
        return None
    noise = measurement.noise
    assert noise is not None  # else it is not clear
    level = f"{_number(noise, noise.sigma)} ({_units(noise)})"
    return f"its noise, a level of {level}, is less than any estimate would err: it is given back as it is"


def unit_words(found: NoiseModel) -> str | None:
    """Return what is to be said of a level that was given as a share of the range; None where it was not.

    Examples
    --------
    >>> from dataclasses import replace
    >>> given = replace(NoiseModel.white(20 / 255), given=True, measured_level=NoiseLevel(19.6, 0.3))
    >>> unit_words(given)
    'sigma counts in 8-bit units: the level was given as 0.078, which as a share of the range would be 20'
    """
    looks = found.measured_level
    if looks is None or not 0 < found.sigma < 1 or not 0.5 < 255 * found.sigma / max(looks.sigma, 1e-9) < 2:
        return None
    meant = 255 * found.sigma
    return (
        f"sigma counts in 8-bit units: the level was given as {found.sigma:.2g}, which as a share of the range would "
        f"be {meant:.3g}"
    )


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
    return f"The noise is like white Gaussian noise of level {_with_error(found, found)} ({_units(found)})."


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
    given, looks = _number(found, found.sigma), _with_error(found, found.measured_level)
    unit = unit_words(found)
    if unit is not None:
        return f"{unit[0].upper()}{unit[1:]}: the picture looks like {looks}."
    return (
        f"The level was given as {given}, but the picture looks like {looks}: check it, or leave it out to have it "
        "found."
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


def _with_error(found: NoiseModel, level: NoiseModel | NoiseLevel) -> str:
    """Return a level and its standard error, with digits enough that this is not 0."""
    digits = 1
    if level.error > 0:
        digits = max(1, math.ceil(-math.log10(level.error / found.scale) - 0.3))
    return f"{_number(found, level.sigma, digits)} ± {_number(found, level.error, digits)}"


def counts_words(noise: NoiseModel, file: ImageFile) -> str:
    """Return the level in the file's own units, after a sentence; nothing for 8-bit files, whose units are told.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from nasdip.io.stored_image import Tags
    >>> file = ImageFile(Path("a.tif"), "TIFF", np.zeros((1, 1)), None, np.dtype("uint16"), "YX", 0.0, 65535.0, Tags())
    >>> counts_words(NoiseModel.white(0.0538), file)
    ' In the counts of the file that is 13.8.'
    """
    if file.scale in (1.0, 255.0):
        return ""
    level, error = (value / 255 * file.scale for value in (noise.sigma, noise.error))
    unit = "counts" if file.dtype.kind in "iu" else "units"
    spread = f" ± {error:.2g}" if error > 0 else ""
    return f" In the {unit} of the file that is {level:.3g}{spread}."


_MAIN = {
    "gaussian": _gaussian,
    "poisson": _dependent,
    "speckle": _dependent,
    "impulse": _impulse,
    "correlated": _correlated,
}
