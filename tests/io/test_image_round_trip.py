"""Every kind of file, written by other libraries, is read, written back, and read by those libraries again."""

import os
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from nasdip.io.image_file import read_image, write_image

H, W = 18, 23


def samples(dtype: str, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    if np.issubdtype(np.dtype(dtype), np.integer):
        limits = np.iinfo(dtype)
        values = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        values.flat[:2] = limits.min, limits.max
        return values
    return rng.normal(0.5, 0.2, shape).astype(dtype)


def round_trip(path: Path) -> Path:
    """Read a file and write its own pixels beside it."""
    image = read_image(path)
    copy = path.with_name("copy" + path.suffix)
    write_image(copy, image.pixels, like=image)
    again = read_image(copy)
    assert again.axes == image.axes
    assert again.tags.resolution == image.tags.resolution
    assert sorted(os.listdir(path.parent)) == sorted([path.name, copy.name])
    return copy


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_png_8_bit_keeps_every_bit(tmp_path: Path, mode: str) -> None:
    values = samples("uint8", H, W, len(mode)) if len(mode) > 1 else samples("uint8", H, W)
    Image.fromarray(values).save(tmp_path / "a.png", dpi=(300, 150))
    image = read_image(tmp_path / "a.png")
    assert image.pixels.shape == ((H, W, 3) if "RGB" in mode else (H, W))
    assert image.pixels.dtype == np.float32
    assert (image.pixels.min(), image.pixels.max()) == (0, 1)
    assert image.dtype == np.uint8
    with Image.open(round_trip(tmp_path / "a.png")) as copy:
        assert copy.mode == mode
        np.testing.assert_array_equal(np.asarray(copy), values)
        np.testing.assert_allclose(copy.info["dpi"], (300, 150), atol=0.02)


def test_png_16_bit_grey_keeps_every_bit(tmp_path: Path) -> None:
    values = samples("uint16", H, W)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").dtype == np.uint16
    with Image.open(round_trip(tmp_path / "a.png")) as copy:
        np.testing.assert_array_equal(np.asarray(copy), values)


def png_by_the_specification(values: np.ndarray, colour: int, extra: bytes = b"") -> bytes:
    """A 16-bit PNG whose rows use the five filters in turn, byte after byte as the specification puts it."""
    height, width, channels = values.shape
    step = 2 * channels
    raw = [values[y].astype(">u2").tobytes() for y in range(height)]
    lines = b""
    for y in range(height):
        kind = y % 5
        lines += bytes([kind])
        for i in range(width * step):
            a = raw[y][i - step] if i >= step else 0
            b = raw[y - 1][i] if y else 0
            c = raw[y - 1][i - step] if y and i >= step else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            lines += bytes([(raw[y][i] - (0, a, b, (a + b) // 2, paeth)[kind]) % 256])
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    chunks = [header, *([extra] if extra else []), b"IDAT" + zlib.compress(lines), b"IEND"]
    body = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_png_16_bit_keeps_every_bit(tmp_path: Path, colour: int, channels: int) -> None:
    values = samples("uint16", H, W, channels)
    (tmp_path / "a.png").write_bytes(png_by_the_specification(values, colour))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_allclose(np.atleast_3d(image.pixels)[:, :, 0] * 65535, values[:, :, 0], atol=0.01)
    if channels in (2, 4):
        np.testing.assert_array_equal(image.alpha, values[:, :, -1])
    copy = round_trip(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(copy).pixels, image.pixels)
    if colour in (2, 6):  # Pillow unpacks either byte of a colour sample, which makes it a second reader
        high, low = pillow_bytes(copy, "16B"), pillow_bytes(copy, "16L")
        np.testing.assert_array_equal(high.astype(np.uint16) << 8 | low, values)


def pillow_bytes(path: Path, order: str) -> np.ndarray:
    with Image.open(path) as picture:
        picture.tile = [tile._replace(args=f"{picture.mode};{order}") for tile in picture.tile]
        return np.asarray(picture)


def test_png_16_bit_transparent_colour_becomes_alpha(tmp_path: Path) -> None:
    values = samples("uint16", H, W, 3)
    extra = b"tRNS" + values[3, 4].astype(">u2").tobytes()
    (tmp_path / "a.png").write_bytes(png_by_the_specification(values, 2, extra))
    alpha = read_image(tmp_path / "a.png").alpha
    assert alpha is not None
    assert alpha[3, 4] == 0
    assert np.sum(alpha == 65535) == H * W - 1


def test_png_palette_becomes_rgb_and_its_transparency_alpha(tmp_path: Path) -> None:
    picture = Image.fromarray(samples("uint8", H, W, 3)).quantize(7)
    colours = np.asarray(picture.convert("RGB"))
    picture.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(np.rint(image.pixels * 255), colours)
    assert image.alpha is None
    with Image.open(round_trip(tmp_path / "a.png")) as copy:
        np.testing.assert_array_equal(np.asarray(copy), colours)
    picture.save(tmp_path / "b.png", transparency=2)
    np.testing.assert_array_equal(read_image(tmp_path / "b.png").alpha, np.where(np.asarray(picture) == 2, 0, 255))


def test_png_1_bit_is_written_with_grey_levels(tmp_path: Path) -> None:
    values = samples("uint8", H, W) > 100
    Image.fromarray(values).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, values)
    assert image.dtype == np.bool_
    write_image(tmp_path / "b.png", image.pixels * 0.5, like=image)
    with Image.open(tmp_path / "b.png") as copy:
        np.testing.assert_array_equal(np.asarray(copy), np.where(values, 128, 0))


def test_png_tags_are_kept(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[274] = 6
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Sample", "wing, 20x")
    texts.add(b"gAMA", struct.pack(">I", 45455))
    picture = Image.fromarray(samples("uint8", H, W, 3))
    picture.save(tmp_path / "a.png", icc_profile=profile, exif=exif.tobytes(), pnginfo=texts)
    with Image.open(round_trip(tmp_path / "a.png")) as copy:
        assert copy.info["icc_profile"] == profile
        assert copy.info["Sample"] == "wing, 20x"
        assert copy.info["gamma"] == 0.45455
        assert copy.getexif()[274] == 6
        assert copy.size == (W, H)  # as stored, not turned


@pytest.mark.parametrize("shape", [(H, W), (H, W, 3)])
def test_jpeg_is_near_and_keeps_its_tags(tmp_path: Path, shape: tuple[int, ...]) -> None:
    smooth = np.zeros(shape, np.uint8) + np.linspace(30, 220, shape[1]).astype(np.uint8).reshape(
        1, -1, *[1] * (len(shape) - 2)
    )
    exif = Image.Exif()
    exif[274] = 8
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=100, dpi=(300, 300), exif=exif, icc_profile=b"profile")
    with Image.open(tmp_path / "a.jpg") as original:
        values = np.asarray(original).astype(int)
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / "a.jpg").pixels * 255), values)
    with Image.open(round_trip(tmp_path / "a.jpg")) as copy:
        assert np.abs(np.asarray(copy).astype(int) - values).max() <= 3
        assert copy.info["dpi"] == (300, 300)
        assert copy.info["icc_profile"] == b"profile"
        assert copy.getexif()[274] == 8


CHANNEL_ORDERS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "YX": ((H, W), {}),
    "YXS": ((H, W, 3), {"photometric": "rgb"}),
    "SYX": ((3, H, W), {"photometric": "rgb", "planarconfig": "separate"}),
    "CYX": ((5, H, W), {"photometric": "minisblack", "metadata": {"axes": "CYX"}}),
}


