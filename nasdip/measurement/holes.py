"""Which pixels are missing, for trying what fills them: at random, in blocks, under text."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nasdip.errors import NasdipError

_TEXT = "an untrained network fitted to one picture restores it because its structure is a prior "


class HoleKind(NamedTuple):
    """A kind of holes: its name, what help says of it, the share of the pixels by default, and what draws it."""

    name: str
    help: str
    share: float
    draw: Callable[[tuple[int, int], float, np.random.Generator], np.ndarray]


def missing_pixels(
    shape: tuple[int, ...], kind: str = "pixels", share: float | None = None, *, seed: int = 0
) -> np.ndarray:
    """Return which pixels are missing.

    Parameters
    ----------
    shape : tuple of int
        Of the image, (H, W) or (H, W, C).
    kind : {"pixels", "blocks", "text"}
        pixels: each by itself, at random. blocks: squares of an eighth of the shorter side. text: lines of writing.
    share : float, optional
        Of the pixels, in (0, 1); blocks and text come near it. Default: 0.5, 0.1, 0.1.
    seed : int
        The same seed gives the same pixels.

    Returns
    -------
    ndarray
        (H, W) bool, True where they are missing.

    Raises
    ------
    NasdipError
        For an unknown kind or another share.

    Examples
    --------
    >>> int(missing_pixels((10, 10), "pixels", 0.3).sum())
    30
    """
    if kind not in HOLE_KINDS:
        raise NasdipError(f"unknown holes '{kind}': use {', '.join(HOLE_KINDS)}")
    share = HOLE_KINDS[kind].share if share is None else share
    if not 0 < share < 1:
        raise NasdipError(f"the share of missing pixels is {share}: use a number between 0 and 1")
    height, width = shape[:2]
    missing = HOLE_KINDS[kind].draw((height, width), share, np.random.default_rng(seed))
    if missing.all() or not missing.any():
        raise NasdipError(f"a share of {share} leaves no hole, or no pixel, in {height}x{width} px: use another")
    return missing


def _pixels(shape: tuple[int, int], share: float, rng: np.random.Generator) -> np.ndarray:
    missing = np.zeros(shape, bool)
    missing.ravel()[rng.permutation(missing.size)[: round(share * missing.size)]] = True
    return missing


def _blocks(shape: tuple[int, int], share: float, rng: np.random.Generator) -> np.ndarray:
    missing, side = np.zeros(shape, bool), max(2, min(shape) // 8)
    while missing.mean() < share:
        top, left = (int(rng.integers(0, length - side + 1)) for length in shape)
        missing[top : top + side, left : left + side] = True
    return missing


def _text(shape: tuple[int, int], share: float, rng: np.random.Generator) -> np.ndarray:
    """Write lines, with as much space between them as makes the share."""
    height, width = shape
    size = max(8, min(shape) // 12)
    font = ImageFont.load_default(size)
    start = int(rng.integers(0, len(_TEXT)))
    line = (_TEXT[start:] + _TEXT * (1 + 2 * width // size))[: 1 + 4 * width // size]
    ink = np.asarray(_written([line], (height, width), font, size)).mean() * height / size
    lines = max(1, round(share * height / size / max(float(ink), 1e-6)))
    step = max(size, height // lines)
    rows = [line[shift:] for shift in range(lines)]
    return np.asarray(_written(rows, (height, width), font, step))


def _written(
    rows: list[str], shape: tuple[int, int], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, step: int
) -> np.ndarray:
    picture = Image.new("1", (shape[1], shape[0]))
    draw = ImageDraw.Draw(picture)
    for number, row in enumerate(rows):
        draw.text((0, number * step), row, fill=1, font=font)
    return np.asarray(picture, bool)


HOLE_KINDS = {
    kind.name: kind
    for kind in (
        HoleKind("pixels", "single pixels at random", 0.5, _pixels),
        HoleKind("blocks", "squares", 0.1, _blocks),
        HoleKind("text", "lines of writing", 0.1, _text),
    )
}
