"""Pairs of noisy crops to train with, beside the clean one: as the course data of the student reports.

A file of pairs is NumPy's NPZ with uint8 arrays (N, S, S, 3): training_source, training_target, training_clean,
validation_source, validation_target, validation_clean; and `facts`, a JSON text.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from skimage.transform import downscale_local_mean

from nasdip.errors import NasdipError
from nasdip.files import replacing
from nasdip.imaging.metrics import psnr
from nasdip.seeds import derive_seed

NOISY_PSNR = 20.72  # dB, of the course data
FACTORS = (1, 2, 3, 4)
SIZES = (32, 64)
_MOST_SIGMA = 255.0
# Crops by which the level of the noise is found, and how exactly (8-bit units).
_CALIBRATING, _TOLERANCE = 1000, 0.01
_NOISY_AT_ONCE = 1000  # crops; floats take four times the memory


class Pairs(NamedTuple):
    """Two noisy versions of crops, with independent noise, and the clean ones: uint8 arrays (N, S, S, 3)."""

    source: np.ndarray
    target: np.ndarray
    clean: np.ndarray


@dataclass(frozen=True, eq=False)
class PairSet:
    """Pairs to train with, pairs of other images to validate with, and how they were made (JSON)."""

    training: Pairs
    validation: Pairs
    facts: Mapping[str, Any]

    @property
    def size(self) -> int:
        """The side of the crops, px."""
        return int(self.training.clean.shape[1])

    def digest(self) -> str:
        """Return what identifies the pixels: SHA-256, shortened."""
        total = hashlib.sha256()
        for pairs in (self.training, self.validation):
            for array in pairs:
                total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()[:16]


def make_pairs(
    training: Mapping[str, np.ndarray],
    validation: Mapping[str, np.ndarray],
    *,
    count: int = 10_000,
    validation_count: int = 1000,
    size: int = 32,
    factors: Sequence[int] = FACTORS,
    noisy_psnr: float = NOISY_PSNR,
    seed: int = 0,
    notify: Callable[[], None] | None = None,
) -> PairSet:
    """Cut random crops of images at several sizes, and add noise to each twice.

    Each crop is of an image and a factor drawn at random: the image averaged over squares of factor x factor px; the
    rows and columns that are left over at its end are not used. The noise is Gaussian, clipped and rounded to 8 bits,
    of the level at which the noisy crops of a set have `noisy_psnr`.

    Parameters
    ----------
    training, validation : mapping
        Images by name, (H, W, 3) float in [0, 1]; no image may be in both. Each is looked up twice, one after another,
        and not kept: a mapping that reads files needs the memory of two.
    count, validation_count : int
        Pairs of each set: 2 at least to train with, 1 to validate with.
    size : int
        Side of the crops, px: 32 or 64.
    factors : sequence of int
        From 1; those that leave an image smaller than a crop are left out for it.
    noisy_psnr : float
        In dB; larger = less noise.
    seed : int
        The same seed gives the same pairs.
    notify : callable, optional
        Called when the crops of an image are cut.

    Returns
    -------
    PairSet

    Raises
    ------
    NasdipError
        For an image in both sets, images that are too small, or settings out of range.

    Examples
    --------
    >>> images = {name: np.full((40, 40, 3), 0.5) for name in ("one", "other")}
    >>> made = make_pairs({"one": images["one"]}, {"other": images["other"]}, count=64, validation_count=8)
    >>> made.training.source.shape, made.training.source.dtype
    ((64, 32, 32, 3), dtype('uint8'))
    """
    _check(training, validation, count, validation_count, size, factors, noisy_psnr)
    sets, sigmas = [], []
    for stream, (images, number) in enumerate(((training, count), (validation, validation_count))):
        rng = np.random.default_rng(derive_seed(seed, stream))
        clean = _crops(images, _levels(images, size, factors), number, size, rng, notify)
        rng = np.random.default_rng(derive_seed(seed, stream, 1))
        sigmas.append(_sigma(clean, noisy_psnr, derive_seed(seed, stream, 2)))
        sets.append(Pairs(_noisy(clean, sigmas[-1], rng), _noisy(clean, sigmas[-1], rng), clean))
    facts = {
        "size": size, "factors": list(factors), "noisy_psnr": noisy_psnr, "seed": seed,
        "sigma": [round(sigma, 3) for sigma in sigmas], "training": list(training), "validation": list(validation),
    }  # fmt: skip
    return PairSet(sets[0], sets[1], facts)


def write_pairs(path: Path, pairs: PairSet) -> None:
    """Write a file of pairs, whole or not at all."""
    arrays: dict[str, Any] = {f"{name}_{field}": array for name, field, array in _named(pairs)}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, facts=np.array(json.dumps(dict(pairs.facts))), **arrays)


def read_pairs(path: Path) -> PairSet:
    """Read a file of pairs; NasdipError where it is none."""
    try:
        with open(path, "rb") as whole, np.load(whole, allow_pickle=False) as file:  # closed, whatever it holds
            sets = [Pairs(*(file[f"{name}_{field}"] for field in Pairs._fields)) for name in ("training", "validation")]
            facts = json.loads(str(file["facts"]))
    except FileNotFoundError:
        raise NasdipError(f"{path} does not exist: make it with nasdip pairs") from None
    except (OSError, EOFError, ValueError, KeyError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NasdipError(f"{path} is no file of pairs ({reason}): make it with nasdip pairs") from None
    side = sets[0].clean.shape[1:2]
    crops = [(*side, *side, 3)]  # of both sets
    fits = all(
        a.dtype == np.uint8 and a.shape[1:] in crops and len(a) == len(pairs[0]) for pairs in sets for a in pairs
    )
    if not fits or side[0] not in SIZES or len(sets[0].clean) < 2 or not len(sets[1].clean):
        raise NasdipError(f"{path} holds other arrays than pairs of 8-bit crops: make it with nasdip pairs")
    if not isinstance(facts, dict):
        raise NasdipError(f"{path} does not say how its pairs were made: make it with nasdip pairs")
    return PairSet(sets[0], sets[1], facts)


def _named(pairs: PairSet) -> list[tuple[str, str, np.ndarray]]:
    sets = {"training": pairs.training, "validation": pairs.validation}
    return [(name, field, getattr(chosen, field)) for name, chosen in sets.items() for field in Pairs._fields]


def _check(
    training: Mapping[str, np.ndarray],
    validation: Mapping[str, np.ndarray],
    count: int,
    validation_count: int,
    size: int,
    factors: Sequence[int],
    noisy_psnr: float,
) -> None:
    both = sorted(set(training) & set(validation))
    if both:
        raise NasdipError(f"{both[0]} would be trained and validated with: name it once")
    if not training or not validation:
        raise NasdipError("pairs need two images at least, one of them to validate with: name more")
    if count < 2 or validation_count < 1:
        raise NasdipError("there are to be two pairs at least to train with, and one to validate with: ask for more")
    if size not in SIZES:
        raise NasdipError(f"crops of {size} px are not known: use {' or '.join(map(str, SIZES))}")
    if not factors or min(factors) < 1:
        raise NasdipError("factors of the size are whole numbers from 1, such as 1 2 3 4")
    if not 0 < noisy_psnr < 60:
        raise NasdipError(f"a noisy PSNR of {noisy_psnr} dB is none: use a number between 0 and 60, such as 20.72")


class _Level(NamedTuple):
    """An image made smaller by a factor, and its size then."""

    image: str
    factor: int
    height: int
    width: int


def _levels(images: Mapping[str, np.ndarray], size: int, factors: Sequence[int]) -> list[_Level]:
    """Return what crops can be cut from; NasdipError for an image that is too small for any."""
    levels = []
    for name, image in images.items():
        height, width = image.shape[:2]
        found = [_Level(name, f, height // f, width // f) for f in factors if min(height, width) // f >= size]
        if not found:
            shape = f"{height}x{width} px"
            raise NasdipError(f"{name} has {shape}, too few for crops of {size} px: leave it out, or use other factors")
        levels += found
    return levels


def _crops(
    images: Mapping[str, np.ndarray],
    levels: Sequence[_Level],
    count: int,
    size: int,
    rng: np.random.Generator,
    notify: Callable[[], None] | None,
) -> np.ndarray:
    """Return random crops (count, size, size, 3), uint8."""
    crops, chosen = np.empty((count, size, size, 3), np.uint8), rng.integers(len(levels), size=count)
    free = np.array([(level.height - size + 1, level.width - size + 1) for level in levels])
    corners = rng.integers(free[chosen])
    for name, image in images.items():
        for number, level in enumerate(levels):
            if level.image == name:
                reduced = _reduced(image, level)
                for place in np.flatnonzero(chosen == number):
                    top, left = corners[place]
                    crops[place] = reduced[top : top + size, left : left + size]
        if notify is not None:
            notify()
    return crops


def _reduced(image: np.ndarray, level: _Level) -> np.ndarray:
    """Return an image at a level, uint8; what fills no whole square is left out, which would be averaged with black."""
    whole = image[: level.height * level.factor, : level.width * level.factor]
    return np.rint(255 * np.clip(downscale_local_mean(whole, (level.factor, level.factor, 1)), 0, 1)).astype(np.uint8)


def _noisy(clean: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Return a noisy version, in 8 bits."""
    noisy = np.empty_like(clean)
    for start in range(0, len(clean), _NOISY_AT_ONCE):
        part = clean[start : start + _NOISY_AT_ONCE]
        noise = rng.standard_normal(part.shape, dtype=np.float32)
        noisy[start : start + _NOISY_AT_ONCE] = np.clip(np.rint(part + np.float32(sigma) * noise), 0, 255)
    return noisy


def _sigma(clean: np.ndarray, wanted: float, seed: int) -> float:
    """Return the level (8-bit units) at which noise leaves a PSNR of `wanted` dB after clipping and rounding."""
    some = clean[:_CALIBRATING].astype(np.float32)
    noise = np.random.default_rng(seed).standard_normal(some.shape, dtype=np.float32)

    def reached(sigma: float) -> float:
        return psnr(some, np.clip(np.rint(some + np.float32(sigma) * noise), 0, 255), data_range=255)

    low, high = 0.0, _MOST_SIGMA
    if reached(high) > wanted:
        raise NasdipError(f"no noise makes the PSNR of these crops as low as {wanted} dB: use a larger one")
    while high - low > _TOLERANCE:
        middle = (low + high) / 2
        low, high = (middle, high) if reached(middle) > wanted else (low, middle)
    return (low + high) / 2
