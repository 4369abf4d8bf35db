"""What a file format is to the rest of the room: its names and signatures, and what it can hold."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasdip.io.stored_image import StoredImage

_UINT8, _UINT16, _FLOAT32 = (np.dtype(name) for name in ("uint8", "uint16", "float32"))
LONGEST_SIGNATURE = 8


class FileFormat(NamedTuple):
    """A format of image files; one of its own for each is in `formats.FORMATS`.

    Attributes
    ----------
    name : str
        As messages call it.
    suffixes : tuple of str
        Endings of its files' names, lower case, with the dot.
    signatures : tuple of bytes
        What its files begin with, one of these, at most `LONGEST_SIGNATURE` bytes.
    read : callable
        Path to `StoredImage`. It may raise anything: only what is a `NasdipError` is told as it stands, the rest as
        damage.
    write : callable
        The other way: a path, an image, and the name that the file will have, as the path is a temporary one.
        ValueError, TypeError, KeyError or struct.error for tags that cannot be written.
    dtypes : tuple of dtype
        What it can hold, the type of an image without a file of its own first; () for every dtype, float32 first.
    channels : tuple of int
        Numbers of channels that it can hold; () for any.
    alpha : bool
        Whether it holds transparency.
    """

    name: str
    suffixes: tuple[str, ...]
    signatures: tuple[bytes, ...]
    read: Callable[[Path], StoredImage]
    write: Callable[[Path, StoredImage, str], None]
    dtypes: tuple[np.dtype, ...] = ()
    channels: tuple[int, ...] = ()
    alpha: bool = True

    def dtype_like(self, dtype: np.dtype | None) -> np.dtype:
        """Return what restored pixels of a file of `dtype` are written as; None where there is no such file.

        That type where the format has it; but grey levels for bool, and float32 for all floats. Else the widest of the
        format.
        """
        if dtype is None:
            return self.dtypes[0] if self.dtypes else _FLOAT32
        if dtype.kind == "b":
            dtype = _UINT8
        if dtype.kind == "f":
            dtype = _FLOAT32
        return dtype if not self.dtypes or dtype in self.dtypes else self.dtypes[-1]
