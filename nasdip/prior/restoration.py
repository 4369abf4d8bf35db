"""Restoring one observation: repetitions of a fit with derived seeds."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.imaging.noise_level import estimate_sigma
from nasdip.imaging.observation import Observation
from nasdip.network.build import DEFAULT_WIDTH, build_network
from nasdip.network.operations import count_parameters
from nasdip.prior.config import FitConfig
from nasdip.prior.device import describe, is_out_of_memory
from nasdip.prior.fit import fit
from nasdip.prior.loop import FitProgress
from nasdip.prior.precision import choose_precision
from nasdip.prior.restoration_folder import RestorationFolder
from nasdip.prior.result import FitResult, Restoration
from nasdip.provenance import provenance
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture, check_channels

# repetition (from 1), progress of its fit
Progress = Callable[[int, FitProgress], None]


def restore_observation(
    observation: Observation,
    architecture: Architecture,
    config: FitConfig = FitConfig(),  # noqa: B008 (frozen)
    *,
    repeats: int = 1,
    width: int | None = None,
    seed: int = 0,
    clean: np.ndarray | None = None,
    device: str | torch.device = "cpu",
    folder: RestorationFolder | None = None,
    progress: Progress | None = None,
) -> Restoration:
    """Fit freshly initialised networks to an observation and average their images.

    Parameters
    ----------
    observation : Observation
        (H, W, C).
    repeats : int
        Number of fits, each with weights, z and perturbations from a seed of its own; more = less noise, at the
        price of as many fits.
    width : int, optional
        Channels of every level where the architecture leaves them open; default 128.
    clean : ndarray, optional
        (H, W, C); measures, and picks the images called oracle.
    folder : RestorationFolder, optional
        Where every repetition is written when it ends, and from where finished ones are taken.

    Raises
    ------
    NasdipError
        For bad settings, or where memory runs out.
    """
    if repeats < 1:
        raise NasdipError(f"{repeats} repetitions are too few: use 1 or more")
    device = torch.device(device)
    config = replace(config, precision=choose_precision(config.precision, device))
    check_channels(width)
    if clean is not None:
        Observation(clean)  # refuses what is not finite
    channels = architecture.width or width or DEFAULT_WIDTH
    settings = {
        "architecture": str(architecture),
        "config": config.to_json(),
        "width": channels,
        "seed": seed,
        "device": device.type,
    }
    done: dict[int, FitResult] = {}
    if folder is not None:
        done = folder.start(observation.pixels, clean, settings, provenance())
    repetitions = []
    for number in range(1, repeats + 1):
        result = done.get(number)
        if result is None:
            notify = None if progress is None else _bind(progress, number)
            result = _repetition(
                observation, architecture, config, channels, derive_seed(seed, number), clean, device, notify
            )
            if folder is not None:
                folder.write_repetition(number, result)
        repetitions.append(result)
    image = np.stack([r.averaged for r in repetitions]).mean(axis=0)
    restoration = Restoration(
        architecture=architecture,
        image=image,
        noisy=observation.pixels,
        clean=clean,
        psnr=None if clean is None else psnr(clean, image, data_range=1.0),
        sigma=observation.sigma if observation.sigma is not None else estimate_sigma(observation.pixels),
        repetitions=tuple(repetitions),
        config=config,
        width=channels,
        seed=seed,
        device=describe(device),
        parameters=count_weights(architecture, observation.pixels.shape[2], config, channels),
    )
    if folder is not None:
        folder.finish(restoration)
    return restoration


def _bind(progress: Progress, number: int) -> Callable[[FitProgress], None]:
    return lambda fit_progress: progress(number, fit_progress)


def _repetition(
    observation: Observation,
    architecture: Architecture,
    config: FitConfig,
    width: int,
    seed: int,
    clean: np.ndarray | None,
    device: torch.device,
    progress: Callable[[FitProgress], None] | None,
) -> FitResult:
    network = build_network(
        architecture,
        in_channels=config.input_channels,
        out_channels=observation.pixels.shape[2],
        width=width,
        seed=seed,
    )
    try:
        return fit(network, architecture, observation, config, seed=seed, clean=clean, device=device, progress=progress)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        height, image_width = observation.pixels.shape[:2]
        raise NasdipError(
            f"out of memory fitting {height}x{image_width} px at width {width} on {device}: use a smaller --width, "
            "a smaller picture or another --device"
        ) from None


def count_weights(architecture: Architecture, channels: int, config: FitConfig, width: int | None) -> int:
    """Return the number of weights of a network for images of `channels`; NasdipError where it cannot be built."""
    with torch.device("meta"):
        network = build_network(architecture, in_channels=config.input_channels, out_channels=channels, width=width)
    return count_parameters(network)
