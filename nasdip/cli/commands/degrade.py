"""`nasdip degrade`."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.files import make_folder
from nasdip.io.image_file import check_output, read_image, write_image
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.holes import missing_pixels


class Degradation(NamedTuple):
    """What is done to a picture; see `add_noise` and `missing_pixels`. No `kind`: no noise; no `holes`: no holes."""

    kind: str | None = None
    sigma: float | None = None
    amount: float | None = None
    blur: float = 1.0
    clip: bool = False
    holes: str | None = None
    share: float | None = None


def degrade_file(image: Path, output: Path | None, asked: Degradation, *, seed: int, suffix: str) -> list[Path]:
    """Write a degraded version of an image file, in its format, and the mask of its holes; return where.

    The mask is a PNG file beside it, white where pixels are missing. `suffix` goes to the names of both where no
    `output` is given.
    """
    file = read_image(image)
    target = output if output is not None else Path(f"{image.stem}_{suffix}{image.suffix}")
    mask = target.with_name(f"{target.stem}_mask.png")
    for path in (target, *((mask,) if asked.holes else ())):
        if path.resolve() == image.resolve():
            raise NasdipError(f"{image} would be overwritten: choose another file with -o")
    check_output(image.parent / target.name, file)
    if asked.kind is None and asked.holes is None:
        raise NasdipError("nothing to do: give --sigma for noise, --holes for missing pixels, or both")
    if asked.share is not None and asked.holes is None:
        raise NasdipError("--share is that of missing pixels: give --holes as well")
    pixels = file.pixels
    if asked.kind is not None:
        pixels = add_noise(
            pixels, asked.kind, sigma=asked.sigma, amount=asked.amount, blur=asked.blur, seed=seed, clip=asked.clip
        )
    if asked.holes is None:
        make_folder(target.parent)
        write_image(target, pixels, like=file)
        return [target]
    missing = missing_pixels(pixels.shape, asked.holes, asked.share, seed=seed)
    make_folder(target.parent)
    write_image(target, np.where(missing if pixels.ndim == 2 else missing[..., None], 0, pixels), like=file)
    write_image(mask, missing.astype(np.float32))
    return [target, mask]
