"""The numbers of a restoration: its repetitions, spectra and bands."""

from typing import NamedTuple

import numpy as np

from nasdip.imaging.metrics import psnr, ssim
from nasdip.imaging.spectrum import RadialPSD, radial_psd
from nasdip.records.results import FitEvent, FitResult, Restoration
from nasdip.report.text.treatment import chosen_step


class RepetitionRow(NamedTuple):
    """One repetition in a line; what needs a clean image is None without one (dB).

    `chosen` is the step whose image was kept, or the range of those of its tiles; `ahead`: a later one may be better.
    """

    number: int
    seed: int
    chosen: str
    steps: int
    hit_step_limit: bool
    loss: float
    psnr_averaged: float | None
    psnr_last: float | None
    oracle_psnr: float | None
    oracle_step: int | None
    heldout_psnr: float | None
    estimated_psnr: float | None
    seconds: float
    events: tuple[FitEvent, ...]


class WatchedRow(NamedTuple):
    """What a stopping rule that was watched, or the fit's own, came to in a repetition; `psnr` in dB, if known."""

    number: int
    rule: str
    step: int
    steps: int
    psnr: float | None


class Quality(NamedTuple):
    """An image against the clean one: PSNR in dB, SSIM at most 1."""

    label: str
    psnr: float
    ssim: float
    note: str


class LabelledPSD(NamedTuple):
    """The radial PSD of an image, with the image's name."""

    label: str
    psd: RadialPSD


def repetition_rows(restoration: Restoration) -> list[RepetitionRow]:
    """Return a line for each repetition."""
    return [_row(number, result) for number, result in enumerate(restoration.repetitions, start=1)]


def _row(number: int, result: FitResult) -> RepetitionRow:
    curves = result.curves
    return RepetitionRow(
        number=number,
        seed=result.seed,
        chosen=chosen_step(result),
        steps=len(curves.step),
        hit_step_limit=result.hit_step_limit,
        loss=float(curves.loss[result.image_step - 1]),
        psnr_averaged=result.psnr_averaged,
        psnr_last=result.psnr_last,
        oracle_psnr=result.oracle_psnr,
        oracle_step=result.oracle_step,
        heldout_psnr=result.heldout_psnr,
        estimated_psnr=result.estimated_psnr,
        seconds=result.seconds,
        events=result.events,
    )


def watched(restoration: Restoration) -> list[WatchedRow]:
    """Return what the rules of each repetition came to; [] where none but the fit's own was followed."""
    rules = {rule for result in restoration.repetitions for rule in result.choices}
    if not rules - {restoration.config.stop}:
        return []
    return [
        WatchedRow(number, rule, *choice)
        for number, result in enumerate(restoration.repetitions, start=1)
        for rule, choice in result.choices.items()
    ]


def first_and_last(restoration: Restoration) -> list[tuple[int, FitResult]]:
    """Return the first and the last repetition with their numbers, from 1; one entry where they are the same."""
    repetitions = restoration.repetitions
    ends = {1: repetitions[0], len(repetitions): repetitions[-1]}
    return sorted(ends.items())


def qualities(restoration: Restoration) -> list[Quality]:
    """Measure noisy, restored, last and oracle image, and what was mixed, against the clean one; [] without one."""
    if restoration.clean is None:
        return []
    result = restoration.repetitions[-1]
    images = [("noisy", restoration.noisy, "what was given"), ("restored", restoration.image, _result(restoration))]
    if restoration.refined:
        images.append(("mean of fits", restoration.fitted, "networks alone: mean of the repetitions' averaged outputs"))
    if restoration.reference is not None:
        images.append(("reference", restoration.reference.image, "non-local Bayes alone, without a network"))
    images.append(("last", result.last, "output of the last step of the last repetition, not averaged"))
    if result.oracle is not None:
        images.append(
            (
                "oracle",
                result.oracle,
                "best step of that fit alone, picked with the clean image: its bound, not a result",
            )
        )
    return [_quality(restoration.clean, *item) for item in images]


def _result(restoration: Restoration) -> str:
    """Return what the restored image is."""
    if restoration.refined and restoration.reference is not None:
        return "the result: mean of the fits, refined with the reference"
    if restoration.mask is not None:
        return "the result: missing pixels filled from the mean of the fits" + (
            "" if restoration.keeps_known else ", the others denoised"
        )
    if restoration.refined and restoration.kind == "impulse":
        return "the result: impulses filled from the mean of the fits"
    return "the result: mean of the repetitions' averaged outputs"


def _quality(clean: np.ndarray, label: str, image: np.ndarray, note: str) -> Quality:
    return Quality(label, psnr(clean, image, data_range=1.0), ssim(clean, image, data_range=1.0, channel_axis=-1), note)


def psd_curves(restoration: Restoration) -> list[LabelledPSD]:
    """Return the radial PSDs of the noisy, restored and last image, and of the clean one where there is one."""
    images = {"noisy": restoration.noisy, "restored": restoration.image, "last": restoration.repetitions[-1].last}
    if restoration.clean is not None:
        images["clean"] = restoration.clean
    return [LabelledPSD(label, radial_psd(image)) for label, image in images.items()]
