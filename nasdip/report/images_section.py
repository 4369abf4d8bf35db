"""What the report shows of the images: the slider, details, residual and spectra."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasdip.imaging.spectrum import log_spectrum
from nasdip.prior.result import Restoration
from nasdip.report.charts import spectra_panels, spectrum_range
from nasdip.report.detail import detail_box
from nasdip.report.pictures import Display, Picture, residual_picture, spectrum_picture
from nasdip.report.restoration_numbers import Quality, RepetitionRow, qualities, repetition_rows
from nasdip.report.source import Source
from nasdip.report.trust import Trust, signed_distance, trust

# Side (px) of the enlarged detail, for images of at least twice that.
_DETAIL = 64

_ALTS = {
    "noisy": "The noisy image.",
    "restored": "The restored image.",
    "last": "Output of the last step of the last repetition, not averaged.",
    "oracle": "The output nearest to the clean image, picked with it.",
    "clean": "The clean image.",
}


class Comparison(NamedTuple):
    """Images to compare: `pictures` by label, the noisy one first; an enlarged `detail` of each; `notes`."""

    pictures: list[Picture]
    details: list[Picture]
    notes: tuple[str, ...]
    qualities: list[Quality]


class TrustSection(NamedTuple):
    """The verdict, its picture, spectrum and statistic; `scale` in 8-bit units."""

    judged: Trust
    picture: Picture
    spectrum: Picture
    scale: float
    distance: float | None


class SpectraSection(NamedTuple):
    """Spectra on one scale, and the repetitions in a table."""

    pictures: list[Picture]
    rows: list[RepetitionRow]
    has_clean: bool
    has_heldout: bool


def comparison(source: Source, display: Display) -> Comparison:
    """Embed the images that exist."""
    images = _images(source)
    restoration = source.restoration
    details: list[Picture] = []
    if restoration is not None and min(source.noisy.shape[:2]) >= 2 * _DETAIL:
        box = detail_box(restoration.image, _DETAIL)
        details = [display.picture(name, box.crop(image), f"Detail. {_ALTS[name]}") for name, image in images.items()]
    pictures = [display.picture(name, image, _ALTS[name]) for name, image in images.items()]
    return Comparison(pictures, details, display.notes, qualities(restoration) if restoration else [])


def _images(source: Source) -> dict[str, np.ndarray]:
    images = {"noisy": source.noisy}
    if source.restoration is not None:
        last = source.restoration.repetitions[-1]
        images |= {"restored": source.restoration.image, "last": last.last}
        if last.oracle is not None:
            images["oracle"] = last.oracle
    if source.clean is not None:
        images["clean"] = source.clean
    return images


def trust_section(restoration: Restoration) -> TrustSection:
    """Judge and embed the residual."""
    judged = trust(restoration.noisy, restoration.image, restoration.sigma)
    spectrum = log_spectrum(judged.residual)
    picture = spectrum_picture("residual", spectrum, *spectrum_range([("residual", spectrum)]))
    distance = None if judged.whiteness is None else signed_distance(judged.whiteness)[0]
    shown = residual_picture(judged.residual, judged.scale)
    return TrustSection(judged, shown, picture, 255 * judged.scale, distance)


def spectra_section(restoration: Restoration) -> SpectraSection:
    """Embed the spectra and list the repetitions."""
    panels = spectra_panels(restoration)
    scale = spectrum_range(panels)
    rows = repetition_rows(restoration)
    pictures = [spectrum_picture(name, spectrum, *scale) for name, spectrum in panels]
    heldout = any(row.heldout_psnr is not None for row in rows)
    return SpectraSection(pictures, rows, restoration.clean is not None, heldout)


def image_name(source: Source) -> str:
    """Return the name of the restored file, or of the folder where the run knows no other."""
    return Path(source.image).name if source.image else source.folder.resolve().name
