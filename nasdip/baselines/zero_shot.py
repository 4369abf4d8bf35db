"""Zero-shot Noise2Noise: a small network trained on two halves of one noisy image."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from nasdip.errors import NasdipError
from nasdip.imaging.checks import check_finite
from nasdip.imaging.intensity import working_range
from nasdip.threads import use_threads

STEPS = 3000
_CHANNELS, _SLOPE = 48, 0.2
_LEARNING_RATE, _HALVED_AFTER = 1e-3, 1000
_TOLD = 10  # steps between two calls of `progress`
_ONE_THREAD_VALUES = 2**17  # of a feature map, up to which a second thread gains nothing

# Of each square of 2x2 px, the mean of one diagonal and that of the other.
_DIAGONALS = torch.tensor([[[0.0, 0.5], [0.5, 0.0]], [[0.5, 0.0], [0.0, 0.5]]])


def zero_shot(
    noisy: np.ndarray,
    *,
    steps: int = STEPS,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    r"""Denoise an image by zero-shot Noise2Noise, without any other image.

    With :math:`D_1, D_2` the halves of `pair` and :math:`g(y) = y - f_\theta(y)`, f three convolutions that predict
    the noise, it minimises

    .. math::
        \tfrac12 (|g(D_1 y) - D_2 y|^2 + |g(D_2 y) - D_1 y|^2)
        + \tfrac12 (|g(D_1 y) - D_1 g(y)|^2 + |g(D_2 y) - D_2 g(y)|^2)

    (mean squares; residual and consistency) by Adam, whose rate of 0.001 is halved every 1000 steps. The noise must be
    independent between pixels; nothing else needs to be known of it. There is no early stopping.

    Parameters
    ----------
    noisy : ndarray
        (H, W, C), at least 2x2 px, float; stretched to its `working_range`.
    steps : int
        Optimiser steps. More = more of the noise goes, as far as this network can.
    seed : int
        Of the weights: the same seed gives the same image on the same machine's CPU.
    device : str or torch.device
        Where to compute.
    progress : callable, optional
        Called with the steps done, every 10.

    Returns
    -------
    ndarray
        (H, W, C) float32, within the range of `noisy`.

    Raises
    ------
    NasdipError
        For an image of another number of axes, NaN or infinity, or less than one step.

    References
    ----------
    Y. Mansour and R. Heckel, Zero-Shot Noise2Noise: Efficient image denoising without any data, CVPR 2023,
    14018-14027, https://arxiv.org/abs/2303.11253

    Examples
    --------
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (16, 16, 1))
    >>> bool(zero_shot(noisy, steps=50).std() < 0.8 * noisy.std())
    True
    """
    if noisy.ndim != 3 or min(noisy.shape[:2]) < 2:
        raise NasdipError(f"an image of shape {noisy.shape} has no two halves: give (H, W, C), 2x2 px or more")
    if steps < 1:
        raise NasdipError(f"{steps} steps are too few for zero-shot Noise2Noise: use 1 or more")
    check_finite(noisy, "image")
    scaling = working_range(noisy)
    scaled = scaling.apply(noisy).astype(np.float32)
    y = torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))[None].to(device)  # (1, C, H, W)
    small = y.device.type == "cpu" and _CHANNELS * y[0, 0].numel() <= _ONE_THREAD_VALUES
    with use_threads(1 if small else None):
        network = _fit(y, steps, seed, progress)
        with torch.no_grad():
            denoised = (y - network(y))[0].permute(1, 2, 0).cpu().numpy()
    image = np.clip(denoised, scaled.min(), scaled.max())
    return np.asarray(scaling.invert(image), np.float32)


def noise_network(channels: int, seed: int) -> nn.Sequential:
    """Return the network that predicts the noise of images of `channels`, its weights drawn by `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(channels, _CHANNELS, 3, padding=1),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(_CHANNELS, channels, 1),
        )


def pair(image: Tensor) -> Tensor:
    """Return the two halves of an image (1, C, H, W), as (2, C, H // 2, W // 2); a last odd row or column is left out.

    Examples
    --------
    >>> pair(torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])).flatten().tolist()
    [3.0, 4.5]
    """
    channels = image.shape[1]
    kernels = _DIAGONALS.to(image).repeat(channels, 1, 1)[:, None]  # (2 C, 1, 2, 2)
    halves = nn.functional.conv2d(image, kernels, stride=2, groups=channels)  # (1, 2 C, H // 2, W // 2)
    return halves[0].unflatten(0, (channels, 2)).transpose(0, 1)


def zero_shot_loss(network: nn.Module, y: Tensor) -> Tensor:
    """Return the loss of `zero_shot` for an image (1, C, H, W)."""
    halves = pair(y)
    denoised = halves - network(halves)
    residual = nn.functional.mse_loss(denoised, halves.flip(0))
    consistency = nn.functional.mse_loss(denoised, pair(y - network(y)))
    return residual + consistency


def _fit(y: Tensor, steps: int, seed: int, progress: Callable[[int], None] | None) -> nn.Module:
    network = noise_network(y.shape[1], seed).to(y.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, _HALVED_AFTER, gamma=0.5)
    for step in range(1, steps + 1):
        optimiser.zero_grad()
        zero_shot_loss(network, y).backward()
        optimiser.step()
        schedule.step()
        if progress is not None and (step % _TOLD == 0 or step == steps):
            progress(step)
    return network
