"""One fit of an untrained network to one measurement."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import allows_reference, make_reference
from nasdip.errors import NasdipError
from nasdip.fit.device import suited_threads
from nasdip.fit.loop import WINDOW, FitLoop, FitProgress, network_size
from nasdip.fit.stopping.automatic import decided
from nasdip.measurement.measurement import Measurement
from nasdip.options.fit import FitConfig
from nasdip.records.results import FitEvent, FitResult
from nasdip.space.architecture import Architecture


def fit(
    network: nn.Module,
    architecture: Architecture,
    measurement: Measurement,
    config: FitConfig = FitConfig(),  # noqa: B008 (frozen)
    *,
    seed: int = 0,
    clean: np.ndarray | None = None,
    device: str | torch.device = "cpu",
    progress: Callable[[FitProgress], None] | None = None,
    stop: Callable[[], str | None] | None = None,
    watched: Sequence[str] = (),
    reference: BayesEstimate | None = None,
) -> FitResult:
    r"""Fit `network` to one measurement (Ulyanov et al., Deep Image Prior, CVPR 2018).

    Minimises over the weights :math:`\theta`

    .. math:: \frac{1}{n} \sum_{i \in \text{kept}} (H f_\theta(z + \epsilon_t)_i - y_i)^2,

    with z uniform in [0, input_scale], :math:`\epsilon_t` normal with standard deviation input_noise, by Adam, and
    averages the outputs exponentially. The image is padded by reflection to the size that the network needs.

    Parameters
    ----------
    network : Module
        From `build_network` of `architecture`, on any device; it is moved to `device` and changed.
    measurement : Measurement
        What is fitted.
    seed : int
        Of z, its perturbations and the held-out pixels (not of the weights, which `build_network` made).
    clean : ndarray, optional
        (H, W, C): measures PSNR at every step and picks the image called oracle; the fit does not see it.
    progress : callable, optional
        Called every 10 steps.
    stop : callable, optional
        Called after every step; the fit ends there if it returns the cause, which becomes an event of the result.
    watched : sequence of str
        Stopping rules that are followed beside that of `config`, to compare them: `FitResult.choices` says what they
        would have chosen. They change nothing.
    reference : BayesEstimate, optional
        An estimate of the image without a network. Where the stopping rule needs one, and none is given, it is made
        first.

    Returns
    -------
    FitResult
        Images in the measurement's units.

    Raises
    ------
    NasdipError
        Clean image of another shape, or a fit whose loss is not a number from the start (FitDiverged).
    """
    check_clean(clean, measurement)
    start = time.perf_counter()
    config = decided(config, measurement, has_reference=reference is not None)
    if config.stop == "reference" and reference is None and allows_reference(measurement):
        reference = make_reference(measurement, workers=torch.get_num_threads())
    device = torch.device(device)
    height, width = network_size(architecture, *measurement.image_shape[:2])
    with suited_threads(network, height, width, device):
        loop = FitLoop(network, architecture, measurement, config, seed, clean, device, watched, reference)
        for step in range(1, config.steps + 1):
            loop.step(step)
            cause = stop() if stop is not None else None
            ended = False
            if step % WINDOW == 0 or step == config.steps or cause is not None:
                ended = loop.check(step)
                if progress is not None:
                    progress(loop.progress(step))
            if cause is not None:
                loop.events.append(FitEvent(step, cause))
            if cause is not None or ended:
                break
        return loop.result(time.perf_counter() - start)


def check_clean(clean: np.ndarray | None, measurement: Measurement) -> None:
    """Raise NasdipError for a clean image that is not finite, or not of the shape of the image measured."""
    if clean is None:
        return
    Measurement(clean)  # refuses what is not finite
    if clean.shape != measurement.image_shape:
        raise NasdipError(f"the clean image is {clean.shape}, the noisy one {measurement.image_shape}: give one size")
