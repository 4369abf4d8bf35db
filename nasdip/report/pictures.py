"""Images for display: 8-bit PNG inside the report itself."""

import base64
import io
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from PIL import Image

from nasdip.imaging.intensity import IntensityScaling, working_range

# Longest side (px) of an embedded image, and of an embedded spectrum.
MOST_PIXELS = 1024
MOST_SPECTRUM_PIXELS = 256
_PAINT = np.array((0.84, 0.15, 0.49))  # of pixels that are missing


class Picture(NamedTuple):
    """An embedded image: a short name, its data URI, size in px as embedded, and a text for who cannot see it."""

    label: str
    uri: str
    width: int
    height: int
    alt: str


_NARROW = 0.5


class Display(NamedTuple):
    """How images of one measurement are shown, all alike.

    Attributes
    ----------
    scaling : IntensityScaling
        Intensities to [0, 1]; the identity for photographs.
    value_notes : tuple of str
        What a viewer must know of the values: a channel chosen, a scaling.
    size_notes : tuple of str
        What a viewer of the whole image must know: a reduction.
    """

    scaling: IntensityScaling
    value_notes: tuple[str, ...]
    size_notes: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """All that a viewer of the whole image must know."""
        return self.value_notes + self.size_notes

    @staticmethod
    def of(noisy: np.ndarray, restored: np.ndarray | None = None) -> "Display":
        """Choose the display of an measurement (H, W, C), and of what was made of it, if anything was."""
        scaling = working_range(noisy)
        if restored is not None and (narrow := working_range(restored)).scale < _NARROW * scaling.scale:
            scaling = narrow  # hot pixels made the range of the noisy image, and would leave the rest black
        notes, sizes = [], []
        if noisy.shape[2] not in (1, 3):
            notes.append(f"The first of {noisy.shape[2]} channels is shown.")
        if scaling != IntensityScaling(0.0, 1.0):
            low, high = scaling.offset, scaling.offset + scaling.scale
            notes.append(f"Intensities from {low:.3g} to {high:.3g} are shown from black to white.")
        longest = max(noisy.shape[:2])
        if longest > MOST_PIXELS:
            sizes.append(f"Shown at {100 * MOST_PIXELS / longest:.0f} % of its size.")
        return Display(scaling, tuple(notes), tuple(sizes))

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """Return an image (H, W, C) as uint8, (H, W) or (H, W, 3)."""
        chosen = image if image.shape[2] == 3 else image[:, :, 0]
        return np.rint(255 * np.clip(self.scaling.apply(chosen.astype(np.float64)), 0, 1)).astype(np.uint8)

    def picture(self, label: str, image: np.ndarray, alt: str) -> Picture:
        """Embed an image (H, W, C)."""
        return _embed(label, Image.fromarray(self.pixels(image)), MOST_PIXELS, alt)


def painted(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image (H, W, C) as (H, W, 3) with the pixels that a mask (H, W) does not name in one bright colour."""
    low, scale = working_range(image[mask])
    grey = np.repeat((image if image.shape[2] == 3 else image[:, :, :1]).mean(axis=2, keepdims=True), 3, axis=2)
    return np.where(mask[..., None], grey, low + scale * _PAINT)


def residual_pixels(residual: np.ndarray, scale: float) -> np.ndarray:
    """Return a residual (H, W, C), the mean over channels, as uint8: black -scale, mid-grey 0, white +scale."""
    return np.rint(127.5 + 127.5 * np.clip(residual.mean(axis=2) / scale, -1, 1)).astype(np.uint8)


def residual_picture(residual: np.ndarray, scale: float) -> Picture:
    """Embed a residual (H, W, C)."""
    image = Image.fromarray(residual_pixels(residual, scale))
    return _embed("residual", image, MOST_PIXELS, "Residual: noisy minus restored image; mid-grey is zero.")


def spectrum_picture(label: str, spectrum: np.ndarray, low: float, high: float) -> Picture:
    """Embed a log-magnitude spectrum (H, W), `low` as the darkest colour, `high` as the brightest."""
    size = _fitting(spectrum.shape[1], spectrum.shape[0], MOST_SPECTRUM_PIXELS)
    image = _coloured(spectrum, low, high, size, "magma")
    return _embed(
        label, image, MOST_SPECTRUM_PIXELS, f"Log-magnitude spectrum of the {label} image, zero in the middle."
    )


def values_picture(label: str, values: np.ndarray, low: float, high: float, colours: str, alt: str) -> Picture:
    """Embed values (H, W) in the colour map `colours` of matplotlib, from `low` to `high`."""
    size = _fitting(values.shape[1], values.shape[0], MOST_PIXELS)
    return _embed(label, _coloured(values, low, high, size, colours), MOST_PIXELS, alt)


def scale_picture(colours: str, alt: str) -> Picture:
    """Embed the colours of a map, lowest first, as a strip."""
    return values_picture("scale", np.tile(np.arange(256.0), (8, 1)), 0.0, 255.0, colours, alt)


def _coloured(values: np.ndarray, low: float, high: float, size: tuple[int, int], colours: str) -> Image.Image:
    """Return values (H, W) as an image of `size` px in the colours of a map."""
    share = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    small = np.asarray(Image.fromarray(share.astype(np.float32)).resize(size, Image.Resampling.BOX))
    image = Image.fromarray(np.rint(255 * small).astype(np.uint8))
    image.putpalette((255 * colormaps[colours](np.arange(256))[:, :3]).astype(np.uint8).tobytes())
    return image


def _fitting(width: int, height: int, most: int) -> tuple[int, int]:
    factor = min(1.0, most / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _embed(label: str, image: Image.Image, most: int, alt: str) -> Picture:
    size = _fitting(*image.size, most)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(label, uri, *image.size, alt)
