"""Searches with the defaults of `nasdip search`, on noisy versions of scikit-image's pictures, for the zoo.

python experiments/benchmarks/zoo_search.py [--image astronaut coffee ...]       # to the restored picture
python experiments/benchmarks/zoo_search.py --trials-alone [--image coffee ...]  # 24 trials, without the last fit

Each picture is taken at half its size (astronaut and ihc: 256x256 px), with noise of sigma 25, clipped to 8 bits, and
searched in a process of its own, with each of the rules of early stopping (`--rule size none`): the noise is found,
and no clean picture is told. Run folders are RUNS/IMAGE-RULE (`--runs`); what is there is not repeated. Writes
FOLDER/searches.csv (`-o`), a row for each search (seconds of all of it, the last fit and the report included, none
where it was gone on with or is of trials alone, and of its trials; PSNR of the restored picture against the clean
one), and FOLDER/trials.csv. Searches whose row is there are not repeated. Seconds count only on a machine that does
nothing else.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from rows import Row, read_rows, write_rows
from skimage import data
from skimage.transform import downscale_local_mean
from skimage.util import img_as_float32, img_as_ubyte

from nasdip.measurement.add_noise import add_noise
from nasdip.records.run_folder import RunFolder
from nasdip.zoo.catalog import zoo_entry

FOLDER = Path(__file__).parent / "zoo"
IMAGES = ("astronaut", "coffee", "chelsea", "ihc", "rocket")
SIGMA, TRIALS_ALONE = 25, 24
SEARCHES = (
    "image", "rule", "seed", "height", "width", "trials", "fitted", "seconds", "trial_seconds", "best", "best_reward",
    "dip_reward", "final_psnr",
)  # fmt: skip
TRIALS = (
    "image",
    "rule",
    "seed",
    "trial",
    "architecture",
    "status",
    "reward",
    "heldout_psnr",
    "steps",
    "step_ms",
    "seconds",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    parser.add_argument("--runs", type=Path, default=Path("runs/zoo"))
    parser.add_argument("--rule", nargs="+", default=["size"])
    parser.add_argument("--image", nargs="+", choices=IMAGES, default=IMAGES)
    parser.add_argument("--trials-alone", action="store_true")
    options = parser.parse_args()
    options.output.mkdir(exist_ok=True)
    searches, trials = (read_rows(options.output / name) for name in ("searches.csv", "trials.csv"))
    for image, rule in ((image, rule) for image in options.image for rule in options.rule):
        if any((row["image"], row["rule"]) == (image, rule) for row in searches):
            continue
        search, rows = run(image, rule, IMAGES.index(image), options.runs, whole=not options.trials_alone)
        searches.append(search)
        trials += rows
        write_rows(options.output / "trials.csv", TRIALS, trials)
        write_rows(options.output / "searches.csv", SEARCHES, searches)
        print(",".join(search.values()), flush=True)


def clean_picture(image: str) -> np.ndarray:
    """Return a picture of scikit-image (H, W, 3) at half its size, where its own noise is less."""
    whole = img_as_float32(getattr(data, image if image != "ihc" else "immunohistochemistry")())
    height, width = (side // 2 * 2 for side in whole.shape[:2])
    return np.asarray(downscale_local_mean(whole[:height, :width], (2, 2, 1)), dtype=np.float32)


def noisy_picture(image: str) -> np.ndarray:
    """Return it with noise, as an 8-bit file would hold it."""
    return img_as_ubyte(np.clip(add_noise(clean_picture(image), sigma=SIGMA, seed=0), 0, 1))


def run(image: str, rule: str, seed: int, runs: Path, *, whole: bool) -> tuple[Row, list[Row]]:
    from nasdip.imaging.metrics import psnr
    from nasdip.io.image_file import read_image

    runs.mkdir(parents=True, exist_ok=True)
    source, folder = runs / f"{image}.png", runs / f"{image}-{rule}"
    iio.imwrite(source, noisy_picture(image))
    begun = folder.exists()
    options = ["--resume"] if begun else [str(source), "--seed", str(seed), "--early-stop", rule]
    if not whole and not begun:
        options += ["--trials", str(TRIALS_ALONE), "--final-steps", "0"]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "nasdip", "search", *options, "-o", str(folder)], check=True)
    seconds = f"{time.perf_counter() - start:.0f}" if whole and not begun else ""
    clean, results = clean_picture(image), RunFolder(folder).trials()
    best = max((result for result in results if result.status == "ok"), key=lambda result: result.reward)
    dip = next(result for result in results if result.architecture == zoo_entry("dip").architecture)
    restored = folder / "restored.png"
    final = f"{psnr(clean, read_image(restored).pixels, data_range=1.0):.3f}" if restored.exists() else ""
    fitted, spent = sum(r.status == "ok" for r in results), sum(r.seconds for r in results)
    facts = (
        image, rule, str(seed), *map(str, clean.shape[:2]), str(len(results)), str(fitted), seconds,
        f"{spent:.0f}", str(best.architecture), f"{best.reward:.3f}", f"{dip.reward:.3f}", final,
    )  # fmt: skip
    rows = [
        dict(zip(TRIALS, (
            image, rule, str(seed), str(r.trial), str(r.architecture), r.status, f"{r.reward:.4f}",
            "" if r.heldout_psnr is None else f"{r.heldout_psnr:.4f}", "" if r.steps is None else str(r.steps),
            "" if r.step_ms is None else f"{r.step_ms:.1f}", f"{r.seconds:.1f}",
        ), strict=True))
        for r in results
    ]  # fmt: skip
    return dict(zip(SEARCHES, facts, strict=True)), rows


if __name__ == "__main__":
    main()
