"""Error of a fit by distance from the border of what was fitted: how far tiles should overlap.

python experiments/benchmarks/tile_border.py [-o FILE.csv] [--side 96] [--step 32] [--width 32] [--steps 400]

Squares of `side` px are fitted at every `step` px of a picture with noise of level 25. Every pixel is in several of
them: its squared error in one where it lies near the border is compared with that in the one where it lies deepest.
"""

import argparse
from pathlib import Path

import numpy as np
from provenance_of import provenance_line
from skimage import data
from skimage.util import img_as_float32

from nasdip.files import write_text
from nasdip.fit.fit import fit
from nasdip.imaging.tiles import Tile
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.network.build import build_network
from nasdip.options.fit import FitConfig
from nasdip.zoo.catalog import zoo_entry

COLUMNS = "picture,architecture,side,width,steps,from_px,to_px,error_ratio,pixels"
# Upper left corners of what is taken of scikit-image's pictures.
PICTURES = {"astronaut": (60, 150), "camera": (60, 180)}
BANDS = ((0, 1), (1, 2), (2, 4), (4, 6), (6, 8), (8, 12), (12, 16), (16, 24), (24, 32))
SIGMA = 25.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/benchmarks/tile_border.csv"))
    parser.add_argument("--architecture", default="dip")
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--step", type=int, default=32)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    head, rows = provenance_line(), []
    print(COLUMNS)
    for picture in PICTURES:
        errors, depth = fit_squares(picture, options)
        for low, high in BANDS:
            ratio, count = compare(errors, depth, low, high)
            if count == 0:  # squares too small to have such pixels, and others that lie deeper
                continue
            rows.append(
                f"{picture},{options.architecture},{options.side},{options.width},{options.steps},{low},{high},"
                f"{ratio:.3f},{count}"
            )
            print(rows[-1], flush=True)
    write_text(options.output, "\n".join([head, COLUMNS, *rows]) + "\n")


def fit_squares(picture: str, options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Return squared errors (NaN outside of a square) and distances from the border (0: outermost), (n, H, W) each."""
    top, left = PICTURES[picture]
    whole = options.side + 2 * options.step
    clean = np.atleast_3d(img_as_float32(getattr(data, picture)()[top : top + whole, left : left + whole]))
    noisy = add_noise(clean, sigma=SIGMA, seed=0).astype(np.float32)
    architecture = zoo_entry(options.architecture).architecture
    begins = range(0, 2 * options.step + 1, options.step)
    squares = [Tile(y, x, options.side, options.side) for y in begins for x in begins]
    errors, depth = (np.full((len(squares), whole, whole), fill) for fill in (np.nan, -1.0))
    inward = np.minimum(np.arange(options.side), np.arange(options.side)[::-1])
    for seed, square in enumerate(squares):
        network = build_network(architecture, out_channels=clean.shape[2], width=options.width, seed=seed)
        measurement = Measurement(noisy[square.place], NoiseModel.white(SIGMA))
        result = fit(network, architecture, measurement, FitConfig(steps=options.steps), seed=seed)
        errors[seed][square.place] = ((result.averaged - clean[square.place]) ** 2).mean(axis=2)
        depth[seed][square.place] = np.minimum(inward[:, None], inward)
    return errors, depth


def compare(errors: np.ndarray, depth: np.ndarray, low: int, high: int) -> tuple[float, int]:
    """Return the error `low` to `high` px from the border over that of the same pixels where they lie deepest."""
    deepest = depth.argmax(axis=0)
    reference = np.take_along_axis(errors, deepest[None], axis=0)[0]
    near = (depth >= low) & (depth < high) & (np.arange(len(depth))[:, None, None] != deepest)
    near &= depth.max(axis=0) >= BANDS[-1][0] + 4  # elsewhere no square has the pixel deep inside
    references = np.broadcast_to(reference, errors.shape)
    count = int(near.sum())
    return (float(errors[near].sum() / references[near].sum()) if count else float("nan")), count


if __name__ == "__main__":
    main()
