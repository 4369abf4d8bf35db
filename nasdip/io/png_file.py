"""PNG files, 8 and 16 bits.

Pillow decodes files of up to 8 bits. It reduces 16-bit colour to 8 bits and cannot write it, so 16-bit samples are
decoded here, and files of both depths are written here, with one treatment of their tags.
"""

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from nasdip.errors import NasdipError
from nasdip.io import png_filter
from nasdip.io.file_format import FileFormat
from nasdip.io.stored_image import Resolution, StoredImage, Tags

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type: samples per pixel, alpha included
_KEPT = (b"cICP", b"sRGB", b"gAMA", b"cHRM", b"tEXt", b"zTXt", b"iTXt")  # still true of restored pixels


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filtering: int
    interlace: int


def read_png(path: Path) -> StoredImage:
    """Read a PNG file: grey or RGB, with or without alpha, 1 to 16 bits; palettes become RGB, 1-bit files bool."""
    data = path.read_bytes()
    chunks = _chunks(data)
    header = _Header(*struct.unpack(">IIBBBBB", chunks[0][1]))
    if any(kind == b"acTL" for kind, _ in chunks):
        raise NasdipError(f"{path} is an animation: save one frame per file")
    values = _decode_16_bit(path, header, chunks) if header.depth == 16 else _decode_8_bit(data)  # (H, W, 1 to 4)
    alpha = values[:, :, -1] if values.shape[2] in (2, 4) else None
    colour = values[:, :, :3] if values.shape[2] > 2 else values[:, :, 0]
    return StoredImage(colour, alpha, "YX" if colour.ndim == 2 else "YXS", _tags(chunks))


def write_png(path: Path, image: StoredImage, name: str) -> None:
    """Write uint8 or uint16 samples, grey or RGB, and alpha, with the tags that PNG has a chunk for."""
    colour = np.atleast_3d(image.samples)
    values = colour if image.alpha is None else np.dstack([colour, image.alpha])
    height, width, count = values.shape
    kind = {channels: colour_type for colour_type, channels in _CHANNELS.items()}[count]
    big_endian = np.ascontiguousarray(values.astype(values.dtype.newbyteorder(">")))
    rows = png_filter.encode(big_endian.view(np.uint8).reshape(height, width, -1))
    header = struct.pack(">IIBBBBB", width, height, 8 * values.itemsize, kind, 0, 0, 0)
    body = [(b"IHDR", header), *_tag_chunks(image.tags), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b"")]
    path.write_bytes(SIGNATURE + b"".join(_packed(*chunk) for chunk in body))


def _packed(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Split a file into chunks; ValueError or struct.error where it is damaged or ends too early."""
    chunks: list[tuple[bytes, bytes]] = []
    position = len(SIGNATURE)
    while not chunks or chunks[-1][0] != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, position + 8 + length)
        if checksum != zlib.crc32(kind + body):
            raise ValueError(f"the checksum of PNG chunk {kind!r} is wrong")
        chunks.append((kind, body))
        position += 12 + length
    return chunks


def _decode_8_bit(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as opened:
        picture: Image.Image = opened
        if "transparency" in picture.info:
            picture = picture.convert("LA" if picture.mode in ("1", "L") else "RGBA")
        elif picture.mode == "P":
            picture = picture.convert("RGB")
        return np.atleast_3d(np.asarray(picture))


def _decode_16_bit(path: Path, header: _Header, chunks: list[tuple[bytes, bytes]]) -> np.ndarray:
    if header.interlace:
        raise NasdipError(f"{path} is an interlaced 16-bit PNG, which is not supported: save it without interlacing")
    count = _CHANNELS[header.colour]
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(header.height, 1 + 2 * count * header.width)
    samples = png_filter.decode(rows, header.width)  # (H, W, 2 C)
    values = samples.view(">u2").astype(np.uint16)
    transparent = dict(chunks).get(b"tRNS")
    if transparent is None or count in (2, 4):
        return values
    visible = (values != np.frombuffer(transparent, ">u2")).any(axis=2)
    return np.dstack([values, np.where(visible, np.uint16(65535), np.uint16(0))])


def _tags(chunks: list[tuple[bytes, bytes]]) -> Tags:
    found = dict(chunks)
    profile = found.get(b"iCCP")
    return Tags(
        resolution=_resolution(found.get(b"pHYs")),
        icc=None if profile is None else zlib.decompress(profile.split(b"\0", 1)[1][1:]),
        exif=found.get(b"eXIf"),
        png=tuple(chunk for chunk in chunks if chunk[0] in _KEPT),
    )


def _resolution(body: bytes | None) -> Resolution | None:
    if body is None:
        return None
    x, y, unit = struct.unpack(">IIB", body)
    return Resolution(Fraction(x), Fraction(y), "m" if unit == 1 else "none")


def _tag_chunks(tags: Tags) -> list[tuple[bytes, bytes]]:
    chunks = list(tags.png)
    if tags.icc is not None:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(tags.icc)))
    if tags.resolution is not None:
        unit = "none" if tags.resolution.unit == "none" else "m"
        density = tags.resolution.per(unit)
        if density is not None:
            chunks.append((b"pHYs", struct.pack(">IIB", round(density[0]), round(density[1]), unit == "m")))
    if tags.exif is not None:
        chunks.append((b"eXIf", tags.exif))
    return chunks


_DTYPES = (np.dtype("uint8"), np.dtype("uint16"))
PNG = FileFormat("PNG", (".png",), (SIGNATURE,), read_png, write_png, _DTYPES, channels=(1, 3))
