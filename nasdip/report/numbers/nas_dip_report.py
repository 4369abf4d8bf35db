"""The numbers of `nasdip demo-report`: what the NAS-DIP report told of its repetitions, and what it left out.

Called oracle is what was picked with the clean image: the best step of each repetition, which the report gives. Called
blind is what a person without a clean image would have: the step that a stopping rule chooses.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.imaging.spectrum import log_spectrum
from nasdip.records.results import FitResult, Restoration
from nasdip.report.numbers.restoration import first_and_last
from nasdip.report.text.words import decibels

# The stopping rule that is watched: the one of `nasdip restore` for noise like this. It changes nothing of a fit.
RULE = "reference"
# Of the file: columns as the fields of `Repetition`.
CSV_HEADER = (
    "repetition", "seed", "oracle_step", "oracle_psnr_db", "blind_step", "blind_psnr_db", "averaged_psnr_db",
    "last_psnr_db", "seconds",
)  # fmt: skip


class Repetition(NamedTuple):
    """One repetition: steps from 1, PSNRs against the clean image in dB; None where it does not know them.

    `averaged` is the average of the outputs at the last step, `last` the output of that step alone: blind, both.
    """

    number: int
    seed: int
    oracle_step: int | None
    oracle_psnr: float | None
    blind_step: int | None
    blind_psnr: float | None
    averaged_psnr: float | None
    last_psnr: float | None
    seconds: float


class Spread(NamedTuple):
    """Mean and standard deviation (n - 1); None where there are too few numbers."""

    mean: float | None
    deviation: float | None


class Experiment(NamedTuple):
    """All repetitions, the noisy image's PSNR (dB), and that of the mean of the repetitions' averaged images."""

    repetitions: list[Repetition]
    noisy_psnr: float
    mean_psnr: float | None

    def spread(self, field: str) -> Spread:
        """Return that of a field of the repetitions."""
        return spread(getattr(repetition, field) for repetition in self.repetitions)


class Panel(NamedTuple):
    """An image (H, W, C), its log-magnitude spectrum (H, W), zero frequency in the middle, and what it is."""

    title: str
    image: np.ndarray
    spectrum: np.ndarray


def experiment(restoration: Restoration) -> Experiment:
    """Return the numbers of a restoration; NasdipError where it has no clean image to measure with."""
    before = psnr(_clean(restoration), restoration.noisy, data_range=1.0)
    rows = [_repetition(number, result) for number, result in enumerate(restoration.repetitions, start=1)]
    return Experiment(rows, before, restoration.psnr)


def spread(values: Iterable[float | None]) -> Spread:
    """Return mean and standard deviation of the values that are known.

    Examples
    --------
    >>> spread([1.0, 2.0, 3.0, None]), spread([2.0])
    (Spread(mean=2.0, deviation=1.0), Spread(mean=2.0, deviation=None))
    """
    known = [value for value in values if value is not None]
    return Spread(
        float(np.mean(known)) if known else None,
        float(np.std(known, ddof=1)) if len(known) > 1 else None,
    )


def panels(restoration: Restoration) -> list[list[Panel]]:
    """Return the rows of the report's figure: noisy and clean image; best (oracle) and last of first and last fit."""
    clean = _clean(restoration)
    noisy = f"noisy\n{decibels(psnr(clean, restoration.noisy, data_range=1.0))}"
    rows = [[_panel(noisy, restoration.noisy), _panel("clean", clean)]]
    for number, result in first_and_last(restoration):
        last = f"step {len(result.curves.step)}, {decibels(result.psnr_last)}"
        row = [_panel(f"repetition {number}, last\n{last}", result.last)]
        if result.oracle is not None:
            best = f"step {result.oracle_step or '–'}, {decibels(result.oracle_psnr)}"
            row.insert(0, _panel(f"repetition {number}, best (oracle)\n{best}", result.oracle))
        rows.append(row)
    return rows


def csv_rows(found: Experiment) -> list[list[Any]]:
    """Return the repetitions for a CSV file with `CSV_HEADER`: PSNRs with four decimals, seconds with one."""
    return [
        [*(f"{value:.4f}" if isinstance(value, float) else value for value in row[:-1]), f"{row.seconds:.1f}"]
        for row in found.repetitions
    ]


# Columns of the table for people: their names, fields of `Repetition`, and decimals.
_COLUMNS = (
    ("oracle step", "oracle_step", 0),
    ("oracle PSNR", "oracle_psnr", 3),
    ("blind step", "blind_step", 0),
    ("blind PSNR", "blind_psnr", 3),
    ("averaged PSNR", "averaged_psnr", 3),
    ("last PSNR", "last_psnr", 3),
)


def table(found: Experiment) -> str:
    """Return the repetitions, their mean and standard deviation as a Markdown table (PSNRs in dB)."""
    rows = [["repetition", *(name for name, _, _ in _COLUMNS)]]
    for row in found.repetitions:
        rows.append([str(row.number), *(_number(getattr(row, field), places) for _, field, places in _COLUMNS)])
    spreads = [(found.spread(field), places or 1) for _, field, places in _COLUMNS]
    rows.append(["mean", *(_number(each.mean, places) for each, places in spreads)])
    rows.append(["standard deviation", *(_number(each.deviation, places) for each, places in spreads)])
    return _markdown(rows)


def summary(found: Experiment, restoration: Restoration, picture: str) -> str:
    """Return all that was found as a Markdown page; `picture` is the name of the clean picture."""
    config, count = restoration.config, len(found.repetitions)
    mean = f"The mean of the {count} averaged images" if count > 1 else "The averaged image"
    return f"""# The NAS-DIP report's experiment with {picture}

Gaussian noise of sigma {restoration.sigma:g} (8-bit units), clipped and rounded to 8 bits: {found.noisy_psnr:.2f} dB.
Architecture {restoration.architecture}, width {restoration.width}.
{count} x {config.steps} steps at learning rate {config.learning_rate:g}, seed {restoration.seed}.

{table(found)}

PSNRs in dB, against the clean picture.

- oracle: the average of the outputs at its best step, which was picked with the clean picture: a bound, and what the
  report gives. No one who needs the picture restored can have it.
- blind: the same average at the step that the stopping rule `{RULE}` chooses, which knows the noisy picture and its
  noise level alone.
- averaged: that average at the last step; last: the output of the last step, not averaged. Both are blind, too.

{mean}, blind: {decibels(found.mean_psnr)}.

The report's own figures (oracle, first and last of 15 x 1200 steps, 512x512 px): F16 31.287 dB at step 1188 and
31.393 dB at 1184; Sailboat on lake 27.407 dB at 1182 and 27.496 dB at 1195.
"""


def _repetition(number: int, result: FitResult) -> Repetition:
    blind = result.choices.get(RULE)
    return Repetition(
        number=number,
        seed=result.seed,
        oracle_step=result.oracle_step,
        oracle_psnr=result.oracle_psnr,
        blind_step=None if blind is None else blind.step,
        blind_psnr=None if blind is None else blind.psnr,
        averaged_psnr=result.psnr_averaged,
        last_psnr=result.psnr_last,
        seconds=result.seconds,
    )


def _panel(title: str, image: np.ndarray) -> Panel:
    return Panel(title, image, log_spectrum(image))


def _clean(restoration: Restoration) -> np.ndarray:
    if restoration.clean is None:
        raise NasdipError("this restoration has no clean image to measure with: restore with --clean")
    return restoration.clean


def _number(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, the first row being its header, padded for a terminal; numbers on the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.rjust(n) for cell, n in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (n + 1) + ":" for n in widths) + "|")
    return "\n".join(lines)
