"""The pictures that pairs are made of: files, folders of them, or some of scikit-image's."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from skimage import data
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.io import formats
from nasdip.io.image_file import read_image
from nasdip.io.inputs import channels_last

# Photographs that come with scikit-image, without a download.
TRAINING = ("astronaut", "immunohistochemistry", "motorcycle", "rocket")
VALIDATION = ("chelsea", "coffee")
# Of the images that are named without saying which validate: one in so many, the last ones in the order given. In a
# series they are the farthest from the others.
_VALIDATING = 5

Pictures = Mapping[str, np.ndarray]


def shipped() -> tuple[Pictures, Pictures]:
    """Return scikit-image's photographs for training and for validation: (H, W, 3) float32 in [0, 1], by name."""
    return {name: _shipped(name) for name in TRAINING}, {name: _shipped(name) for name in VALIDATION}


def named(images: Sequence[Path], validation: Sequence[Path]) -> tuple[Pictures, Pictures]:
    """Return the images that a person names, and those in folders, for training and for validation, by their paths.

    Where none are named for validation, the last fifth of those for training are, one at least. The images, (H, W, 3)
    float32 in [0, 1], are read when they are looked up.

    Raises
    ------
    NasdipError
        For a folder without images, or one that cannot be read; fewer than two images; one that is in both sets; when
        it is looked up, one that cannot be read or has neither 1 nor 3 channels.
    """
    training, validating = _files(images), _files(validation)
    both = {path.resolve() for path in training} & {path.resolve() for path in validating}
    if both:
        raise NasdipError(f"{sorted(both)[0]} would be trained and validated with: name it once")
    if not validating:
        if len(training) < 2:
            raise NasdipError("pairs to train and to validate are of different images: name two at least")
        count = max(1, len(training) // _VALIDATING)
        training, validating = training[:-count], training[-count:]
    return _Files(training), _Files(validating)


class _Files(Pictures):
    """Images by their paths, read at every look-up: a folder of photographs may not fit into the memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = {str(path): path for path in paths}

    def __getitem__(self, name: str) -> np.ndarray:
        return _read(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _shipped(name: str) -> np.ndarray:
    picture = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    return np.asarray(img_as_float32(picture))


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            try:
                found = sorted(file for file in path.iterdir() if formats.by_suffix(file.suffix))
            except OSError as error:
                raise NasdipError(f"folder {path} cannot be read ({error.strerror}): name another") from None
            if not found:
                raise NasdipError(f"folder {path} holds no image: name one with {', '.join(formats.suffixes())} files")
            files += found
        else:
            files.append(path)
    return list({path.resolve(): path for path in reversed(files)}.values())[::-1]  # each once, where it is first


def _read(path: Path) -> np.ndarray:
    pixels = channels_last(read_image(path))
    if pixels.shape[2] not in (1, 3):
        raise NasdipError(f"{path} has {pixels.shape[2]} channels, pairs have 3: leave it out")
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