@pytest.mark.parametrize("axes", CHANNEL_ORDERS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float16", "float32", "float64"])
def test_tiff_keeps_bits_dtype_and_order(tmp_path: Path, axes: str, dtype: str) -> None:
    shape, options = CHANNEL_ORDERS[axes]
    values = samples(dtype, *shape)
    tifffile.imwrite(tmp_path / "a.tif", values, resolution=(5000, 2500), resolutionunit="CENTIMETER", **options)
    image = read_image(tmp_path / "a.tif")
    assert image.axes == axes
    assert image.pixels.shape == ((H, W) if axes == "YX" else (H, W, 5 if axes == "CYX" else 3))
    with tifffile.TiffFile(round_trip(tmp_path / "a.tif")) as copy:
        found = copy.asarray()
        assert copy.pages[0].resolution == (5000, 2500)
        assert copy.pages[0].resolutionunit == 3
        assert copy.series[0].axes == axes
    assert found.dtype == (np.float32 if "float" in dtype else dtype)
    precision = 2**-22 if dtype == "uint32" else 1e-6  # float32 pixels have 24 bits
    limit = 0 if dtype in ("uint8", "uint16", "int16") else precision * np.abs(values.astype(float)).max()
    np.testing.assert_allclose(found.astype(float), values.astype(float), rtol=0, atol=limit)


@pytest.mark.parametrize(("channels", "photometric"), [(2, "minisblack"), (4, "rgb")])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_tiff_alpha_is_kept_as_it_is(tmp_path: Path, channels: int, photometric: str, kind: str) -> None:
    values = samples("uint16", H, W, channels)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=photometric, planarconfig="contig", extrasamples=[kind])
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.alpha, values[:, :, -1])
    assert image.pixels.shape == ((H, W) if channels == 2 else (H, W, 3))
    write_image(tmp_path / "b.tif", image.pixels, like=image)
    with tifffile.TiffFile(tmp_path / "b.tif") as copy:
        np.testing.assert_array_equal(copy.asarray(), values)
        page: Any = copy.pages[0]
        assert [extra.name.lower() for extra in page.extrasamples] == [kind]


