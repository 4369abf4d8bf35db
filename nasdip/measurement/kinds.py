"""The kinds of noise, one registered object each: name, help line, label and what people are told.

To add one: its line here, and where it is found, in `nasdip.measurement.diagnosis`.
"""

from typing import NamedTuple

from nasdip.errors import NasdipError


class NoiseKind(NamedTuple):
    """A kind of noise.

    Attributes
    ----------
    name : str
        What files and options call it.
    label : str
        What reports call it, after "the noise is".
    is_white : bool
        Whether it is independent from pixel to pixel, so that held-out pixels and patches tell of it.
    law_found_again : bool
        Whether its variance, or its pixels, have to be found in the picture once more, where kind and level are known.
    """

    name: str
    label: str
    is_white: bool = True
    law_found_again: bool = False


NOISE_KINDS = {
    kind.name: kind
    for kind in (
        NoiseKind("gaussian", "like white Gaussian noise"),
        NoiseKind("poisson", "stronger in bright areas (Poisson-like)", law_found_again=True),
        NoiseKind("speckle", "in proportion to the intensity (speckle)", law_found_again=True),
        NoiseKind("impulse", "beside impulses (salt and pepper)", law_found_again=True),
        NoiseKind("correlated", "shared by neighbouring pixels", is_white=False),
    )
}


def find_kind(name: str) -> NoiseKind:
    """Return the kind of that name; NasdipError names the known ones."""
    if name not in NOISE_KINDS:
        raise NasdipError(f"unknown kind of noise {name!r}: choose one of {', '.join(NOISE_KINDS)}")
    return NOISE_KINDS[name]
