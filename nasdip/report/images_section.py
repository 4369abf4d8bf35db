"""What the report shows of the images: the slider, details, residual and spectra."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasdip.imaging.spectrum import log_spectrum
from nasdip.options.stopping_rules import FIXED
from nasdip.records.results import Restoration
from nasdip.report.charts import spectra_panels, spectrum_range
from nasdip.report.numbers.detail import detail_box
from nasdip.report.numbers.restoration import Quality, RepetitionRow, WatchedRow, qualities, repetition_rows, watched
from nasdip.report.numbers.source import Source
from nasdip.report.numbers.trust import Trust, signed_distance
from nasdip.report.pictures import Display, Picture, painted, residual_picture, spectrum_picture
from nasdip.report.text.alarm import Alarm
from nasdip.report.text.cautions import cautions, judge
from nasdip.report.text.expected import Uncertainty, format_psnr_estimate, truth_words, uncertainty
from nasdip.report.text.treatment import SEARCH_STEPS_OPTION, STEPS_OPTION, refinement_words, stopping_words

# Side (px) of the enlarged detail, for images of at least twice that.
_DETAIL = 64

_ALTS = {
    "noisy": "The noisy image.",
    "restored": "The restored image.",
    "mean of fits": "Mean of the fits, not refined.",
    "reference": "Reference: non-local Bayes alone, without a network.",
    "last": "Output of the last step of the last repetition, not averaged.",
    "oracle": "The output nearest to the clean image, picked with it.",
    "clean": "The clean image.",
    "mask": "The missing pixels, in colour.",
}


class Comparison(NamedTuple):
    """Images to compare: `pictures` by label, the noisy one first; an enlarged `detail` of each; `notes`."""

    pictures: list[Picture]
    details: list[Picture]
    notes: tuple[str, ...]
    qualities: list[Quality]


class TrustSection(NamedTuple):
    """Warnings, what was found and done in pairs, the verdict, its picture, spectrum and statistic; the expected error.

    `scale` is in 8-bit units; `even` says that the residual was divided by the noise's level at each pixel, `clipped`
    that it was taken from the mean that clipped noise shows of the restored image.
    """

    cautions: list[Alarm]
    facts: list[tuple[str, str]]
    uncertainty: Uncertainty | None
    even: bool
    clipped: bool
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
    has_estimate: bool
    rule: str | None
    watched: list[WatchedRow]


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
        images |= {"restored": source.restoration.image, **_parts(source.restoration), "last": last.last}
        if last.oracle is not None:
            images["oracle"] = last.oracle
    if source.mask is not None:
        images["mask"] = painted(source.noisy, source.mask)
    if source.clean is not None:
        images["clean"] = source.clean
    return images


def _parts(restoration: Restoration) -> dict[str, np.ndarray]:
    """Return what the restored image was made of, where it is not the mean of the fits itself."""
    parts = {"mean of fits": restoration.fitted} if restoration.refined else {}
    return parts if restoration.reference is None else {**parts, "reference": restoration.reference.image}


def trust_section(source: Source, restoration: Restoration) -> TrustSection:
    """Judge and embed the residual, and what is expected of the image."""
    judged, noise = judge(restoration)
    expected = restoration.expected
    facts = {
        "noise": noise.words,
        "stopping": stopping_words(restoration),
        "refinement": refinement_words(restoration),
        "estimated PSNR": format_psnr_estimate(restoration),
        "PSNR against the clean image": truth_words(restoration),
    }
    option = STEPS_OPTION if source.search is None else SEARCH_STEPS_OPTION
    spectrum = log_spectrum(judged.residual)
    picture = spectrum_picture("residual", spectrum, *spectrum_range([("residual", spectrum)]))
    distance = None if judged.whiteness is None else signed_distance(judged.whiteness)[0]
    shown = residual_picture(judged.residual, judged.scale)
    return TrustSection(
        cautions(restoration, judged, noise, image=source.image, steps_option=option),
        [(name, words) for name, words in facts.items() if words is not None],
        None if expected is None else uncertainty(expected, holes=restoration.mask is not None),
        noise.spread is not None,
        noise.seen is not None,
        judged,
        shown,
        picture,
        255 * judged.scale,
        distance,
    )


def spectra_section(restoration: Restoration) -> SpectraSection:
    """Embed the spectra and list the repetitions."""
    panels = spectra_panels(restoration)
    scale = spectrum_range(panels)
    rows = repetition_rows(restoration)
    pictures = [spectrum_picture(name, spectrum, *scale) for name, spectrum in panels]
    return SpectraSection(
        pictures,
        rows,
        has_clean=restoration.clean is not None,
        has_heldout=any(row.heldout_psnr is not None for row in rows),
        has_estimate=any(row.estimated_psnr is not None for row in rows),
        rule=None if restoration.config.stop == FIXED else restoration.config.stop,
        watched=watched(restoration),
    )


def image_name(source: Source) -> str:
    """Return the name of the restored file, or of the folder where the run knows no other."""
    return Path(source.image).name if source.image else source.folder.resolve().name
