"""`nasdip pairs`, `nasdip train` and `nasdip denoise`."""

import itertools
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from nasdip.baselines.denoiser import check_channels, load_denoiser
from nasdip.baselines.history import Epoch, best_of
from nasdip.baselines.model_folder import ModelFolder
from nasdip.baselines.origin import read_origin
from nasdip.baselines.pairs import PairSet, make_pairs, read_pairs, write_pairs
from nasdip.baselines.pictures import named, shipped
from nasdip.baselines.registry import Baseline, find_baseline
from nasdip.baselines.training import TrainingSettings, identity, measure_step, noisy_psnr, steps_of, train
from nasdip.cli.commands.targets import check_targets
from nasdip.console import ShowProgress, duration, note, progress, size
from nasdip.errors import NasdipError
from nasdip.files import make_folder
from nasdip.fit.device import describe as describe_device
from nasdip.fit.device import find_device, memory_told
from nasdip.imaging.metrics import psnr
from nasdip.io.image_file import check_output, read_image, write_image
from nasdip.io.inputs import channels_last, describe, read_clean
from nasdip.measurement.measure import measurement_of
from nasdip.report.figures.theme import save_png
from nasdip.report.figures.training import training_figure

# A level of noise that differs from that of the training by more than this factor is told.
_OTHER_LEVEL = 1.25


def make_pair_file(images: list[Path], validation: list[Path], output: Path, **settings: Any) -> None:
    """Write the pairs of images, or of scikit-image's photographs where none are named."""
    if output.suffix != ".npz":
        raise NasdipError(f"{output} does not end in .npz: choose another file with -o")
    if output.is_dir():
        raise NasdipError(f"{output} is a folder: choose a file with -o")
    if validation and not images:
        raise NasdipError("there are images to validate with, and none to train with: name some")
    training, validating = named(images, validation) if images else shipped()
    with progress("pairs", len(training) + len(validating)) as show:
        done = itertools.count(1)
        pairs = make_pairs(training, validating, notify=lambda: show(next(done)), **settings)
    make_folder(output.parent)
    write_pairs(output, pairs)
    note(_pairs_words(pairs))
    print(output)


def train_baseline(
    name: str,
    pair_file: Path,
    output: Path,
    *,
    epochs: int | None,
    batch: int | None,
    learning_rate: float | None,
    seed: int,
    device: str,
    tensorboard: bool,
) -> None:
    """Train a baseline into the folder `output`, from where an earlier start of the same training is."""
    baseline, where, folder = find_baseline(name), find_device(device), ModelFolder(output)
    pairs = read_pairs(pair_file)
    settings = TrainingSettings(
        baseline.epochs if epochs is None else epochs,
        baseline.batch if batch is None else batch,
        baseline.learning_rate if learning_rate is None else learning_rate,
        seed,
    )
    training = identity(baseline, pairs, settings)
    done = folder.check(training)
    if tensorboard:
        _check_tensorboard()
    noisy = noisy_psnr(baseline, pairs.validation, seed)
    short = f"for batches of {settings.batch} images on {where}: use a smaller --batch"
    with memory_told(short):
        note(_announcement(baseline, pairs, settings, where, done, noisy))
    with folder.locked(), memory_told(short):
        folder.open(training, {"pairs": dict(pairs.facts), "noisy_psnr": noisy})
        _train(baseline, pairs, settings, folder, where, tensorboard)
        save_png(training_figure(folder.history(), noisy), folder.path / "curve.png")
    best = best_of(folder.history())
    quality = f"{best.validation_psnr:.2f} dB, mean squared error {best.validation_mse:.4f}"
    note(f"best epoch {best.epoch}: {quality} on the validation pairs, noisy {noisy:.2f} dB")
    print(output)


def denoise_files(images: list[Path], output: Path, *, model: Path, device: str, clean: Path | None) -> None:
    """Denoise each image with a trained baseline into the folder `output`."""
    denoise, sigma = load_denoiser(model, find_device(device)), read_origin(model).sigma
    if clean is not None and len(images) > 1:
        raise NasdipError("--clean belongs to one picture: denoise them one by one")
    check_targets(images, output, others=() if clean is None else (clean,))
    for path in images:
        file = read_image(path)
        check_output(path, file)
        check_channels(channels_last(file).shape[2])
        if clean is not None:
            read_clean(clean, file)
    make_folder(output)
    for path in images:
        file = read_image(path)
        pixels, truth = channels_last(file), read_clean(clean, file)
        note(describe(file))
        _tell_other_level(path, measurement_of(pixels).sigma or 0.0, sigma)
        with progress(f"{path.name} (%)", 100) as show:
            denoised = denoise(pixels, _percents(show))
        write_image(output / path.name, denoised, like=file)
        if truth is not None:
            note(f"PSNR {psnr(truth, denoised, data_range=1.0):.2f} dB")
        print(output / path.name)


