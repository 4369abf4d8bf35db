"""A trained baseline as a denoiser of images of any size."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from nasdip.baselines.model_folder import ModelFolder
from nasdip.baselines.registry import find_baseline
from nasdip.baselines.trainable import Trainable
from nasdip.errors import NasdipError
from nasdip.imaging.padding import crop, pad_reflect, padding_for
from nasdip.imaging.tiles import cover

# Crops that are denoised at once.
_AT_ONCE = 64


def load_denoiser(path: Path, device: torch.device | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Return the trained baseline in a folder as a function from a noisy image (H, W, C) to a denoised one.

    Images are denoised in crops of the size that the network was trained with, which overlap by half and are blended:
    deep in the network a trained map may be a single pixel, and larger ones would meet weights which nothing trained.
    Grey images are denoised as three equal channels, whose results are averaged.

    Raises
    ------
    NasdipError
        For a folder without a model; the function does for other than 1 or 3 channels.
    """
    folder, device = ModelFolder(path), device or torch.device("cpu")
    settings = folder.record()["settings"]
    network = find_baseline(settings["baseline"]).build(0, settings["learning_rate"], device)
    network.load_weights(folder.weights())
    size = int(settings["size"])
    return lambda image: _denoised(network, image, size, device)


def _denoised(network: Trainable, image: np.ndarray, size: int, device: torch.device) -> np.ndarray:
    channels = image.shape[2]
    if channels not in (1, 3):
        raise NasdipError(f"trained networks denoise 1 or 3 channels, not {channels}: split the image")
    colour = np.repeat(image, 3, axis=2) if channels == 1 else image
    padding = padding_for((image.shape[0], image.shape[1]), 1, size)
    padded = pad_reflect(colour, padding).astype(np.float32)
    tiling = cover((padded.shape[0], padded.shape[1]), size, overlap=size // 2, multiple=size)
    total = np.zeros(padded.shape)
    places = zip(tiling.tiles, tiling.windows(), strict=True)
    while some := list(islice(places, _AT_ONCE)):
        batch = torch.from_numpy(np.stack([padded[tile.place].transpose(2, 0, 1) for tile, _ in some])).to(device)
        output = network.predict(batch).cpu().numpy()
        for (tile, window), denoised in zip(some, output, strict=True):
            total[tile.place] += window[..., None] * denoised.transpose(1, 2, 0)
    result = crop(total, padding).astype(np.float32)
    return result.mean(axis=2, keepdims=True) if channels == 1 else result
