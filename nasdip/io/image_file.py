"""Image files in, image files of the same sort out.

A restored image should open wherever the noisy one did. So what a file is (bit depth, order of axes, transparency,
resolution, colour profile, ImageJ and OME calibration) is read with the pixels and written back with the result.
"""

import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nasdip.errors import NasdipError
from nasdip.files import replacing
from nasdip.imaging.checks import check_finite
from nasdip.io import formats
from nasdip.io.file_format import LONGEST_SIGNATURE, FileFormat
from nasdip.io.invalid import extreme_areas, fill_nearest, missing_pixels
from nasdip.io.sample_scale import SampleScale, check_type, full_scale, sample_scale, to_pixels, to_samples
from nasdip.io.stored_image import StoredImage, Tags

SMALLEST_SIDE = 16


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image file that was read, with what is needed to write another like it.

    Parameters
    ----------
    path : Path
        Where it was read.
    format : str
        "PNG", "JPEG" or "TIFF", by content.
    pixels : ndarray
        (H, W) or (H, W, C) float32, channels last, nominally in [0, 1].
    alpha : ndarray or None
        Transparency, (H, W), in the file's dtype, untouched.
    dtype : dtype
        The file's: ``sample = offset + scale * pixel``.
    axes : str
        How the file stored the array: "YX", "YXS" (samples within a pixel), "SYX" (one plane per sample), "CYX" (one
        page per channel); an unlabelled first axis counts as C, an unlabelled last axis as S.
    offset, scale : float
        See dtype.
    tags : Tags
        Resolution, profiles, ImageJ and OME metadata.
    invalid : ndarray or None
        (H, W) bool, pixels that hold no intensity: missing data, or values of another scale. Theirs in `pixels` are
        their nearest neighbours', and they are written back as they were. None where there are none.
    kept : ndarray or None
        The samples of these, (n,) or (n, C).
    """

    path: Path
    format: str
    pixels: np.ndarray
    alpha: np.ndarray | None
    dtype: np.dtype
    axes: str
    offset: float
    scale: float
    tags: Tags
    invalid: np.ndarray | None = None
    kept: np.ndarray | None = None


def read_image(path: str | Path, *, nodata: Sequence[float] = ()) -> ImageFile:
    """Read a PNG, JPEG or TIFF file that holds one image of 16x16 px or more.

    Grey, RGB or, in TIFF, any number of channels; with or without alpha; bool, 8 to 32-bit integers, 16 to 64-bit
    floats. uint8 and uint16 are divided by 255 and 65535. Floats above -1 and below 2 are taken as they are. Other
    floats and integers are mapped so that their smallest value is 0 and their largest 1. Palettes become RGB. Pixels
    are never turned, whatever an orientation tag says: the tag is kept.

    Missing data are no part of the range, and are told by `ImageFile.invalid`: NaN, the value that GDAL's tag names,
    those of `nodata`, and areas of values so far from all others that they are of another scale (`extreme_values`):
    -9999 among heights, a lamp in a picture with a high dynamic range.

    Raises
    ------
    NasdipError
        For a missing, damaged or unsupported file, a stack, infinity, nothing but missing data, or fewer than 16 px on
        a side.
    """
    path = Path(path)
    image_format = _format_of(path)
    try:
        stored = image_format.read(path)
    except NasdipError:
        raise
    except MemoryError:
        raise NasdipError(f"{path} does not fit in memory: crop it first") from None
    except Exception as error:  # decoders raise anything on damaged data
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NasdipError(
            f"{path} is damaged or not readable as {image_format.name} ({reason}): save or copy it anew"
        ) from None
    height, width = stored.samples.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise NasdipError(f"{path} has {height}x{width} px: nasdip needs at least {SMALLEST_SIDE}x{SMALLEST_SIDE} px")
    check_type(stored.samples, str(path))
    named = (*nodata, *(() if stored.nodata is None else (stored.nodata,)))
    missing = missing_pixels(stored.samples, named)
    if missing.all():
        raise NasdipError(f"{path} holds nothing but missing data: use another file, or other values for --nodata")
    check_finite(stored.samples[~missing], str(path))
    usable, invalid = extreme_areas(stored.samples, missing)
    scale = sample_scale(stored.samples[usable], str(path))
    pixels = to_pixels(fill_nearest(stored.samples, invalid), scale)
    dtype = stored.samples.dtype.newbyteorder("=")
    told = (invalid, stored.samples[invalid]) if invalid.any() else (None, None)
    return ImageFile(
        path, image_format.name, pixels, stored.alpha, dtype, stored.axes, scale.offset, scale.scale, stored.tags, *told
    )


def check_output(path: str | Path, like: ImageFile) -> None:
    """Raise NasdipError now if `write_image` of a result of `like`'s channels would fail for its path or format.

    Call it before hours of work rather than after.
    """
    _check_target(Path(path), 1 if like.pixels.ndim == 2 else like.pixels.shape[2], like.alpha is not None)


def write_image(
    path: str | Path, pixels: np.ndarray, like: ImageFile | None = None, *, fractions: bool = False
) -> None:
    """Write pixels to a PNG, JPEG or TIFF file, by its suffix, whole or not at all.

    With `like` the file has that file's dtype, axes, alpha, resolution and other tags, as far as its format can hold
    them: integers stay what they were, float16 and float64 become float32, bool becomes uint8 as restored images have
    grey levels. Where the format cannot hold the dtype, [0, 1] is stored as uint16 in PNG and uint8 in JPEG. Tags so
    malformed that they cannot be written are left out, with a warning. Without `like`: uint8 in PNG and JPEG, float32
    in TIFF. Integers are rounded to nearest and clipped.

    Parameters
    ----------
    path : str or Path
        Ends in .png, .jpg, .jpeg, .tif or .tiff.
    pixels : ndarray
        (H, W) or (H, W, C), float; PNG and JPEG hold 1 or 3 channels.
    like : ImageFile, optional
        The file to take after.
    fractions : bool
        Whether integers become float32 where the format has it: means of counts are no whole numbers.

    Raises
    ------
    NasdipError
        For NaN or infinity, a suffix or folder that does not exist, channels or alpha that the format cannot hold, or
        pixels of another size than the alpha of `like`.
    """
    path = Path(path)
    if pixels.ndim not in (2, 3):
        raise NasdipError(f"pixels of shape {pixels.shape} are no image: give (H, W) or (H, W, C)")
    if pixels.shape[2:] == (1,):
        pixels = pixels[:, :, 0]
    check_finite(pixels, "the image to write")
    alpha = None if like is None else like.alpha
    image_format = _check_target(path, 1 if pixels.ndim == 2 else pixels.shape[2], alpha is not None)
    if alpha is not None and alpha.shape != pixels.shape[:2]:
        raise NasdipError(f"pixels of {pixels.shape[:2]} do not fit the alpha of {alpha.shape}: write without like")
    dtype = image_format.dtype_like(None if like is None else like.dtype)
    if fractions and not image_format.dtypes:
        dtype = np.dtype("float32")
    _write(path, image_format, _stored(pixels, dtype, like, fractions=fractions))


def _format_of(path: Path) -> FileFormat:
    """Return the format by content, after checking that there is a file and that its suffix is one of ours."""
    if path.is_dir():
        raise NasdipError(f"{path} is a folder: name an image file in it")
    if not path.exists():
        raise NasdipError(f"{path} does not exist: check the path")
    _check_suffix(path)
    try:
        with open(path, "rb") as file:
            start = file.read(LONGEST_SIGNATURE)
    except OSError as error:
        raise NasdipError(f"{path} cannot be read ({error.strerror}): check its permissions") from None
    image_format = formats.by_content(start)
    if image_format is None:
        raise NasdipError(f"{path} is not a {formats.names()} image, whatever its name says: export it as one of these")
    return image_format


def _check_suffix(path: Path) -> FileFormat:
    image_format = formats.by_suffix(path.suffix)
    if image_format is None:
        raise NasdipError(f"{path} does not end in {', '.join(formats.suffixes())}: convert the image, or rename it")
    return image_format


def _check_target(path: Path, channels: int, transparent: bool) -> FileFormat:
    image_format = _check_suffix(path)
    if path.is_dir():
        raise NasdipError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise NasdipError(f"folder {path.parent} does not exist: make it first")
    if image_format.channels and channels not in image_format.channels:
        held = " or ".join(map(str, image_format.channels))
        raise NasdipError(f"{image_format.name} holds {held} channels, not {channels}: write a .tif file")
    if transparent and not image_format.alpha:
        raise NasdipError(f"{image_format.name} cannot hold the transparency of this image: write a .png or .tif file")
    return image_format


def _stored(pixels: np.ndarray, dtype: np.dtype, like: ImageFile | None, *, fractions: bool = False) -> StoredImage:
    """Turn pixels into samples of a dtype, after `like`."""
    conventional = SampleScale(0.0, full_scale(dtype))
    if like is None:
        return StoredImage(to_samples(pixels, conventional, dtype), None, "YX" if pixels.ndim == 2 else "YXS", Tags())
    same_kind = dtype == like.dtype or (dtype.kind == "f" and (like.dtype.kind == "f" or fractions))
    samples = to_samples(pixels, SampleScale(like.offset, like.scale) if same_kind else conventional, dtype)
    if like.invalid is not None and like.kept is not None and samples.shape[2:] == like.kept.shape[1:] and same_kind:
        samples[like.invalid] = like.kept
    alpha = like.alpha
    if alpha is not None:
        opacity = alpha / full_scale(like.dtype)
        alpha = alpha.astype(dtype) if same_kind else to_samples(opacity, conventional, dtype)
    if pixels.shape[2:] != like.pixels.shape[2:]:
        return StoredImage(samples, alpha, "YX" if pixels.ndim == 2 else "YXS", like.tags.without_colour())
    return StoredImage(samples, alpha, like.axes, like.tags)


def _write(path: Path, image_format: FileFormat, stored: StoredImage) -> None:
    try:
        with replacing(path) as temporary:
            try:
                image_format.write(temporary, stored, path.name)
            except (ValueError, TypeError, KeyError, struct.error) as error:  # a malformed tag must not cost the result
                image_format.write(temporary, stored._replace(tags=Tags()), path.name)
                warnings.warn(f"{path} was written without the tags of the original ({error})", stacklevel=3)
    except OSError as error:
        raise NasdipError(f"{path} cannot be written ({error.strerror or error}): choose another folder") from None
