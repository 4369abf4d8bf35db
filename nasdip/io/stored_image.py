"""What a file format's reader returns and its writer takes: samples as they are in the file, and its tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

METRES = {"m": Fraction(1), "cm": Fraction(1, 100), "inch": Fraction(254, 10000)}


class Resolution(NamedTuple):
    """Pixels per unit along x and y; the unit is "m", "cm", "inch" or "none" (a ratio, or a unit told elsewhere)."""

    x: Fraction
    y: Fraction
    unit: str

    def per(self, unit: str) -> tuple[Fraction, Fraction] | None:
        """Return x and y in pixels per `unit`; None where there is no such conversion.

        Examples
        --------
        >>> Resolution(Fraction(100), Fraction(100), "cm").per("inch")
        (Fraction(254, 1), Fraction(254, 1))
        """
        if unit == self.unit:
            return self.x, self.y
        if unit not in METRES or self.unit not in METRES:
            return None
        factor = METRES[unit] / METRES[self.unit]
        return self.x * factor, self.y * factor


@dataclass(frozen=True)
class Tags:
    """What a file says besides its pixels.

    Parameters
    ----------
    resolution : Resolution or None
        Pixels per unit of length.
    icc : bytes or None
        Colour profile.
    exif : bytes or None
        EXIF data, without the "Exif" prefix that JPEG puts before it. Orientation is in here: pixels are never turned.
    png : tuple of (bytes, bytes)
        Further PNG chunks, kind and body: colour calibration and texts.
    tiff : mapping
        Arguments of `tifffile.imwrite` that make a file of the same sort.
    """

    resolution: Resolution | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    png: tuple[tuple[bytes, bytes], ...] = ()
    tiff: Mapping[str, Any] = field(default_factory=dict)

    def without_colour(self) -> "Tags":
        """Return what still holds for an image of other channels: all but colour and layout."""
        return replace(self, icc=None, png=(), tiff={})


class StoredImage(NamedTuple):
    """An image as a file stores it.

    Attributes
    ----------
    samples : ndarray
        (H, W) or (H, W, C), channels last whatever the file's order, in the file's dtype, without alpha.
    alpha : ndarray or None
        (H, W), in the file's dtype.
    axes : str
        The file's order: "YX", "YXS" (samples within a pixel), "SYX" (one plane per sample), "CYX" (one page per
        channel).
    tags : Tags
        The rest.
    nodata : float or None
        The sample that marks missing data, where the file names one.
    """

    samples: np.ndarray
    alpha: np.ndarray | None
    axes: str
    tags: Tags
    nodata: float | None = None