@pytest.mark.parametrize(
    ("shape", "axes"), [((5, H, W), "CYX"), ((H, W, 5), "YXS"), ((1, H, W), "YX"), ((H, W, 1), "YX")]
)
def test_tiff_without_labels_the_shortest_axis_holds_the_channels(
    tmp_path: Path, shape: tuple[int, ...], axes: str
) -> None:
    values = samples("uint8", *shape)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    assert read_image(tmp_path / "a.tif").axes == axes
    np.testing.assert_array_equal(tifffile.imread(round_trip(tmp_path / "a.tif")), values.squeeze())


@pytest.mark.parametrize("axes", ["YX", "CYX"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_imagej_calibration_is_kept(tmp_path: Path, axes: str, dtype: str) -> None:
    values = samples(dtype, *((3, H, W) if axes == "CYX" else (H, W)))
    metadata = {"axes": axes, "unit": "um", "spacing": 2.5, "Info": "wing", "min": 3.0, "max": 99.0}
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, resolution=(5.1, 5.1), metadata=metadata)
    with tifffile.TiffFile(round_trip(tmp_path / "a.tif")) as copy:
        assert copy.is_imagej
        kept: dict[str, Any] = copy.imagej_metadata or {}
        assert {key: kept[key] for key in metadata if key != "axes"} == {
            k: v for k, v in metadata.items() if k != "axes"
        }
        assert copy.pages[0].resolution == (5.1, 5.1)
        np.testing.assert_array_equal(copy.asarray(), values)


def test_an_imagej_unit_in_latin_1_is_kept_in_ascii(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", samples("uint8", H, W), imagej=True, metadata={"axes": "YX", "unit": "micron"})
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content.replace(b"unit=micron", "unit=µm    ".encode("latin-1")))
    with tifffile.TiffFile(round_trip(tmp_path / "a.tif")) as copy:
        assert (copy.imagej_metadata or {})["unit"].strip() == "\\u00B5m"


def test_malformed_tags_do_not_cost_the_result(tmp_path: Path) -> None:
    values = samples("uint8", H, W)
    tifffile.imwrite(tmp_path / "a.tif", values)
    image = read_image(tmp_path / "a.tif")
    broken = replace(image, tags=replace(image.tags, tiff={"photometric": "no such colours"}))
    with pytest.warns(UserWarning, match="without the tags of the original"):
        write_image(tmp_path / "b.tif", image.pixels, like=broken)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), values)


