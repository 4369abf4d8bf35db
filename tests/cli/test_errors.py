"""Bad input: one line, exit code 2, nothing written."""

import numpy as np
import pytest
import tifffile
from skimage.data import camera


def contents(folder):
    return sorted((str(p), p.read_bytes() if p.is_file() else b"") for p in folder.rglob("*"))


def prepare(folder):
    (folder / "text.png").write_text("I am not a picture")
    spoilt = np.full((32, 32), 0.5, np.float32)
    spoilt[3, 4] = np.inf
    tifffile.imwrite(folder / "spoilt.tif", spoilt)
    tifffile.imwrite(folder / "small.tif", camera()[:8, :8])
    tifffile.imwrite(folder / "other.tif", camera()[:32, :32])
    (folder / "restored.png").write_bytes((folder / "photo.png").read_bytes())
    (folder / "broken.json").write_text('{"spatial": [')
    (folder / "odd.json").write_text('{"spatial": {"_type": "choice", "_value": ["sideways"]}}')


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["restore", "missing.png"], ["missing.png", "does not exist"]),
        (["restore", "text.png"], ["text.png", "not a PNG"]),
        (["restore", "spoilt.tif"], ["infinite", "1 pixel"]),
        (["restore", "small.tif"], ["8x8", "16x16"]),
        (["restore", "photo.png", "--clean", "other.tif"], ["other.tif", "32x32"]),
        (["restore", "photo.png", "clean.png", "--clean", "clean.png"], ["one by one"]),
        (["restore", "photo.png", "--architecture", "resnet"], ["unknown architecture 'resnet'", "dip"]),
        (["restore", "photo.png", "--architecture", "bilinear+conv4:1"], ["odd"]),
        (["restore", "photo.png", "--architecture", "none.json"], ["none.json", "does not exist"]),
        (["restore", "photo.png", "--architecture", "nas-dip-denoise", "--width", "6"], ["divisible by 4"]),
        (["restore", "photo.png", "--width", "1000000000"], ["width 1000000000", "4096"]),
        (["restore", "photo.png", "--architecture", "x" * 300], ["unknown architecture"]),
        (["restore", "photo.png", "--architecture", "bilinear:1:w99999"], ["99999"]),
        (["restore", "photo.png", "photo.tif"], ["one place"]),
        (["restore", "photo.png", "--device", "toaster"], ["unknown device 'toaster'"]),
        (["restore", "photo.png", "-o", "/proc/nowhere"], ["/proc/nowhere", "cannot write"]),
        (["restore", "photo.png", "-o", "photo.png"], ["photo.png", "cannot write"]),
        (["restore", "photo.png", "-o", "."], ["overwritten"]),
        (["restore", "photo.png", "--steps", "many"], ["--steps", "integer"]),
        (["restore", "photo.png", "--speed", "2"], ["--speed"]),
        (["restore"], ["IMAGE"]),
        (["search", "missing.png"], ["does not exist"]),
        (["search", "photo.png", "--space", "broken.json"], ["broken.json", "not JSON"]),
        (["search", "photo.png", "--space", "odd.json"], ["unknown spatial operation 'sideways'"]),
        (["search", "photo.png", "--space", "nowhere"], ["nowhere", "tiny"]),
        (["search", "photo.png", "--clean", "other.tif"], ["32x32"]),
        (["search", "photo.png", "--crop", "8"], ["crop of 8", "16"]),
        (["search", "photo.png", "--searcher", "oracle"], ["unknown searcher", "evolution"]),
        (["search", "photo.png", "--width", "6"], ["width 6"]),
        (["search", "photo.png", "--parallel", "many"], ["--parallel is 'many'", "auto"]),
        (["search", "photo.png", "--parallel", "0"], ["parallel is 0", "auto"]),
        (["search", "photo.png", "-o", "/proc/nowhere"], ["cannot write"]),
        (["search", "restored.png", "-o", "."], ["restored.png", "overwritten"]),
        (["search", "-o", "empty", "--resume"], ["not the folder of a search"]),
        (["search"], ["give an image"]),
        (["noise", "clean.png"], ["sigma"]),
        (["noise", "clean.png", "--sigma", "25", "--kind", "pink"], ["pink", "gaussian"]),
        (["noise", "clean.png", "--sigma", "25", "-o", "clean.png"], ["overwritten"]),
        (["noise", "clean.png", "--sigma", "25", "-o", "noisy.gif"], ["noisy.gif"]),
        (["spectrum", "photo.png", "--clean", "other.tif"], ["32x32"]),
        (["report", "."], ["search"]),
        (["status", "."], ["run.json"]),
        (["zoo", "show", "resnet"], ["nas-dip-denoise"]),
    ],
)
def test_one_line_exit_2_and_nothing_written(folder, nasdip, arguments, words):
    prepare(folder)
    before = contents(folder)
    code, out, err = nasdip(*arguments)
    assert code == 2
    assert out == ""
    *notes, last = err.strip().splitlines()
    assert last.startswith("nasdip: error: ")
    assert not [line for line in notes if "error" in line.lower()]
    for word in words:
        assert word in last
    assert contents(folder) == before
