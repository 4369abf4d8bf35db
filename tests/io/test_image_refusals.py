"""What cannot be read or written is refused in one line that names the file or the fix."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from nasdip.errors import NasdipError
from nasdip.io.image_file import check_output, read_image, write_image

GREY = np.linspace(0, 255, 20 * 24).astype(np.uint8).reshape(20, 24)


def refusal(path: Path) -> str:
    with pytest.raises(NasdipError) as caught:
        read_image(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_missing_folder_and_suffix(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "a.png")
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "a.bmp").write_bytes(b"BM")
    assert ".tiff" in refusal(tmp_path / "a.bmp")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("content", [b"", b"not an image at all\n"])
def test_not_an_image(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"a{suffix}").write_bytes(content)
    assert "is not a PNG, JPEG or TIFF image" in refusal(tmp_path / f"a{suffix}")


def write_whole(path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    if path.suffix == ".tif":
        values = rng.integers(0, 255, (3, 40, 50)).astype(np.uint8)
        dialects: dict[str, dict[str, Any]] = {
            "imagej": {"imagej": True, "metadata": {"axes": "CYX"}},
            "pages": {"metadata": None},
        }
        compression = "zlib" if kind == "zlib" else None
        values = values[0] if kind in ("zlib", "plain") else values
        tifffile.imwrite(path, values, photometric="minisblack", compression=compression, **dialects.get(kind, {}))
    else:
        dtype = np.uint16 if kind == "deep" else np.uint8
        Image.fromarray(rng.integers(0, 255, (40, 50)).astype(dtype)).save(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize(
    "file", ["plain.png", "deep.png", "plain.jpg", "plain.tif", "zlib.tif", "imagej.tif", "pages.tif"]
)
def test_truncated_files(tmp_path: Path, file: str, share: float) -> None:
    path = tmp_path / file
    write_whole(path, path.stem)
    assert read_image(path).pixels.shape[:2] == (40, 50)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "is damaged or not readable" in refusal(path)


def test_a_flipped_bit_in_a_png(tmp_path: Path) -> None:
    write_whole(tmp_path / "deep.png", "deep")
    content = bytearray((tmp_path / "deep.png").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "deep.png").write_bytes(content)
    assert "checksum" in refusal(tmp_path / "deep.png")


def test_nan_and_infinity_are_counted(tmp_path: Path) -> None:
    values = np.ones((20, 24), np.float32)
    values[0, :3] = np.nan
    values[5, 5] = np.inf
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert "in 1 pixels" in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize("shape", [(15, 40), (40, 15)])
def test_too_small(tmp_path: Path, shape: tuple[int, int]) -> None:
    Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / "a.png")
    assert f"{shape[0]}x{shape[1]} px" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("shape", "metadata", "words"),
    [
        ((7, 20, 24), {"axes": "TYX"}, "7 planes in time: save one plane per file"),
        ((7, 20, 24), {"axes": "ZYX"}, "7 planes in depth: save one plane per file"),
        ((2, 3, 20, 24), {"axes": "TCYX"}, "2 planes in time"),
        ((2, 3, 20, 24), None, "save one plane per file"),
        ((17, 20, 24), None, "no channel axis"),
        ((20, 5, 24), {"axes": "QYX"}, "no channel axis"),
    ],
)
def test_stacks(tmp_path: Path, shape: tuple[int, ...], metadata: dict[str, str] | None, words: str) -> None:
    values = np.zeros(shape, np.uint8)
    options: dict[str, Any] = {} if metadata is None else {"metadata": metadata}
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", **options)
    assert words in refusal(tmp_path / "a.tif")


def test_several_images_and_animations(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(GREY)
        writer.write(GREY[:18])
    assert "holds 2 images" in refusal(tmp_path / "a.tif")
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    assert "is an animation" in refusal(tmp_path / "a.png")


def test_unsupported_colours_and_types(tmp_path: Path) -> None:
    Image.new("CMYK", (20, 20)).save(tmp_path / "a.jpg")
    assert "CMYK" in refusal(tmp_path / "a.jpg")
    Image.new("CMYK", (20, 20)).save(tmp_path / "a.tif")
    assert "convert it to RGB" in refusal(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", GREY.astype(np.complex64))
    assert "complex64" in refusal(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.tif", GREY.astype(np.int64))
    assert "int64" in refusal(tmp_path / "c.tif")


@pytest.mark.parametrize("name", ["no such folder/a.png", "a.bmp", "a", "folder.png"])
def test_impossible_outputs_are_known_before_and_leave_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(GREY).save(tmp_path / "in.png")
    image = read_image(tmp_path / "in.png")
    with pytest.raises(NasdipError):
        check_output(tmp_path / name, image)
    with pytest.raises(NasdipError):
        write_image(tmp_path / name, image.pixels, like=image)
    assert sorted(os.listdir(tmp_path)) == ["folder.png", "in.png"]


def test_channels_and_alpha_that_a_format_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(NasdipError, match=r"JPEG holds 1 or 3 channels, not 5: write a \.tif file"):
        write_image(tmp_path / "a.jpg", np.zeros((20, 24, 5)))
    Image.fromarray(np.zeros((20, 24, 4), np.uint8)).save(tmp_path / "in.png")
    transparent = read_image(tmp_path / "in.png")
    with pytest.raises(NasdipError, match="transparency"):
        check_output(tmp_path / "a.jpg", transparent)
    check_output(tmp_path / "a.tif", transparent)
    with pytest.raises(NasdipError, match="do not fit the alpha"):
        write_image(tmp_path / "a.png", np.zeros((40, 48, 3)), like=transparent)


def test_nan_is_not_written_and_what_was_there_stays(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.zeros((20, 24)))
    before = (tmp_path / "a.png").read_bytes()
    pixels = np.zeros((20, 24, 3))
    pixels[1, 1, 0] = np.nan
    with pytest.raises(NasdipError, match="in 1 pixels"):
        write_image(tmp_path / "a.png", pixels)
    assert (tmp_path / "a.png").read_bytes() == before
    with pytest.raises(NasdipError, match="are no image"):
        write_image(tmp_path / "a.png", np.zeros(20))


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.tif", np.zeros((20, 24)))
    before = (tmp_path / "a.tif").read_bytes()

    def full_disk(path: Path, *args: object, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", full_disk)
    with pytest.raises(NasdipError, match="No space left on device"):
        write_image(tmp_path / "a.tif", np.ones((20, 24)))
    assert os.listdir(tmp_path) == ["a.tif"]
    assert (tmp_path / "a.tif").read_bytes() == before