def test_ome_follows_from_the_name(tmp_path: Path) -> None:
    write_image(tmp_path / "a.ome.tif", samples("float32", H, W, 3))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as copy:
        assert copy.is_ome
    assert read_image(tmp_path / "a.ome.tif").pixels.shape == (H, W, 3)


def test_ome_calibration_is_kept(tmp_path: Path) -> None:
    values = samples("uint16", 2, H, W)
    metadata = {"axes": "CYX", "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", values, metadata=metadata, photometric="minisblack")
    image = read_image(tmp_path / "a.ome.tif")
    write_image(tmp_path / "b.tif", image.pixels, like=image)
    with tifffile.TiffFile(tmp_path / "b.tif") as copy:
        pixels = tifffile.xml2dict(copy.ome_metadata or "")["OME"]["Image"]["Pixels"]
        np.testing.assert_array_equal(copy.asarray(), values)
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (0.1, "µm")
    assert [channel["Name"] for channel in pixels["Channel"]] == ["DAPI", "GFP"]


def test_tiff_plain_tags_are_kept(tmp_path: Path) -> None:
    values = samples("uint8", H, W)
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        photometric="miniswhite",
        compression="zlib",
        metadata=None,
        description="wing",
        iccprofile=b"profile",
        extratags=[(274, 3, 1, 6, True)],
    )
    with tifffile.TiffFile(round_trip(tmp_path / "a.tif")) as copy:
        page: Any = copy.pages[0]
        assert (page.photometric.name, page.compression.name) == ("MINISWHITE", "ADOBE_DEFLATE")
        assert (page.description, page.iccprofile, page.tags[274].value) == ("wing", b"profile", 6)
        np.testing.assert_array_equal(copy.asarray(), values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "bool"])
def test_white_is_zero_is_turned_over_and_back(tmp_path: Path, dtype: str) -> None:
    values = samples("uint8", H, W) > 99 if dtype == "bool" else samples(dtype, H, W)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
    image = read_image(tmp_path / "a.tif")
    assert np.corrcoef(image.pixels.ravel(), values.ravel().astype(float))[0, 1] == pytest.approx(-1)
    with tifffile.TiffFile(round_trip(tmp_path / "a.tif")) as copy:
        page: Any = copy.pages[0]
        assert page.photometric.name == "MINISWHITE"
        found = copy.asarray().astype(float) / (255 if dtype == "bool" else 1)
    np.testing.assert_allclose(found, values.astype(float), rtol=0, atol=2**10 if dtype == "uint32" else 0)
    write_image(tmp_path / "b.png", image.pixels, like=image)
    np.testing.assert_allclose(read_image(tmp_path / "b.png").pixels, image.pixels, atol=1e-5)


def test_tiff_palette_becomes_rgb(tmp_path: Path) -> None:
    indices, colours = samples("uint8", H, W), samples("uint8", 3, 256)
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=colours.astype(np.uint16) * 257)
    expected = np.moveaxis(colours[:, indices], 0, 2)
    assert read_image(tmp_path / "a.tif").dtype == np.uint8
    np.testing.assert_array_equal(tifffile.imread(round_trip(tmp_path / "a.tif")), expected)


@pytest.mark.parametrize("shape", [(H, W), (H, W, 3)])
def test_tiff_lzw_of_8_bits_is_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = samples("uint8", *shape)
    Image.fromarray(values).save(tmp_path / "a.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(tifffile.imread(round_trip(tmp_path / "a.tif")), values)


def test_pyramid_is_read_at_full_resolution(tmp_path: Path) -> None:
    values = samples("uint8", 64, 64)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        writer.write(values, subifds=1)
        writer.write(values[::2, ::2], subfiletype=1)
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / "a.ome.tif").pixels * 255), values)


def test_big_endian_tiff_is_read(tmp_path: Path) -> None:
    values = samples("uint16", H, W)
    tifffile.imwrite(tmp_path / "a.tif", values, byteorder=">")
    assert read_image(tmp_path / "a.tif").dtype.isnative
    np.testing.assert_array_equal(tifffile.imread(round_trip(tmp_path / "a.tif")), values)


