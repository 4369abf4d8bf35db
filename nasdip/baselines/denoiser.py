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


# Called with the crops that are done, and their number.
Notify = Callable[[int, int], None]


def check_channels(channels: int) -> None:
    """Raise NasdipError for images that trained networks do not denoise."""
    if channels not in (1, 3):
        raise NasdipError(f"trained networks denoise 1 or 3 channels, not {channels}: split the image")


class Denoiser:
    """A trained network as a denoiser of images (H, W, C), float in [0, 1] nominally, of any size.

    Images are denoised in crops of the size that the network was trained with, which overlap by half and are blended:
    deep in the network a trained map may be a single pixel, and larger ones would meet weights which nothing trained.
    Grey images are denoised as three equal channels, whose results are averaged. Results are float32 in [0, 1].

    Parameters
    ----------
    network : Trainable
    size : int
        Side of the crops, px.
    device : torch.device
    """

    def __init__(self, network: Trainable, size: int, device: torch.device) -> None:
        self._network, self._size, self._device = network, size, device

    def __call__(self, image: np.ndarray, notify: Notify | None = None) -> np.ndarray:
        """Return the denoised image; NasdipError for other than 1 or 3 channels."""
        channels, size = image.shape[2], self._size
        check_channels(channels)
        colour = np.repeat(image, 3, axis=2) if channels == 1 else image
        padding = padding_for((image.shape[0], image.shape[1]), 1, size)
        padded = pad_reflect(colour, padding).astype(np.float32)
        tiling = cover((padded.shape[0], padded.shape[1]), size, overlap=size // 2, multiple=size)
        total, done = np.zeros(padded.shape), 0
        places = zip(tiling.tiles, tiling.windows(), strict=True)
        while some := list(islice(places, _AT_ONCE)):
            crops = np.stack([padded[tile.place].transpose(2, 0, 1) for tile, _ in some])
            output = self._network.predict(torch.from_numpy(crops).to(self._device)).cpu().numpy()
            for (tile, window), denoised in zip(some, output, strict=True):
                total[tile.place] += window[..., None] * denoised.transpose(1, 2, 0)
            done += len(some)
            if notify is not None:
                notify(done, len(tiling.tiles))
        result = np.clip(crop(total, padding), 0, 1).astype(np.float32)
        return result.mean(axis=2, keepdims=True) if channels == 1 else result


def load_denoiser(path: Path, device: torch.device | None = None) -> Denoiser:
    """Return the trained baseline in a folder as a denoiser; NasdipError for a folder without a model."""
    folder, device = ModelFolder(path), device or torch.device("cpu")
    settings = folder.record()["settings"]
    network = find_baseline(settings["baseline"]).build(0, settings["learning_rate"], device)
    network.load_weights(folder.weights())
    return Denoiser(network, int(settings["size"]), device)
