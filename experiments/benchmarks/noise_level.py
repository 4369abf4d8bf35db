"""How well the level and the kind of noise are recognised.

python experiments/benchmarks/noise_level.py DATA [-o noise_level.csv] [--kinds noise_kinds.csv]

DATA holds f16.png, house.png, peppers.png and kodim03.png. Each, whole and as centre crops, gets noise of known level
and kind with three seeds, unclipped and as an 8-bit file has it. Nothing was tuned on these four pictures.
scikit-image's estimator, to compare with, needs PyWavelets: pip install PyWavelets.
"""

import argparse
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from provenance_of import provenance_line
from skimage.restoration import estimate_sigma as wavelet_sigma

from nasdip.files import write_text
from nasdip.io.image_file import read_image
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.diagnosis import diagnose
from nasdip.measurement.impulses import impulse_mask
from nasdip.measurement.level import estimate_level

PICTURES = ("f16", "house", "peppers", "kodim03")
SIGMAS, SEEDS, CROPS = (10, 15, 25, 50, 75), (0, 1, 2), (None, 128, 96)
_HIGH_PASS = np.array([1 - 3**0.5, -(3 - 3**0.5), 3 + 3**0.5, -(1 + 3**0.5)]) / 32**0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/benchmarks/noise_level.csv"))
    parser.add_argument("--kinds", type=Path, default=Path("experiments/benchmarks/noise_kinds.csv"))
    options = parser.parse_args()
    head = provenance_line()
    pictures = {name: read_image(options.data / f"{name}.png").pixels for name in PICTURES}
    levels = list(level_rows(pictures))
    write_rows(options.output, head, levels)
    print_levels(levels)
    kinds = list(kind_rows(pictures))
    write_rows(options.kinds, head, kinds)
    print_kinds(kinds)


def cases(picture: np.ndarray, kind: str, level: float, **given: Any) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield (what it is, noisy picture) for every seed, whole and crops, unclipped and as an 8-bit file."""
    for seed in SEEDS:
        noisy = picture if kind == "none" else add_noise(picture, kind, seed=seed, **given)
        for file in (False, True):
            stored = np.round(255 * np.clip(noisy, 0, 1)) / 255 if file else noisy
            for crop in CROPS:
                about = {"kind": kind, "sigma": level, "seed": seed, "crop": crop or "whole", "clipped": int(file)}
                yield about, centre(stored, crop)


def centre(picture: np.ndarray, side: int | None) -> np.ndarray:
    if side is None:
        return picture
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def level_rows(pictures: dict[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    for name, picture in pictures.items():
        for sigma in SIGMAS:
            for about, noisy in cases(picture, "gaussian", sigma, sigma=sigma):
                level = estimate_level(noisy)
                yield {"picture": name} | {key: about[key] for key in ("sigma", "seed", "crop", "clipped")} | {
                    "nasdip": round(level.sigma / sigma - 1, 4),
                    "nasdip_error": round(level.error / sigma, 4),
                    "median": round(median_sigma(noisy) / sigma - 1, 4),
                    "skimage": round(255 * skimage_sigma(noisy) / sigma - 1, 4),
                }  # fmt: skip


def kind_rows(pictures: dict[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    noises: list[tuple[str, float, dict[str, Any]]] = [("none", 0, {})]
    noises += [(kind, sigma, {"sigma": sigma}) for kind in ("gaussian", "poisson", "speckle") for sigma in (10, 25, 50)]
    noises += [(kind, 0, {}) for kind in ("salt-pepper", "blur-salt-pepper")]
    for name, picture in pictures.items():
        for kind, sigma, given in noises:
            for about, noisy in cases(picture, kind, sigma, **given):
                if kind == "none" and (about["seed"] or about["clipped"]):
                    continue
                yield {"picture": name} | about | found_in(noisy, picture, kind, about)


def found_in(noisy: np.ndarray, clean: np.ndarray, kind: str, about: dict[str, Any]) -> dict[str, Any]:
    """Return the diagnosis, and for impulses which share of them was found and of the others wrongly so."""
    found = diagnose(noisy)
    mask = impulse_mask(noisy) if found.impulses else np.zeros(noisy.shape[:2], bool)
    true = np.zeros_like(mask)
    if kind.endswith("salt-pepper"):  # the same draw on a grey field shows where they lie
        field = add_noise(np.full(clean.shape[:2], 0.5), "salt-pepper", seed=about["seed"]) != 0.5
        true = centre(field, None if about["crop"] == "whole" else about["crop"])
    return {
        "found": found.kind, "level": round(found.sigma, 2), "impulses": round(found.impulses, 5),
        "recall": round(float(mask[true].mean()), 4) if true.any() else "",
        "false_alarms": round(float(mask[~true].mean()), 6), "correlation": round(found.correlation, 3),
    }  # fmt: skip


def median_sigma(noisy: np.ndarray) -> float:
    """Return nasdip's estimate up to version 0.1, the median of the finest diagonal wavelet coefficients."""
    windows = np.lib.stride_tricks.sliding_window_view
    details = [windows(windows(c, 4, axis=1) @ _HIGH_PASS, 4, axis=0) @ _HIGH_PASS for c in np.moveaxis(noisy, 2, 0)]
    return float(255 * np.mean([np.median(np.abs(d[np.abs(d) > 1e-12])) for d in details]) / 0.6744897501960817)


def skimage_sigma(noisy: np.ndarray) -> float:
    return float(wavelet_sigma(noisy, channel_axis=-1, average_sigmas=True))


def write_rows(path: Path, head: str, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, f"{head}\n{text.getvalue()}")


def print_levels(rows: list[dict[str, Any]]) -> None:
    """Print mean |relative error| in percent, and how often the error told holds it."""
    print(
        "crop clipped | " + " | ".join(f"sigma {sigma}: nasdip median skimage" for sigma in SIGMAS) + " | within 2 se"
    )
    for crop in (crop or "whole" for crop in CROPS):
        for clipped in (0, 1):
            here = [row for row in rows if (row["crop"], row["clipped"]) == (crop, clipped)]
            cells = [" ".join(f"{mean_error(here, way, sigma):.1f}" for way in ("nasdip", "median", "skimage"))
                     for sigma in (*SIGMAS, None)]  # fmt: skip
            held = np.mean([abs(row["nasdip"]) <= 2 * row["nasdip_error"] for row in here])
            print(crop, clipped, "|", " | ".join(cells), f"| {100 * held:.0f} %")


def mean_error(rows: list[dict[str, Any]], way: str, sigma: int | None) -> float:
    return float(100 * np.mean([abs(row[way]) for row in rows if sigma in (None, row["sigma"])]))


def print_kinds(rows: list[dict[str, Any]]) -> None:
    """Print how many of each kind were called what."""
    keys = dict.fromkeys((row["kind"], row["sigma"], row["crop"]) for row in rows)
    for key in keys:
        here = [row for row in rows if (row["kind"], row["sigma"], row["crop"]) == key]
        counts = {
            kind: sum(row["found"] == kind for row in here) for kind in dict.fromkeys(row["found"] for row in here)
        }
        recalls = [row["recall"] for row in here if row["recall"] != ""]
        recall = f"recall {100 * np.mean(recalls):.1f} %" if recalls else ""
        print(
            *key, counts, recall, f"false alarms {1e6 * np.mean([row['false_alarms'] for row in here]):.0f} per million"
        )


if __name__ == "__main__":
    main()
