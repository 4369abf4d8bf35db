"""Reading TIFF files, with the dialects of ImageJ and OME."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from nasdip.errors import NasdipError
from nasdip.io.sample_scale import inverted
from nasdip.io.stored_image import Resolution, StoredImage, Tags
from nasdip.io.tiff_axes import channels_last

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_UNITS = {1: "none", 2: "inch", 3: "cm"}
_PHOTOMETRIC = {
    "MINISBLACK": "minisblack",
    "MINISWHITE": "miniswhite",
    "RGB": "rgb",
    "YCBCR": "rgb",  # decoders convert it
    "PALETTE": "palette",
}
_ALPHA = {1: "assocalpha", 2: "unassalpha"}
_IMAGEJ_LAYOUT = ("ImageJ", "images", "channels", "slices", "frames", "hyperstack", "axes")
_OME_SIZES = tuple(f"PhysicalSize{axis}{unit}" for axis in "XYZ" for unit in ("", "Unit"))
_DAMAGE = ("corrupted file", "invalid page offset")
_ORIENTATION, _SHORT = 274, 3
_NODATA, _ASCII = 42113, 2  # GDAL's, which others write too


def read_tiff(path: Path) -> StoredImage:
    """Read a TIFF file that holds one image: any number of channels, first or last, integers or floats.

    Palettes become 8-bit RGB, but an ImageJ colour table, which is a matter of display, is left out. Where a file says
    that its zero is white, black and white are swapped. Of a pyramid the full resolution is read.
    """
    with _refusing_damage(), tifffile.TiffFile(path) as file:
        if len(file.series) != 1:
            raise NasdipError(f"{path} holds {len(file.series)} images of different shapes: save one image per file")
        series: Any = file.series[0]
        page: Any = file.pages.first
        photometric = _PHOTOMETRIC.get(page.photometric.name)
        if photometric is None:
            raise NasdipError(f"{path} is a TIFF with {page.photometric.name} colours: convert it to RGB or grey")
        values, axes = channels_last(path, _decoded(path, series, page), series.axes)
        tags = _tags(file, page, "minisblack" if file.is_imagej and photometric == "palette" else photometric)
        if photometric == "palette" and not file.is_imagej:
            return StoredImage(_coloured(values, page.colormap), None, "YXS", _as_rgb(tags))
        colour, alpha = _split_alpha(values, axes, page)
        if photometric == "miniswhite":
            colour = inverted(colour)
        if colour.ndim == 2 and axes != "CYX":
            axes = "YX"
    return StoredImage(colour, alpha, axes, tags, _nodata(page))


class _DamageLog(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.damage: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if any(sign in message for sign in _DAMAGE):
            self.damage.append(message)


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Raise ValueError where tifffile logs damage: it would return the pages before the damage as if they were all."""
    log = _DamageLog()
    logger = logging.getLogger("tifffile")
    logger.addHandler(log)
    try:
        yield
    finally:
        logger.removeHandler(log)
    if log.damage:
        raise ValueError("pages are missing at its end")


def _decoded(path: Path, series: Any, page: Any) -> np.ndarray:
    """Decode the samples; by Pillow where tifffile lacks a decoder and Pillow gives the same dtype and shape."""
    try:
        return np.asarray(series.asarray())
    except (ValueError, KeyError) as error:
        if "imagecodecs" not in str(error):
            raise
    if page.photometric.name != "MINISWHITE":  # which Pillow inverts
        with Image.open(path) as picture:
            values = np.asarray(picture)
            if values.dtype == series.dtype.newbyteorder("=") and values.shape == series.shape:
                return values
    name = page.compression.name
    raise NasdipError(f"{path} is compressed with {name}: save it uncompressed, or pip install imagecodecs")


def _coloured(indices: np.ndarray, colormap: np.ndarray) -> np.ndarray:
    return np.moveaxis(colormap[:, indices] >> 8, 0, -1).astype(np.uint8)


def _as_rgb(tags: Tags) -> Tags:
    return Tags(tags.resolution, tags.icc, tags.exif, tags.png, {**tags.tiff, "photometric": "rgb"})


def _split_alpha(values: np.ndarray, axes: str, page: Any) -> tuple[np.ndarray, np.ndarray | None]:
    kinds = [int(kind) for kind in page.extrasamples]
    if values.ndim == 2 or axes == "CYX" or not any(kind in _ALPHA for kind in kinds):
        return values, None
    place = values.shape[2] - len(kinds) + next(i for i, kind in enumerate(kinds) if kind in _ALPHA)
    colour = np.delete(values, place, axis=2)
    return colour[:, :, 0] if colour.shape[2] == 1 else colour, values[:, :, place]


def _tags(file: Any, page: Any, photometric: str) -> Tags:
    options: dict[str, Any] = {"photometric": photometric}
    for kind in page.extrasamples:
        if int(kind) in _ALPHA:
            options["alpha"] = _ALPHA[int(kind)]
    if page.compression.name != "NONE":
        options["compression"] = "zlib"  # lossless, and every reader knows it
    extra: list[tuple[int, int, int, Any, bool]] = []
    orientation = page.tags.valueof(_ORIENTATION, default=1)
    if orientation != 1:
        extra.append((_ORIENTATION, _SHORT, 1, int(orientation), True))
    if _nodata(page) is not None:
        extra.append((_NODATA, _ASCII, 0, str(page.tags.valueof(_NODATA)), True))
    if extra:
        options["extratags"] = extra
    if file.is_imagej:
        kept = {key: value for key, value in file.imagej_metadata.items() if key not in _IMAGEJ_LAYOUT}
        options |= {"imagej": True, "metadata": kept}
    elif file.is_ome:
        options |= {"ome": True, "metadata": _ome_metadata(file.ome_metadata)}
    elif not file.is_shaped and page.description:
        options["description"] = page.description.encode()
    return Tags(resolution=_resolution(page), icc=page.iccprofile, tiff=options)


def _nodata(page: Any) -> float | None:
    """Return the sample that marks missing data; None where the tag is not there, or no number."""
    try:
        return float(str(page.tags.valueof(_NODATA, default="")).strip("\0 "))
    except ValueError:
        return None


def _resolution(page: Any) -> Resolution | None:
    ratios = [page.tags.valueof(name, default=(0, 0)) for name in ("XResolution", "YResolution")]
    if any(not math.prod(ratio) for ratio in ratios):
        return None
    unit = _UNITS.get(int(page.tags.valueof("ResolutionUnit", default=2)), "none")
    found = Resolution(Fraction(*ratios[0]), Fraction(*ratios[1]), unit)
    return None if found == (1, 1, "none") else found  # what writers put where nothing is known


def _ome_metadata(xml: str) -> dict[str, Any]:
    """Return name, physical pixel sizes and channel names of the one image of an OME file."""
    image = tifffile.xml2dict(xml)["OME"]["Image"]
    pixels = image["Pixels"]
    found: dict[str, Any] = {key: pixels[key] for key in _OME_SIZES if key in pixels}
    if "Name" in image:
        found["Name"] = str(image["Name"])
    channels = pixels.get("Channel", [])
    names = [channel.get("Name") for channel in (channels if isinstance(channels, list) else [channels])]
    if names and all(names):
        found["Channel"] = {"Name": [str(name) for name in names]}
    return found
