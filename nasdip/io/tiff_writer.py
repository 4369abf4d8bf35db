"""Writing TIFF files, with the dialects of ImageJ and OME."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nasdip.io.sample_scale import inverted
from nasdip.io.stored_image import Resolution, StoredImage

_UNIT_CODES = {"none": 1, "inch": 2, "cm": 3}
_IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
_IMAGEJ_UTF16 = ("Info", "Labels", "Properties")  # kept apart from the description, which is ASCII


def write_tiff(path: Path, image: StoredImage, name: str) -> None:
    """Write samples of any dtype and number of channels in the order `image.axes`, as the dialect of its tags.

    A name that ends in .ome.tif or .ome.tiff makes it OME's.
    """
    ome = Path(name).stem.lower().endswith(".ome")
    values, axes = np.atleast_3d(image.samples), image.axes
    extra = ["unspecified"] * (values.shape[2] - 1)
    options: dict[str, Any] = {"photometric": "rgb" if values.shape[2] == 3 and axes != "CYX" else "minisblack"}
    options |= {"metadata": None, **image.tags.tiff}
    alpha_kind = options.pop("alpha", "unassalpha")
    if options["photometric"] == "miniswhite":
        values = inverted(values)
    if options["photometric"] == "rgb":
        extra = extra[2:]
    if image.alpha is not None:
        values, extra = np.dstack([values, image.alpha]), [*extra, alpha_kind]
        axes = "YXS" if axes in ("YX", "CYX") else axes
    if axes == "YX":
        values = values[:, :, 0]
    elif axes != "YXS":
        values = np.moveaxis(values, 2, 0)
    options |= _layout(axes, extra) | _density(image.tags.resolution) | _dialect(options, axes, values.dtype, ome)
    tifffile.imwrite(path, np.ascontiguousarray(values), iccprofile=image.tags.icc, software=False, **options)


def _layout(axes: str, extra: list[str]) -> dict[str, Any]:
    if axes in ("YX", "CYX"):
        return {}
    return {"planarconfig": "contig" if axes == "YXS" else "separate", "extrasamples": extra or None}


def _density(resolution: Resolution | None) -> dict[str, Any]:
    if resolution is None:
        return {}
    unit = resolution.unit if resolution.unit in _UNIT_CODES else "cm"
    x, y = resolution.per(unit) or (resolution.x, resolution.y)
    ratios = tuple((value.numerator, value.denominator) for value in (x, y))
    return {"resolution": ratios, "resolutionunit": _UNIT_CODES[unit]}


def _dialect(options: dict[str, Any], axes: str, dtype: np.dtype, ome: bool) -> dict[str, Any]:
    """Choose between ImageJ, OME and plain; the axes are spelt out wherever the layout alone does not tell them."""
    metadata = {**(options.get("metadata") or {}), "axes": axes}
    imagej = options.get("imagej", False) and dtype.name in _IMAGEJ_DTYPES
    if imagej:
        return {"imagej": True, "metadata": {key: _escaped(key, value) for key, value in metadata.items()}}
    if ome or options.get("ome", False):
        return {"imagej": False, "ome": True, "metadata": metadata}
    return {"imagej": False, "ome": False, "metadata": {"axes": axes} if axes == "CYX" else None}


def _escaped(key: str, value: Any) -> Any:
    """Spell other than ASCII letters, such as the one in µm, as ImageJ does in its description."""
    if not isinstance(value, str) or key in _IMAGEJ_UTF16:
        return value
    return "".join(letter if letter.isascii() else f"\\u{ord(letter):04X}" for letter in value)
