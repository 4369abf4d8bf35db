"""What finding impulses gains over fitting them: blurred pictures with salt and pepper, restored both ways.

python experiments/benchmarks/impulses.py DATA [-o FILE.csv] [--image house peppers] [--crop 128] [--seed 0]

DATA holds NAME.png, clean. As in a student report: a Gaussian blur of 1 px, then every pixel black with probability
1/35, white with 1/35 (`nasdip noise --kind blur-salt-pepper`). plain: mean squared error over all pixels, as DIP is
published, stopped by held-out pixels. found: as `nasdip restore` does it, which finds the impulses by itself. PSNR (dB)
against the blurred picture, which is what is under the impulses, and against the sharp one; the best step of the plain
fit is picked with the blurred picture, oracle. Resumable: fits whose rows are in FILE are not repeated.
"""

import argparse
from pathlib import Path

import numpy as np
from rows import read_rows, write_rows

from nasdip.imaging.metrics import psnr
from nasdip.io.image_file import read_image
from nasdip.measurement.add_noise import DEFAULT_AMOUNT, add_noise
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.nas.trial_task import centre_crop
from nasdip.options.recipes import FAST
from nasdip.options.restore import RestoreOptions
from nasdip.process import prepare
from nasdip.records.results import Restoration
from nasdip.restoration.plan import plan
from nasdip.restoration.run import run_restoration
from nasdip.zoo.catalog import find_architecture

KEYS = ("image", "crop", "seed", "way")
COLUMNS = (*KEYS, "noisy", "psnr_blurred", "psnr_sharp", "oracle_psnr", "kind", "rule", "step", "seconds")
NOISE_SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--image", nargs="+", default=["house", "peppers"])
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--seed", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    rows = read_rows(options.output)
    known = {tuple(row[key] for key in KEYS) for row in rows}
    for seed in options.seed:
        for image in options.image:
            for way in ("plain", "found"):
                key = (image, str(options.crop), str(seed), way)
                if key not in known:
                    rows.append(dict(zip(COLUMNS, (*key, *measure(image, way, seed, options)), strict=True)))
                    write_rows(options.output, COLUMNS, rows)
                    print(",".join(rows[-1].values()), flush=True)
    for found in (row for row in rows if row["way"] == "found"):
        plain = next(row for row in rows if row["way"] == "plain" and all(row[k] == found[k] for k in KEYS[:3]))
        gain = float(found["psnr_blurred"]) - float(plain["psnr_blurred"])
        oracle = float(found["psnr_blurred"]) - float(plain["oracle_psnr"])
        print(f"{found['image']}: {gain:.1f} dB more than plain, {oracle:.1f} dB more than its oracle-best step")


def measure(image: str, way: str, seed: int, options: argparse.Namespace) -> list[str]:
    sharp = centre_crop(read_image(options.data / f"{image}.png").pixels, options.crop)
    noisy = add_noise(sharp, "blur-salt-pepper", amount=DEFAULT_AMOUNT, seed=NOISE_SEED)
    blurred = add_noise(sharp, "blur-salt-pepper", amount=1e-9, seed=NOISE_SEED)
    measurement = measurement_of(noisy)
    if way == "plain":
        assert measurement.sigma is not None
        measurement = Measurement(noisy, NoiseModel.white(measurement.sigma))
    config = FAST.settings(options.crop, options.crop, stop="heldout" if way == "plain" else "auto")
    how = RestoreOptions(
        find_architecture("dip"), repeats=1, refine=way == "found", seed=seed, device="auto", width=FAST.width
    )
    restoration = run_restoration(plan(measurement, how, clean=blurred, config=config))
    return facts(restoration, sharp, noisy)


def facts(restoration: Restoration, sharp: np.ndarray, noisy: np.ndarray) -> list[str]:
    fit, blurred = restoration.repetitions[0], restoration.clean
    assert blurred is not None
    numbers = [
        psnr(blurred, noisy, data_range=1.0),
        psnr(blurred, restoration.image, data_range=1.0),
        psnr(sharp, restoration.image, data_range=1.0),
        fit.oracle_psnr,
    ]
    words = (restoration.kind, restoration.config.stop, str(fit.image_step), f"{restoration.seconds:.0f}")
    return [*(f"{number:.2f}" for number in numbers), *words]


if __name__ == "__main__":
    prepare()
    main()
