"""Training a baseline on pairs, epoch by epoch, into a folder from which it goes on."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nasdip.baselines.history import Epoch
from nasdip.baselines.model_folder import ModelFolder
from nasdip.baselines.pairs import Pairs, PairSet
from nasdip.baselines.registry import Baseline
from nasdip.baselines.trainable import Trainable
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import decibels, psnr
from nasdip.measurement.add_noise import add_noise
from nasdip.seeds import derive_seed

# Images that are denoised at once in validation.
_VALIDATED = 250


@dataclass(frozen=True)
class TrainingSettings:
    """What decides a training beside its pairs.

    Parameters
    ----------
    epochs : int
        In all, those of earlier starts included.
    batch : int
        Images for one optimiser step; those left over in an epoch are not used.
    learning_rate : float
    seed : int
        Of the weights, the order of the pairs, and noise that is added; the same gives the same on one machine's CPU.

    Raises
    ------
    NasdipError
        For numbers out of range.
    """

    epochs: int
    batch: int
    learning_rate: float
    seed: int

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2:
            raise NasdipError(f"{self.epochs} epochs of batches of {self.batch}: use 1 and 2 at least")
        if not 0 < self.learning_rate < math.inf:
            raise NasdipError(f"a learning rate of {self.learning_rate} teaches nothing: use a number above 0")


class Batches(NamedTuple):
    """Noisy images and what they should become, (N, C, H, W) uint8 or float32 in [0, 1]."""

    source: np.ndarray
    target: np.ndarray


# Batches that are done in the epoch, its number, and the loss of the last one.
Notify = Callable[[int, int, float], None]


def identity(baseline: Baseline, pairs: PairSet, settings: TrainingSettings) -> dict[str, Any]:
    """Return what the folder of a training is opened with: all that its weights depend on but the epochs (JSON)."""
    return {
        "baseline": baseline.name, "batch": settings.batch, "learning_rate": settings.learning_rate,
        "seed": settings.seed, "size": pairs.size, "pairs": pairs.digest(), "noise": baseline.noise,
    }  # fmt: skip


def steps_of(pairs: PairSet, settings: TrainingSettings) -> int:
    """Return the optimiser steps of an epoch."""
    return max(1, len(pairs.training.source) // settings.batch)


def train(
    baseline: Baseline,
    pairs: PairSet,
    settings: TrainingSettings,
    folder: ModelFolder,
    device: torch.device,
    notify: Notify | None = None,
    ended: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train until there are `settings.epochs` epochs, from where the folder is.

    After each epoch the network denoises the validation images. The weights with the least mean squared error against
    the validation *targets* are kept as the model: for noisy targets no clean image picks anything. The error against
    the clean images is measured beside it.

    Parameters
    ----------
    folder : ModelFolder
        Opened for these settings; it holds all that is needed to go on after every epoch.
    notify, ended : callable, optional
        Called after every step and every epoch.

    Returns
    -------
    list of Epoch

    Raises
    ------
    NasdipError
        Where the loss is no number: a smaller learning rate is needed.
    """
    network = baseline.build(derive_seed(settings.seed, 0), settings.learning_rate, device)
    epochs = folder.resume(network)
    validation = _validation(baseline, pairs.validation, settings.seed)
    for number in range(len(epochs) + 1, settings.epochs + 1):
        start, losses = time.perf_counter(), []
        for step, (source, target) in enumerate(_batches(baseline, pairs.training, settings, number), start=1):
            losses.append(network.step(_tensor(source, device), _tensor(target, device)))
            _check_loss(losses[-1], number)
            if notify is not None:
                notify(step, number, losses[-1])
        seconds = time.perf_counter() - start
        epoch = Epoch(
            number, seconds, float(np.mean(losses)), *_validate(network, validation, pairs.validation, device)
        )
        _check_loss(epoch.validation_loss, number)  # the last step may have spoilt the weights
        epochs.append(epoch)
        folder.write_epoch(network, epochs)
        if ended is not None:
            ended(epoch)
    return epochs


def measure_step(baseline: Baseline, pairs: PairSet, settings: TrainingSettings, device: torch.device) -> float:
    """Return the seconds of an optimiser step, measured with a network that is not kept."""
    network = baseline.build(0, settings.learning_rate, device)
    seconds = 0.0
    for _ in range(2):  # the first one prepares memory and kernels
        start = time.perf_counter()
        source, target = next(_batches(baseline, pairs.training, settings, 1))
        network.step(_tensor(source, device), _tensor(target, device))
        seconds = time.perf_counter() - start
    return seconds


def noisy_psnr(baseline: Baseline, pairs: Pairs, seed: int) -> float:
    """Return the PSNR (dB) of the noisy images that a baseline is validated with."""
    source = _validation(baseline, pairs, seed).source
    clean = pairs.clean / np.float32(255)
    return psnr(clean, source if source.dtype != np.uint8 else source / np.float32(255), data_range=1.0)


def _batches(baseline: Baseline, pairs: Pairs, settings: TrainingSettings, epoch: int) -> Iterator[Batches]:
    rng = np.random.default_rng(derive_seed(settings.seed, 1, epoch))
    order, batch = rng.permutation(len(pairs.source)), min(settings.batch, len(pairs.source))
    for start in range(0, len(order) - batch + 1, batch):
        yield _chosen(baseline, pairs, order[start : start + batch], rng)


def _validation(baseline: Baseline, pairs: Pairs, seed: int) -> Batches:
    """Return the validation images, with the same noise in every epoch."""
    return _chosen(baseline, pairs, np.arange(len(pairs.source)), np.random.default_rng(derive_seed(seed, 2)))


def _chosen(baseline: Baseline, pairs: Pairs, places: np.ndarray, rng: np.random.Generator) -> Batches:
    if baseline.noise is None:
        return Batches(pairs.source[places], pairs.target[places])
    clean = pairs.clean[places] / np.float32(255)
    return Batches(np.stack([add_noise(image, baseline.noise, seed=rng) for image in clean]), clean)


def _tensor(images: np.ndarray, device: torch.device) -> Tensor:
    """Return (N, H, W, C) images as a batch (N, C, H, W) float32 in [0, 1]."""
    batch = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).to(torch.float32)
    return (batch / 255 if images.dtype == np.uint8 else batch).contiguous()


def _validate(
    network: Trainable, validation: Batches, pairs: Pairs, device: torch.device
) -> tuple[float, float, float]:
    """Return the mean squared error against the targets and the clean images, and the PSNR (dB) of the latter."""
    sums, clean = np.zeros(2), pairs.clean
    for start in range(0, len(clean), _VALIDATED):
        part = slice(start, start + _VALIDATED)
        output = network.predict(_tensor(validation.source[part], device))
        for place, wanted in enumerate((validation.target[part], clean[part])):
            sums[place] += float((output - _tensor(wanted, device)).square().sum(dtype=torch.float64))
    target, truth = (float(total) / clean.size for total in sums)
    return target, truth, float(decibels(np.array(truth)))


def _check_loss(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        other = " and another folder with -o" if epoch > 1 else ""
        raise NasdipError(f"the loss is {loss} in epoch {epoch}: use a smaller --learning-rate{other}")