def _percents(show: ShowProgress) -> Callable[[int, int], None]:
    return lambda done, total: show(100 * done // total)


def _pairs_words(pairs: PairSet) -> str:
    facts = pairs.facts
    levels = " and ".join(f"{sigma:.1f}" for sigma in facts["sigma"])
    return (
        f"{len(pairs.training.clean)} pairs of {pairs.size}x{pairs.size} px of {len(facts['training'])} images to "
        f"train with, {len(pairs.validation.clean)} of {len(facts['validation'])} others to validate with; noise of "
        f"sigma {levels} (8-bit units), {facts['noisy_psnr']} dB"
    )


def _announcement(
    baseline: Baseline, pairs: PairSet, settings: TrainingSettings, device: torch.device, done: int, noisy: float
) -> str:
    steps, left = steps_of(pairs, settings), settings.epochs - done
    earlier = f"; going on with an earlier start, {done} epochs done" if done else ""
    if left <= 0:
        return f"{baseline.name}: {done} epochs are done; --epochs {done + 1} or more goes on"
    seconds = left * steps * measure_step(baseline, pairs, settings, device)
    used = (
        torch.cuda.max_memory_allocated(device)
        if device.type == "cuda"
        else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    return (
        f"{baseline.name}: {left} epochs of {steps} steps with {settings.batch} images, learning rate "
        f"{settings.learning_rate:g}, on {describe_device(device)}, about {duration(seconds)} and {size(used)}; "
        f"validation pairs have {noisy:.2f} dB{earlier}"
    )


def _train(
    baseline: Baseline,
    pairs: PairSet,
    settings: TrainingSettings,
    folder: ModelFolder,
    device: torch.device,
    tensorboard: bool,
) -> None:
    steps, epochs = steps_of(pairs, settings), folder.history()
    quality = ""

    with (
        progress(baseline.name, settings.epochs * steps, len(epochs) * steps) as show,
        _board(folder.path / "tensorboard", epochs if tensorboard else None) as add,
    ):

        def step(number: int, epoch: int, loss: float) -> None:
            show((epoch - 1) * steps + number, f"epoch {epoch}, loss {loss:.4g}{quality}")

        def ended(epoch: Epoch) -> None:
            nonlocal quality
            quality = f", validation {epoch.validation_psnr:.2f} dB"
            add(epoch)
            if not sys.stderr.isatty():  # a bar shows it
                note(f"{baseline.name}: epoch {epoch.epoch}, loss {epoch.loss:.4g}{quality}")

        try:
            train(baseline, pairs, settings, folder, device, step, ended)
        except KeyboardInterrupt:
            note(f"{len(folder.history())} epochs are in {folder.path}; the same command goes on")
            raise


def _check_tensorboard() -> None:
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise NasdipError("TensorBoard is not installed: pip install nasdip[tensorboard]") from None


@contextmanager
def _board(folder: Path, epochs: Sequence[Epoch] | None) -> Iterator[Callable[[Epoch], None]]:
    """Return what adds an epoch to TensorBoard's curves in a folder, those that are done anew; None: to nothing."""
    if epochs is None:
        yield lambda epoch: None
        return
    from torch.utils.tensorboard import SummaryWriter

    for file in folder.glob("events.out.tfevents.*"):  # may lack epochs, or have some twice
        file.unlink()
    with SummaryWriter(str(folder)) as writer:

        def add(epoch: Epoch) -> None:
            for name in Epoch._fields[2:]:
                writer.add_scalar(name, getattr(epoch, name), epoch.epoch)
            writer.flush()

        for epoch in epochs:
            add(epoch)
        yield add


def _tell_other_level(path: Path, found: float, trained: float | None) -> None:
    if trained is not None and not trained / _OTHER_LEVEL < found < trained * _OTHER_LEVEL:
        note(f"{path} has noise of sigma {found:.1f}, the model was trained for {trained:.1f}: expect a worse result")
