"""What a picture is, what noise it holds, and what restoring it would do: without a fit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nasdip.errors import NasdipError
from nasdip.measurement.level import estimate_level
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.options.restore import RestoreOptions
from nasdip.report.text.noise import holes_words, noise_words, untouched_words
from nasdip.report.text.plan import announcement, peak_memory
from nasdip.restoration.plan import plan


@dataclass(frozen=True)
class PlannedFit:
    """What restoring a picture would fit, and at most what that costs on this machine.

    Attributes
    ----------
    architecture : str
        In its text form.
    width, steps, repeats : int
        Channels; most steps of a fit; fits.
    stop : str
        The stopping rule.
    device : str
        In words.
    seconds : float
        All steps of all fits, and the estimates without a network. Rules mostly end fits sooner.
    memory : int
        Bytes at the peak.
    words : str
        All of that for a person.
    """

    architecture: str
    width: int
    steps: int
    repeats: int
    stop: str
    device: str
    seconds: float
    memory: int
    words: str


@dataclass(frozen=True)
class Inspection:
    """What was found in a picture.

    Attributes
    ----------
    shape : tuple of int
        (H, W, C).
    noise : NoiseModel
        Kind, level and law; levels in 8-bit units.
    levels : tuple of float
        The level of each channel by itself, in 8-bit units; the whole picture's in each where pixels are missing.
    impulses, invalid, missing : int
        Pixels that were replaced by noise, that hold no intensity, and that a mask calls missing.
    untouched : str or None
        Why the picture would be given back as it is.
    refused : str or None
        Why it would not be restored.
    fit : PlannedFit or None
        What would be fitted; None where nothing would.
    words : str
        What was found, for a person.
    """

    shape: tuple[int, int, int]
    noise: NoiseModel
    levels: tuple[float, ...]
    impulses: int
    invalid: int
    missing: int
    untouched: str | None
    refused: str | None
    fit: PlannedFit | None
    words: str

    def to_json(self, scale: float = 255.0) -> dict[str, Any]:
        """Return all of it as JSON has it; `scale` is the width of the picture's range in its own counts."""
        noise = self.noise
        return {
            "height": self.shape[0],
            "width": self.shape[1],
            "channels": self.shape[2],
            "noise": {
                "kind": noise.kind,
                "level": noise.sigma,
                "error": noise.error,
                "level_in_counts": noise.sigma / 255 * scale,
                "lag1": noise.correlation,
                "by_channel": list(self.levels),
                "variance": {"offset": noise.offset, "gain": noise.gain, "square": noise.square},
                "clipped": noise.clipped,
                "given": noise.given,
            },
            "defects": {"impulses": self.impulses, "invalid": self.invalid, "missing": self.missing},
            "restore": {
                "does": "nothing" if self.untouched else "refuses" if self.refused else "fits",
                "why": self.untouched or self.refused,
                "fit": None if self.fit is None else {**vars(self.fit)},
            },
        }


def inspect_measurement(measurement: Measurement, invalid: np.ndarray | None, options: RestoreOptions) -> Inspection:
    """Return what is in a measurement, of which `invalid` pixels (H, W) hold nothing, and what the options would do."""
    noise = measurement.noise
    if noise is None:
        raise NasdipError("the noise of this measurement is not known: make it with measurement_of")
    untouched = untouched_words(measurement)
    fit, refused = None, None
    if untouched is None:
        try:
            fit = _planned(measurement, options)
        except NasdipError as error:
            refused = str(error)
    measured = measurement.operator.measured
    left_out = 0 if invalid is None else int(invalid.sum())
    missing = 0 if measured is None else int(np.count_nonzero(~measured)) - left_out
    impulses = 0 if measurement.impulses is None else int(measurement.impulses.sum())
    if measured is None:
        impulses -= left_out  # which count among them
    told = (f"{noise_words(noise)}{holes_words(measurement)}", untouched, refused, fit.words if fit else None)
    height, width, channels = measurement.image_shape
    return Inspection(
        (height, width, channels), noise, _levels(measurement, noise), max(impulses, 0), left_out, max(missing, 0),
        untouched, refused, fit, "\n".join(words for words in told if words),
    )  # fmt: skip


def _planned(measurement: Measurement, options: RestoreOptions) -> PlannedFit:
    made = plan(measurement, options)
    task = made.task
    return PlannedFit(
        str(task.architecture), task.width, task.config.steps, made.repeats, task.config.stop, made.device,
        made.time().total, peak_memory(made), announcement(made),
    )  # fmt: skip


def _levels(measurement: Measurement, noise: NoiseModel) -> tuple[float, ...]:
    channels = measurement.pixels.shape[2]
    if channels == 1 or measurement.valid is not None:
        return (noise.sigma,) * channels
    return tuple(estimate_level(measurement.pixels[..., number]).sigma for number in range(channels))
