"""Half of the pixels missing: what fills them how well, found without the clean picture.

python experiments/benchmarks/inpainting.py DATA [-o FILE.csv] [--steps 1600] [--seed 0 1] [--image house ...]
    [--method dip ...] [--sigma 0] [--runs FOLDER]

Takes the centre crops (--side px) of the pictures DATA/NAME.png whose masks DATA/NAME_mask.png (white = known) their
authors published, and fills the missing pixels: by scikit-image's biharmonic equation, and by a fit of each
architecture, stopped by held-out known pixels. PSNR is that of the whole crop, with the known pixels as they are;
oracle is the best step's, picked with the clean picture. Finished rows are kept: the same command goes on; with --runs,
so is every fit, from which another FILE.csv is made anew in no time. Seconds are of whatever else runs, too.
"""

import argparse
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from rows import read_rows, write_rows
from skimage.restoration import inpaint_biharmonic

from nasdip.imaging.metrics import psnr
from nasdip.measurement.measure import measurement_of
from nasdip.options.restore import RestoreOptions
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.results import Restoration
from nasdip.restoration.plan import plan
from nasdip.restoration.run import run_restoration

COLUMNS = (
    "image", "method", "seed", "sigma", "steps", "psnr", "oracle", "chosen", "taken", "estimated", "low", "high",
    "seconds",
)  # fmt: skip
IMAGES = ("barbara", "house", "Cameraman256", "peppers256", "montage", "boat")
NETWORKS = ("dip", "nas-dip-inpaint", "nas-dip-denoise", "nasdip-denoise")
Picture = tuple[np.ndarray, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/benchmarks/inpainting.csv"))
    parser.add_argument("--image", nargs="+", default=IMAGES)
    parser.add_argument("--method", nargs="+", default=("biharmonic", *NETWORKS))
    parser.add_argument("--seed", nargs="+", type=int, default=(0, 1))
    parser.add_argument("--steps", type=int, help="most steps of a fit; default: those of nasdip restore")
    parser.add_argument("--sigma", type=float, default=0.0, help="of noise that is added, 8-bit units")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--runs", type=Path, help="folder for a run folder of each fit")
    options = parser.parse_args()
    rows = read_rows(options.output)
    done = {(row["image"], row["method"], row["seed"], row["sigma"], row["steps"]) for row in rows}
    for image in options.image:
        for method in options.method:
            for seed in options.seed if method != "biharmonic" else options.seed[:1]:
                key = (image, method, str(seed), f"{options.sigma:g}", str(options.steps or ""))
                if key not in done:
                    rows.append(dict(zip(COLUMNS, (*key, *fill(image, method, seed, options)), strict=True)))
                    write_rows(options.output, COLUMNS, rows)
                    print(rows[-1], flush=True)


def fill(image: str, method: str, seed: int, options: argparse.Namespace) -> list[str]:
    """Fill the holes of a picture; return the numbers of its row."""
    clean, known = picture(options.data, image, options.side)
    noise = np.random.default_rng(seed).normal(0, options.sigma / 255, clean.shape) if options.sigma else 0
    given = np.where(known[..., None], clean + noise, 0).astype(np.float32)
    if method == "biharmonic":
        start = time.perf_counter()
        filled = inpaint_biharmonic(given[..., 0], ~known)[..., None]
        seconds = time.perf_counter() - start
        return [f"{psnr(clean, filled.astype(np.float32), data_range=1.0):.3f}", *[""] * 6, f"{seconds:.1f}"]
    measurement = measurement_of(given, known=known)
    asked = RestoreOptions(architecture=method, seed=seed, steps=options.steps)
    name = f"{image}_{method}_{seed}_{options.sigma:g}_{options.steps or ''}"
    folder = None if options.runs is None else RestorationFolder(options.runs / name, image)
    made: Restoration = run_restoration(plan(measurement, asked, clean=clean), folder)
    fit, expected = made.repetitions[0], made.expected
    assert fit.oracle is not None
    best = np.where(known[..., None], given, fit.oracle) if made.keeps_known else fit.oracle
    oracle = psnr(clean, best.astype(np.float32), data_range=1.0)
    psnrs = (made.psnr, oracle)
    told = () if expected is None else (expected.psnr, expected.low, expected.high)
    return [
        *(f"{value:.3f}" for value in psnrs), str(fit.image_step), str(len(fit.curves.step)),
        *([f"{value:.3f}" for value in told] or [""] * 3), f"{fit.seconds:.1f}",
    ]  # fmt: skip


def picture(data: Path, name: str, side: int) -> Picture:
    """Return the centre crop of a picture, (H, W, 1) in [0, 1], and where it is known, (H, W) bool."""
    pixels, mask = (_grey(iio.imread(data / f"{name}{end}.png")) for end in ("", "_mask"))
    top, left = ((length - side) // 2 for length in pixels.shape)
    crop = slice(top, top + side), slice(left, left + side)
    return (pixels[crop][..., None] / 255).astype(np.float32), mask[crop] > 127


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else pixels[..., 0]


if __name__ == "__main__":
    main()
