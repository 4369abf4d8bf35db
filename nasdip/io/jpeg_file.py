"""JPEG files."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nasdip.errors import NasdipError
from nasdip.io.file_format import FileFormat
from nasdip.io.stored_image import Resolution, StoredImage, Tags

SIGNATURE = b"\xff\xd8\xff"
QUALITY = 95  # above this files grow and pictures hardly improve
_EXIF_PREFIX = b"Exif\0\0"
_UNITS = {0: "none", 1: "inch", 2: "cm"}


def read_jpeg(path: Path) -> StoredImage:
    """Read a grey or RGB JPEG file, of several pictures the first; pixels stay as stored, the orientation in EXIF."""
    with Image.open(path, formats=("JPEG", "MPO")) as picture:
        if picture.mode not in ("L", "RGB"):
            raise NasdipError(f"{path} is a JPEG with {picture.mode} colours: convert it to RGB or grey")
        samples = np.asarray(picture)
        tags = _tags(picture.info)
    return StoredImage(samples, None, "YX" if samples.ndim == 2 else "YXS", tags)


def write_jpeg(path: Path, image: StoredImage, name: str) -> None:
    """Write uint8 samples, grey or RGB, at quality 95 without chroma subsampling."""
    options: dict[str, Any] = {"quality": QUALITY, "subsampling": 0}
    tags = image.tags
    if tags.icc is not None:
        options["icc_profile"] = tags.icc
    if tags.exif is not None:
        options["exif"] = _EXIF_PREFIX + tags.exif
    density = tags.resolution.per("inch") if tags.resolution is not None else None
    if density is not None:
        options["dpi"] = (round(density[0]), round(density[1]))
    Image.fromarray(image.samples).save(path, format="JPEG", **options)


def _tags(info: dict[Any, Any]) -> Tags:
    exif = info.get("exif")
    return Tags(
        resolution=_resolution(info),
        icc=info.get("icc_profile"),
        exif=None if exif is None else exif.removeprefix(_EXIF_PREFIX),
    )


def _resolution(info: dict[Any, Any]) -> Resolution | None:
    x, y = info.get("jfif_density", (0, 0))
    if not x or not y:
        return None
    return Resolution(Fraction(x), Fraction(y), _UNITS.get(info.get("jfif_unit", 0), "none"))


JPEG = FileFormat(
    "JPEG", (".jpg", ".jpeg"), (SIGNATURE,), read_jpeg, write_jpeg, (np.dtype("uint8"),), channels=(1, 3), alpha=False
)
