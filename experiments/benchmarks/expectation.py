"""How near the expected PSNR of a restoration is to the true one: calibration and check.

python experiments/benchmarks/expectation.py [DATA] [-o FILE.csv] [--cache DIR] [--part 0/2]

Restores crops of scikit-image's pictures, from which the constants of nasdip/classical/error_estimate.py are taken
(they are printed), and, where DATA holds f16.png, house.png, peppers.png and kodim03.png, centre crops of these: with
the level of the noise given, and, as an 8-bit file has it, clipped and rounded, with level and kind found. No constant
is of the latter, but the check is not blind: the treatment of noise that depends on the intensity was revised after its
errors. Every restoration is kept in DIR, so that it goes on where it was stopped; --part 0/2 and 1/2 make them in two
processes, before a run without it writes the table. Rows of the role calibration are with constants from the other
pictures, those of check with those in the code.
"""

import argparse
import csv
import io
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from provenance_of import provenance_line
from skimage import data
from skimage.util import img_as_float32, img_as_ubyte

from nasdip.classical import error_estimate as model
from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import filled_pixels, make_reference
from nasdip.files import write_text
from nasdip.imaging.metrics import psnr
from nasdip.io.image_file import read_image
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.options.recipes import FAST
from nasdip.options.restore import RestoreOptions
from nasdip.restoration.combination import combine
from nasdip.restoration.plan import plan
from nasdip.restoration.run import run_restoration
from nasdip.zoo.catalog import find_architecture

# Upper left corners of what is taken of scikit-image's pictures.
PICTURES = {
    "astronaut": (20, 100), "coffee": (60, 120), "chelsea": (120, 200), "rocket": (250, 280), "camera": (150, 150),
    "coins": (30, 60), "immunohistochemistry": (60, 300), "retina": (600, 900), "moon": (150, 60),
    "stereo_motorcycle": (200, 300), "brick": (100, 100), "gravel": (100, 100), "hubble_deep_field": (300, 300),
}  # fmt: skip
FITTED = ("astronaut", "coffee", "chelsea", "camera", "immunohistochemistry")  # in other noise than the first as well
CHECKED = ("f16", "house", "peppers", "kodim03")
NOISES = (("gaussian", 25), ("gaussian", 50), ("poisson", 25), ("speckle", 25))
NONE = "none"  # no network: the reference alone


class Case(NamedTuple):
    """A restoration; `known`: the noise level is given, and the noise is not clipped."""

    role: str
    picture: str
    side: int
    kind: str
    sigma: int
    known: bool
    architecture: str

    @property
    def name(self) -> str:
        return "-".join(map(str, self))

    @property
    def seed(self) -> int:
        return zlib.crc32(f"{self.picture} {self.side} {self.kind} {self.sigma}".encode())


