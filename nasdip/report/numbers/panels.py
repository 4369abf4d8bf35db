"""What the figure of a comparison shows: crops, spectra and radial powers, as numbers. No torch here."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nasdip.compare.numbers import Row
from nasdip.imaging.spectrum import RadialPSD, log_spectrum, radial_psd
from nasdip.report.numbers.detail import Box, detail_box
from nasdip.report.pictures import Display

# px, side of a crop.
_SIDE = 96


class Panel(NamedTuple):
    """One image of the figure.

    Attributes
    ----------
    name, words : str
        What it is, and its figures.
    pixels : ndarray
        uint8, (side, side) or (side, side, 3), the crop.
    spectrum : ndarray
        (H, W), log-magnitude, of the whole image.
    psd : RadialPSD
        Of the whole image.
    """

    name: str
    words: str
    pixels: np.ndarray
    spectrum: np.ndarray
    psd: RadialPSD


class Panels(NamedTuple):
    """All images, in order; where the crops lie; the range of the spectra, which all share; and that in words."""

    panels: list[Panel]
    box: Box
    low: float
    high: float
    words: str


def make_panels(images: Mapping[str, np.ndarray], rows: Sequence[Row]) -> Panels:
    """Return the panels of images (H, W, C) by name: the noisy one first, the clean one, where there is one, last.

    The crops are of the square with most contrast in the last image.
    """
    named = {row.method: row for row in rows}
    first, last = (list(images.values())[place] for place in (0, -1))
    box = detail_box(last, min(_SIDE, *last.shape[:2]))
    display = Display.of(first, last)
    panels = [
        Panel(name, _words(named.get(name)), box.crop(display.pixels(image)), log_spectrum(image), radial_psd(image))
        for name, image in images.items()
    ]
    # The zero frequency would leave the others dark.
    low = min(float(np.quantile(panel.spectrum, 0.01)) for panel in panels)
    high = max(float(np.quantile(panel.spectrum, 0.999)) for panel in panels)
    where = f"Crops: {box.side}x{box.side} px from row {box.top}, column {box.left}, where contrast is largest."
    words = " ".join((where, *display.value_notes))
    return Panels(panels, box, low, max(high, low + 1e-6), words)


def _words(row: Row | None) -> str:
    """Return the figures of a method in a line: against the clean image where there is one, else those held out."""
    if row is None:
        return ""
    if row.psnr is not None and row.ssim is not None:
        return f"{row.psnr:.2f} dB, {row.ssim:.3f}"
    return "" if row.heldout is None else f"held-out {row.heldout:.2f} dB"
