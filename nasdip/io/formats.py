"""The formats of image files that are read and written."""

from nasdip.io.file_format import FileFormat
from nasdip.io.jpeg_file import JPEG
from nasdip.io.png_file import PNG
from nasdip.io.tiff_file import TIFF

FORMATS: dict[str, FileFormat] = {image_format.name: image_format for image_format in (PNG, JPEG, TIFF)}


def suffixes() -> list[str]:
    """Return the endings of the names of image files."""
    return [suffix for image_format in FORMATS.values() for suffix in image_format.suffixes]


def by_suffix(suffix: str) -> FileFormat | None:
    """Return the format of files with such an ending, whatever its case; None where there is none."""
    return next((image_format for image_format in FORMATS.values() if suffix.lower() in image_format.suffixes), None)


def by_content(start: bytes) -> FileFormat | None:
    """Return the format of a file that starts so; None where there is none."""
    return next((image_format for image_format in FORMATS.values() if start.startswith(image_format.signatures)), None)


def names() -> str:
    """Return the formats in words.

    Examples
    --------
    >>> names()
    'PNG, JPEG or TIFF'
    """
    *most, last = FORMATS
    return f"{', '.join(most)} or {last}"