class Made(NamedTuple):
    """A case, its arrays, its measurement and reference, what was measured, and the reference's true error by cell."""

    case: Case
    arrays: dict[str, np.ndarray]
    measurement: Measurement
    reference: BayesEstimate
    measured: model.Measurements
    errors: np.ndarray
    correlations: np.ndarray  # of the reference with the noise

    @property
    def error(self) -> float:
        """The reference's, over the noise's."""
        variance = model.true_variance(self.measurement, self.reference)
        return float(np.mean((self.arrays["reference"] - self.arrays["clean"]) ** 2) / variance.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/benchmarks/expectation.csv"))
    parser.add_argument("--cache", type=Path, default=Path("runs/expectation"))
    parser.add_argument("--part", help="k/n: make every n-th restoration from the k-th, and no table")
    options = parser.parse_args()
    head = provenance_line()
    options.cache.mkdir(parents=True, exist_ok=True)
    cases = [case for case in all_cases() if options.data or case.role == "calibration"]
    if options.part:
        part, parts = map(int, options.part.split("/"))
        for case in cases[part::parts]:
            made(case, options.data, options.cache)
            print(case.name, flush=True)
        return
    results = [made(case, options.data, options.cache) for case in cases]
    learnt = [result for result in results if result.case.role == "calibration"]
    rows = list(held_out_rows(learnt))
    print_constants(*calibrate(learnt))
    rows += [row(result) for result in results if result.case.role == "check"]
    table = io.StringIO()
    writer = csv.DictWriter(table, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(options.output, head + "\n" + table.getvalue())
    print_summary(rows)


def all_cases() -> Iterator[Case]:
    for number, (kind, sigma) in enumerate((*NOISES, ("gaussian", 10))):
        for picture in PICTURES:
            if picture == "hubble_deep_field" and kind != "gaussian":
                continue  # almost black
            fits = number == 0 or (picture in FITTED and (kind, sigma) in NOISES[1::2])
            yield Case("calibration", picture, 96, kind, sigma, True, "dip" if fits else NONE)
    for known in (True, False):
        yield from checks(CHECKED, 96, NOISES, known, "dip")
    yield from checks(CHECKED, 128, NOISES[:2], True, "dip")
    yield from checks(CHECKED[:3], 96, NOISES[::3], True, "nas-dip-denoise")


def checks(
    pictures: tuple[str, ...], side: int, noises: tuple[tuple[str, int], ...], known: bool, architecture: str
) -> Iterator[Case]:
    for picture in pictures:
        for kind, sigma in noises:
            yield Case("check", picture, side, kind, sigma, known, architecture)


def made(case: Case, folder: Path | None, cache: Path) -> Made:
    """Return a case, from the cache where it is there."""
    file, cells_file = cache / f"{case.name}.npz", cache / f"{case.name}.cells.npz"
    if not file.exists():
        arrays = restore(case, clean_of(case, folder))
        np.savez(file, **arrays)  # type: ignore[arg-type]
    with np.load(file) as stored:
        arrays = dict(stored)
    sigma, sigma_error = map(float, arrays["sigma"])
    noise_model = replace(NoiseModel.white(sigma, str(arrays["kind"])), error=sigma_error)
    measurement = Measurement(arrays["noisy"], noise_model, variance=arrays.get("variance"))
    reference = BayesEstimate(arrays["reference"], arrays["reference_variance"])
    if not cells_file.exists():
        measured = model.measure(measurement, reference)
        np.savez(cells_file, cells=np.array(measured.cells), bootstrap=measured.bootstrap)
    with np.load(cells_file) as stored:
        measured = model.Measurements(model.Cells(*stored["cells"]), stored["bootstrap"])
    pixels, variance = filled_pixels(measurement)[0], model.true_variance(measurement, reference)
    grid = model.Grid(variance, reference.variance, model.usable_values(measurement))
    error, noise = reference.image - arrays["clean"].astype(np.float64), pixels - arrays["clean"]
    return Made(case, arrays, measurement, reference, measured, grid.power(error, error), grid.power(error, noise))


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


def restore(case: Case, clean: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays of a case."""
    noisy = add_noise(clean, case.kind, sigma=case.sigma, seed=case.seed, clip=not case.known).astype(np.float32)
    if not case.known:
        noisy = img_as_float32(img_as_ubyte(noisy))
    measurement = measurement_of(noisy, float(case.sigma) if case.known else None)
    assert measurement.noise is not None
    arrays = {"clean": clean, "noisy": noisy, "sigma": np.array([measurement.noise.sigma, measurement.noise.error])}
    arrays["kind"] = np.array(measurement.noise.kind)
    if measurement.variance is not None:
        arrays["variance"] = measurement.variance
    if case.architecture == NONE:
        reference: BayesEstimate | None = make_reference(measurement)
    else:
        settings = FAST.settings(case.side, case.side, precision="bf16")
        options = RestoreOptions(
            find_architecture(case.architecture),
            repeats=1,
            refine=True,
            seed=case.seed % 1000,
            device="cpu",
            width=FAST.width,
        )
        restoration = run_restoration(plan(measurement, options, config=settings))
        reference = restoration.reference
        arrays |= {"fitted": restoration.repetitions[0].averaged, "image": restoration.image}
    assert reference is not None, f"{case.name}: the noise was not recognised as independent"
    return arrays | {"reference": reference.image, "reference_variance": reference.variance}


class Constants(NamedTuple):
    """What is learnt from pictures, as it stands in the code."""

    offsets: np.ndarray
    refined: tuple[float, ...]
    fitted: tuple[float, ...]


def calibrate(results: list[Made]) -> Constants:
    """Return the constants which fit these restorations best."""
    offsets = np.array([[offset(results, kind, band) for band in range(5)] for kind in range(3)])
    fits = [result for result in results if "image" in result.arrays]
    return Constants(offsets, over_reference(fits, "image", [0, 2]), over_reference(fits, "fitted", [0, 1, 2]))


def offset(results: list[Made], kind: int, band: int) -> tuple[float, float]:
    """Return a and b of log(true error / bootstrap's) = a + b log(activity), cells weighted by the root of error."""
    rows = []
    for result in results:
        cells = result.measured.cells
        here = (cells.kind == kind) & (cells.band == band)
        ratio = np.log(np.maximum(result.errors, 1e-4) / np.maximum(cells.bootstrap, 1e-4))
        weight = np.sqrt(cells.weight * result.errors + 1e-6)
        rows += np.stack([np.log(cells.activity), ratio, weight], axis=1)[here].tolist()
    activity, ratio, weight = np.array(rows).T
    weight = weight / weight.mean()
    middle, mean = np.average(activity, weights=weight), np.average(ratio, weights=weight)
    moment = np.sum(weight * (activity - middle) ** 2) + 3  # a ridge
    slope = np.sum(weight * (activity - middle) * (ratio - mean)) / moment
    return float(mean - slope * middle), float(slope)


def over_reference(fits: list[Made], name: str, used: list[int]) -> tuple[float, ...]:
    """Return the constants of `image_over_reference`, 0 but for those used, and the deviation from them, dB."""
    features, decibels = [], []
    for result in fits:
        image, reference, clean = (result.arrays[key].astype(np.float64) for key in (name, "reference", "clean"))
        error = np.mean((reference - clean) ** 2)
        change, residual = image - reference, filled_pixels(result.measurement)[0] - reference
        features.append((1.0, np.mean(change**2) / error, np.mean(change * residual) / error))
        decibels.append(10 * np.log10(np.mean((image - clean) ** 2) / error))
    solution = np.zeros(3)
    solution[used] = np.linalg.lstsq(np.array(features)[:, used], np.array(decibels), rcond=None)[0]
    rest = np.array(decibels) - np.array(features) @ solution
    return (*map(float, solution), float(np.sqrt(np.sum(rest**2) / (len(rest) - len(used)))))


def held_out_rows(results: list[Made]) -> Iterator[dict[str, Any]]:
    """Yield rows of pictures, each with constants from the others."""
    for picture in PICTURES:
        constants = calibrate([result for result in results if result.case.picture != picture])
        for result in results:
            if result.case.picture == picture:
                yield row(result, constants)


def row(result: Made, constants: Constants | None = None) -> dict[str, Any]:
    """Return what is expected and what is true, of the reference, the image and the fit, and of the map."""
    case, arrays = result.case, result.arrays
    if constants is None:
        constants = Constants(model.OFFSETS, model.REFINED, model.FITTED)
    error, spread = model.reference_error(
        result.measured.cells, *model.level_error(result.measurement), constants.offsets
    )
    about = case._asdict() | {
        "reference_error_db": round(10 * np.log10(error / result.error), 3),
        "reference_spread": round(spread, 3),
    }
    empty = dict.fromkeys(
        ("psnr", "reference_psnr", "fit_psnr", "expected", "low", "high", "error_db", "inside", "fit_error_db",
         "fit_inside", "map_correlation", "map_lowest", "map_highest"), ""
    )  # fmt: skip
    if "image" not in arrays:
        return about | empty
    clean = arrays["clean"]
    found = {}
    for name, refine, learnt in (("image", True, constants.refined), ("fitted", False, constants.fitted)):
        seen = combine(result.measurement, arrays["fitted"], result.reference, refine=refine).seen
        expected = model.conclude(
            result.measurement, result.reference, result.measured, seen, (error, spread), learnt, undone=refine
        )
        found[name] = (psnr(clean, arrays[name], data_range=1.0), expected)
    (true, expected), (fit_true, fit_expected) = found["image"], found["fitted"]
    squared = (arrays["image"] - clean.astype(np.float64)) ** 2
    order = np.array_split(np.argsort(expected.deviation.ravel()), 10)
    tenths = [float(squared.ravel()[part].mean() / (expected.deviation.ravel()[part] ** 2).mean()) for part in order]
    return about | {
        "psnr": round(true, 3),
        "reference_psnr": round(psnr(clean, arrays["reference"], data_range=1.0), 3),
        "fit_psnr": round(fit_true, 3),
        "expected": round(expected.psnr, 3),
        "low": round(expected.low, 3),
        "high": round(expected.high, 3),
        "error_db": round(expected.psnr - true, 3),
        "inside": int(expected.low <= true <= expected.high),
        "fit_error_db": round(fit_expected.psnr - fit_true, 3),
        "fit_inside": int(fit_expected.low <= fit_true <= fit_expected.high),
        "map_correlation": round(float(np.corrcoef(expected.deviation.ravel(), np.sqrt(squared).ravel())[0, 1]), 3),
        "map_lowest": round(tenths[0] / np.mean(tenths), 3),
        "map_highest": round(tenths[-1] / np.mean(tenths), 3),
    }


def print_constants(offsets: np.ndarray, refined: tuple[float, ...], fitted: tuple[float, ...]) -> None:
    print("constants of nasdip/classical/error_estimate.py, from all pictures of scikit-image:")
    print("OFFSETS =", np.round(offsets, 2).tolist())
    print("REFINED =", np.round(refined, 2).tolist(), "FITTED =", np.round(fitted, 2).tolist())


def print_summary(rows: list[dict[str, Any]]) -> None:
    """Print how often the expected PSNR is within 0.5 dB, and the interval holds the true one."""
    whole = [r for r in rows if r["psnr"] != ""]
    print("role, side, known, architecture, noise: cases, rms error (dB), within 0.5 dB, inside; of fits; map")
    keys = sorted({(r["role"], r["side"], r["known"], r["architecture"], f"{r['kind']} {r['sigma']}") for r in whole})
    groups: list[tuple[tuple[Any, ...], list[dict[str, Any]]]] = []
    groups += [(key, [r for r in whole if _key(r) == key]) for key in keys]
    for size in (1, 4):
        for key in sorted({key[:size] for key in keys}):
            groups.append((key, [r for r in whole if _key(r)[:size] == key]))
    for key, group in groups:
        error, fit = (np.array([r[name] for r in group]) for name in ("error_db", "fit_error_db"))
        inside, fit_inside = (np.mean([r[name] for r in group]) for name in ("inside", "fit_inside"))
        maps = [np.mean([r[name] for r in group]) for name in ("map_correlation", "map_lowest", "map_highest")]
        print(
            f"{', '.join(map(str, key))}: {len(group)}, {np.sqrt(np.mean(error**2)):.2f} ({error.mean():+.2f}), "
            f"{np.mean(np.abs(error) <= 0.5):.0%}, {inside:.0%}; {np.sqrt(np.mean(fit**2)):.2f}, "
            f"{np.mean(np.abs(fit) <= 0.5):.0%}, {fit_inside:.0%}; " + ", ".join(f"{value:.2f}" for value in maps)
        )
    print("mean PSNR (dB) of the reference, the fit, the restored image")
    for key in keys:
        mine = [[r[name] for name in ("reference_psnr", "fit_psnr", "psnr")] for r in whole if _key(r) == key]
        print(f"{', '.join(map(str, key))}: " + ", ".join(f"{value:.2f}" for value in np.mean(mine, axis=0)))
    spread = [abs(r["error_db"]) / (r["high"] - r["expected"]) for r in whole if r["role"] == "calibration"]
    print(f"90 % of the calibration's errors are below {np.quantile(spread, 0.9):.2f} half intervals")


def _key(r: dict[str, Any]) -> tuple[Any, ...]:
    return r["role"], r["side"], r["known"], r["architecture"], f"{r['kind']} {r['sigma']}"


if __name__ == "__main__":
    main()
