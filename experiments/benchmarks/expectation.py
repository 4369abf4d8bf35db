"""What is expected of a restored image, beside what it turns out to be: calibration and check.

python experiments/benchmarks/expectation.py fits [--data DATA] [--cache DIR] [--part 0/1]
"""

import argparse
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from skimage import data
from skimage.util import img_as_float32

from nasdip.imaging.image_file import read_image
from nasdip.imaging.noise import add_noise
from nasdip.imaging.observe import observe
from nasdip.prior.recipes import FAST
from nasdip.prior.restoration import restore_observation
from nasdip.zoo.catalog import find_architecture

# Upper left corners of what is taken of scikit-image's pictures.
PICTURES = {
    "astronaut": (20, 100), "coffee": (60, 120), "chelsea": (120, 200), "rocket": (250, 280), "camera": (150, 150),
    "coins": (30, 60), "immunohistochemistry": (60, 300), "retina": (600, 900), "moon": (150, 60),
    "stereo_motorcycle": (200, 300), "brick": (100, 100), "gravel": (100, 100), "hubble_deep_field": (300, 300),
}  # fmt: skip
CHECKED = ("f16", "house", "peppers", "kodim03")
NOISES = (("gaussian", 25), ("gaussian", 50), ("poisson", 25), ("speckle", 25))
MORE_NOISES = (*NOISES, ("gaussian", 10))


class Case(NamedTuple):
    """A restoration to be made."""

    role: str  # calibration, check
    picture: str
    side: int
    kind: str
    level: int
    known: bool  # whether the noise level is given
    architecture: str

    @property
    def name(self) -> str:
        return "-".join(map(str, self))

    @property
    def seed(self) -> int:
        return zlib.crc32(f"{self.picture} {self.side} {self.kind} {self.level}".encode())


def all_cases() -> Iterator[Case]:
    for picture in PICTURES:
        for number, (kind, level) in enumerate(MORE_NOISES):
            if picture == "hubble_deep_field" and kind != "gaussian":
                continue  # almost black
            yield Case("calibration", picture, 96, kind, level, True, ("dip", "dip", "nas-dip-denoise")[number % 3])
    for side in (96, 128):
        for known in (True, False):
            for picture in CHECKED:
                for number, (kind, level) in enumerate(NOISES):
                    architecture = ("dip", "nas-dip-denoise")[(number + (side > 96)) % 2]
                    yield Case("check", picture, side, kind, level, known, architecture)


def clean_of(case: Case, folder: Path | None) -> np.ndarray:
    if case.role == "calibration":
        picture = getattr(data, case.picture)()
        picture = np.atleast_3d(img_as_float32(picture[0] if isinstance(picture, tuple) else picture))
        top, left = PICTURES[case.picture]
    else:
        assert folder is not None
        picture = read_image(folder / f"{case.picture}.png").pixels
        top, left = ((length - case.side) // 2 for length in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + case.side, left : left + case.side])


def make(case: Case, clean: np.ndarray) -> dict[str, np.ndarray]:
    noisy = add_noise(clean, case.kind, sigma=case.level, seed=case.seed).astype(np.float32)
    observation, _ = observe(noisy, float(case.level) if case.known else None)
    settings = FAST.settings(case.side, case.side, precision="bf16")
    restoration = restore_observation(
        observation, find_architecture(case.architecture), settings, width=FAST.width, seed=case.seed % 1000, refine=True
    )
    arrays = {
        "clean": clean,
        "noisy": noisy,
        "fitted": np.mean([repetition.averaged for repetition in restoration.repetitions], axis=0),
        "image": restoration.image,
        "sigma": np.array([observation.sigma, observation.sigma_error]),
    }
    if observation.variance is not None:
        arrays["variance"] = observation.variance
    if restoration.reference is not None:
        arrays |= {"reference": restoration.reference.image, "reference_variance": restoration.reference.variance}
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("runs/expectation"))
    parser.add_argument("--part", default="0/1")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    part, parts = map(int, options.part.split("/"))
    cases = [case for case in all_cases() if options.data or case.role == "calibration"]
    for case in cases[part::parts]:
        file = options.cache / f"{case.name}.npz"
        if not file.exists():
            np.savez(file, **make(case, clean_of(case, options.data)))
            print(case.name, flush=True)


if __name__ == "__main__":
    main()
