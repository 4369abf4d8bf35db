"""The pictures that pairs are made of: files, folders of them, or some of scikit-image's."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from skimage import data
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.imaging.image_file import FORMATS, read_image
from nasdip.imaging.inputs import channels_last

# Photographs that come with scikit-image, without a download.
TRAINING = ("astronaut", "immunohistochemistry", "motorcycle", "rocket")
VALIDATION = ("chelsea", "coffee")
# Of the images that are named without saying which validate: one in so many, the last ones in the order given.
_VALIDATING = 5

Pictures = dict[str, np.ndarray]


def shipped() -> tuple[Pictures, Pictures]:
    """Return scikit-image's photographs for training and for validation: (H, W, 3) float32 in [0, 1], by name."""
    return {name: _shipped(name) for name in TRAINING}, {name: _shipped(name) for name in VALIDATION}


def named(images: Sequence[Path], validation: Sequence[Path]) -> tuple[Pictures, Pictures]:
    """Read the images that a person names, and the folders of images, for training and for validation.

    Where none are named for validation, every fifth is taken of those for training, one at least.

    Raises
    ------
    NasdipError
        For a folder without images, or one that cannot be read; fewer than two images; one that has neither 1 nor 3
        channels.
    """
    training, validating = _files(images), _files(validation)
    if not validating:
        if len(training) < 2:
            raise NasdipError("pairs to train and to validate are of different images: name two at least")
        count = max(1, len(training) // _VALIDATING)
        training, validating = training[:-count], training[-count:]
    return {str(path): _read(path) for path in training}, {str(path): _read(path) for path in validating}


def _shipped(name: str) -> np.ndarray:
    picture = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    return np.asarray(img_as_float32(picture))


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.suffix.lower() in FORMATS)
            if not found:
                raise NasdipError(f"folder {path} holds no image: name one with {', '.join(FORMATS)} files")
            files += found
        else:
            files.append(path)
    return list(dict.fromkeys(files))


def _read(path: Path) -> np.ndarray:
    pixels = channels_last(read_image(path))
    if pixels.shape[2] not in (1, 3):
        raise NasdipError(f"{path} has {pixels.shape[2]} channels, pairs have 3: leave it out")
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
