"""How often the interval of the estimated PSNR holds the true one, for pictures with holes.

python experiments/benchmarks/hole_error.py DATA [-o FILE.csv] [--side 128]

Crops, at places drawn by chance, of scikit-image's pictures and of the pictures in DATA and its folders, with four
kinds of holes, noise-free and with sigma 8. Three ways of filling stand for a network, since a fit of each of the
about 800 cases would take a day: scikit-image's biharmonic equation, linear interpolation, and a smoothing that blurs
the known pixels too. Half of the pictures (every other by name) is what the estimate was chosen on. Prints, for each
half, the share of true PSNRs inside the 90 % interval and the mean distance from the estimate.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from rows import write_rows
from scipy import ndimage
from scipy.interpolate import griddata
from skimage import data
from skimage.color import rgb2gray
from skimage.restoration import inpaint_biharmonic
from skimage.util import img_as_float32

from nasdip.classical.hole_error import HeldOutErrors, estimate_hole_error
from nasdip.imaging.metrics import psnr
from nasdip.measurement.holes import missing_pixels
from nasdip.measurement.impulses import fill_impulses
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.operators.mask import Mask

COLUMNS = ("half", "image", "holes", "share", "filled", "sigma", "psnr", "estimated", "low", "high")
SHIPPED = (
    "astronaut", "camera", "coffee", "chelsea", "coins", "page", "moon", "brick", "grass", "gravel", "cell", "rocket",
    "text", "clock",
)  # fmt: skip
HOLES = (("pixels", 0.5), ("pixels", 0.85), ("text", 0.1), ("blocks", 0.1))
HELDOUT = 0.05  # as in fits
EXACT = 60.0  # dB, beyond which a picture is of one colour there, and nothing is estimated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/benchmarks/hole_error.csv"))
    parser.add_argument("--side", type=int, default=128)
    options = parser.parse_args()
    rows = []
    for number, (name, picture) in enumerate(sorted(pictures(options.data).items())):
        half = "reported" if number % 2 else "chosen"
        rows += [dict(zip(COLUMNS, (half, name, *case), strict=True)) for case in cases(picture, options.side, number)]
    write_rows(options.output, COLUMNS, rows)
    for half in ("chosen", "reported"):
        mine = [[float(row[key]) for key in COLUMNS[-4:]] for row in rows if row["half"] == half]
        true, told, low, high = np.array(mine).T
        inside = 100 * np.mean((low <= true) & (true <= high))
        print(f"{half}: {len(mine)} cases, {inside:.1f} % inside, mean |error| {np.abs(told - true).mean():.2f} dB, "
              f"mean width {np.mean(high - low):.1f} dB")  # fmt: skip


def pictures(folder: Path) -> dict[str, np.ndarray]:
    """Return grey pictures (H, W) in [0, 1], by name."""
    found = {name: getattr(data, name)() for name in SHIPPED}
    for path in sorted(folder.rglob("*.png")):
        if not any(word in path.stem for word in ("mask", "noisy", "_x4", "_x8")) and path.parent.name != "real":
            found[str(path.relative_to(folder))] = iio.imread(path)
    return {name: _grey(picture) for name, picture in found.items()}


def cases(picture: np.ndarray, side: int, seed: int) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a picture, without half and name."""
    if min(picture.shape) < side:
        return
    rng = np.random.default_rng(seed)
    top, left = (int(rng.integers(0, length - side + 1)) for length in picture.shape)
    clean = picture[top : top + side, left : left + side]
    for holes, share in HOLES:
        for sigma in (0.0, 8.0):
            known = ~missing_pixels(clean.shape, holes, share, seed=seed)
            heldout = known & (rng.random(known.shape) < HELDOUT)
            given = np.where(known, clean + rng.normal(0, sigma / 255, clean.shape), 0).astype(np.float32)
            measurement = Measurement(given[..., None], NoiseModel.white(sigma), Mask(known))
            for name, fill in FILLED.items():
                image = fill(given, ~known | heldout)[..., None].astype(np.float32)
                made = np.where(known[..., None], given[..., None], image)
                true = psnr(clean[..., None], made, data_range=1.0)
                told = estimate_hole_error(measurement, made, [HeldOutErrors(heldout, image)], kept=True)
                if told is not None and true < EXACT:
                    numbers = (true, told.psnr, told.low, told.high)
                    yield holes, f"{share:g}", name, f"{sigma:g}", *(f"{value:.2f}" for value in numbers)


def _linear(given: np.ndarray, missing: np.ndarray) -> np.ndarray:
    known, at, filled = np.argwhere(~missing), np.argwhere(missing), given.copy()
    values = griddata(known, given[~missing], at, method="linear")
    outside = np.isnan(values)
    if outside.any():
        values[outside] = griddata(known, given[~missing], at[outside], method="nearest")
    filled[missing] = values
    return filled


def _smooth(given: np.ndarray, missing: np.ndarray) -> np.ndarray:
    weight = ndimage.gaussian_filter((~missing).astype(float), 1.2)
    means = ndimage.gaussian_filter(np.where(missing, 0, given), 1.2) / np.maximum(weight, 1e-9)
    return np.where(weight > 1e-6, means, fill_impulses(given[..., None], missing)[..., 0])


FILLED = {"biharmonic": inpaint_biharmonic, "linear": _linear, "smooth": _smooth}


def _grey(picture: np.ndarray) -> np.ndarray:
    return np.asarray(rgb2gray(picture[..., :3]) if picture.ndim == 3 else img_as_float32(picture), np.float32)


if __name__ == "__main__":
    main()