@pytest.mark.parametrize(
    ("low", "high", "offset", "scale"), [(-0.5, 1.5, 0, 1), (100, 4000, 100, 3900), (-1, 0, -1, 1)]
)
def test_float_ranges(tmp_path: Path, low: float, high: float, offset: float, scale: float) -> None:
    values = np.linspace(low, high, H * W, dtype=np.float32).reshape(H, W)
    tifffile.imwrite(tmp_path / "a.tif", values)
    image = read_image(tmp_path / "a.tif")
    assert (image.offset, image.scale) == (offset, scale)
    np.testing.assert_allclose(image.offset + image.scale * image.pixels.astype(float), values, atol=1e-6 * scale)


def test_a_constant_image_of_a_wide_range_is_read_and_written(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((H, W), 300.0, np.float32))
    np.testing.assert_array_equal(tifffile.imread(round_trip(tmp_path / "a.tif")), 300)


def test_integers_are_rounded_and_clipped(tmp_path: Path) -> None:
    pixels = np.full((16, 16), 0.5)
    pixels[0, :4] = -0.3, 1.3, 99.6 / 255, 99.4 / 255
    write_image(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as copy:
        assert np.asarray(copy)[0, :5].tolist() == [0, 255, 100, 99, 128]


def test_without_like_tiff_is_float32_and_jpeg_8_bit(tmp_path: Path) -> None:
    pixels = samples("float32", H, W, 3) * 1.5 - 0.5
    write_image(tmp_path / "a.tif", pixels)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)
    write_image(tmp_path / "a.jpeg", pixels)
    with Image.open(tmp_path / "a.jpeg") as copy:
        assert (copy.format, copy.mode, copy.size) == ("JPEG", "RGB", (W, H))


def test_a_deep_image_becomes_a_16_bit_png_and_an_8_bit_jpeg(tmp_path: Path) -> None:
    values = np.linspace(0, 1, H * W, dtype=np.float32).reshape(H, W)
    tifffile.imwrite(tmp_path / "a.tif", values, resolution=(254, 254), resolutionunit="INCH")
    image = read_image(tmp_path / "a.tif")
    write_image(tmp_path / "b.png", image.pixels, like=image)
    write_image(tmp_path / "b.jpg", image.pixels, like=image)
    with Image.open(tmp_path / "b.png") as copy:
        np.testing.assert_array_equal(np.asarray(copy), np.rint(values.astype(float) * 65535))
        np.testing.assert_allclose(copy.info["dpi"], 254, atol=0.02)
    with Image.open(tmp_path / "b.jpg") as copy:
        assert copy.mode == "L"
        assert copy.info["dpi"] == (254, 254)


def test_alpha_follows_into_another_format(tmp_path: Path) -> None:
    values = samples("uint8", H, W, 4)
    Image.fromarray(values).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    write_image(tmp_path / "b.tif", image.pixels, like=image)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), values)
    tifffile.imwrite(
        tmp_path / "c.tif", (values / 255).astype(np.float32), photometric="rgb", extrasamples=["unassalpha"]
    )
    image = read_image(tmp_path / "c.tif")
    write_image(tmp_path / "d.png", image.pixels, like=image)
    np.testing.assert_array_equal(read_image(tmp_path / "d.png").alpha, values[:, :, 3] * 257.0)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_other_channels_than_those_of_like(tmp_path: Path, channels: int) -> None:
    tifffile.imwrite(tmp_path / "a.tif", samples("uint8", H, W, 3), photometric="rgb", iccprofile=b"rgb profile")
    pixels = samples("float32", H, W, channels)
    write_image(tmp_path / "b.tif", pixels, like=read_image(tmp_path / "a.tif"))
    copy = read_image(tmp_path / "b.tif")
    np.testing.assert_array_equal(
        copy.pixels, (np.rint(np.clip(pixels, 0, 1) * 255) / 255).astype(np.float32).squeeze()
    )
    assert copy.tags.icc is None
