"""The epochs of a training, as a table. No torch here."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nasdip.errors import NasdipError
from nasdip.files import write_csv


class Epoch(NamedTuple):
    """One pass over the training pairs.

    Attributes
    ----------
    epoch : int
        Number, from 1.
    seconds : float
        Of training alone.
    loss : float
        Mean over its batches; squared error of images in [0, 1].
    validation_loss : float
        Mean squared error of the denoised validation images against their targets.
    validation_mse, validation_psnr : float
        Against the clean validation images; the latter in dB.
    """

    epoch: int
    seconds: float
    loss: float
    validation_loss: float
    validation_mse: float
    validation_psnr: float


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """Return the epoch whose weights are the model: that with the least error against the validation targets."""
    return min(epochs, key=lambda epoch: epoch.validation_loss)


def write_history(path: Path, epochs: Sequence[Epoch]) -> None:
    """Write the table, whole or not at all, with all digits: what goes on from it compares as if it had not stopped."""
    write_csv(path, Epoch._fields, [[str(epoch.epoch), *map(repr, epoch[1:])] for epoch in epochs])


def read_history(path: Path, done: int) -> list[Epoch]:
    """Return the first `done` epochs of the table; NasdipError where it does not hold them."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))[:done]
        epochs = [Epoch(int(row["epoch"]), *(float(row[field]) for field in Epoch._fields[1:])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        epochs = []
    if [epoch.epoch for epoch in epochs] != list(range(1, done + 1)):
        raise NasdipError(f"{path} does not hold the {done} epochs that are done: put it back, or train anew with -o")
    return epochs
