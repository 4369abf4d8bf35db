"""The published recipe (1200 steps, fixed) on published noisy images: last averaged, last raw and oracle-best PSNR.

Nothing is picked with the clean image but what is called oracle. Resumable: every fit is on disk when it ends.

    python experiments/benchmarks/published_recipe.py DATA -o FILE.csv [--image house f16] [--crop 128] ...

DATA holds NAME.png (clean) and NAME_noisy25.png.
"""

import argparse
from pathlib import Path

from provenance_of import provenance_line

from nasdip.files import write_text
from nasdip.fit.loop import FitProgress
from nasdip.imaging.metrics import psnr
from nasdip.io.image_file import read_image
from nasdip.measurement.level import estimate_sigma
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.nas.trial_task import centre_crop
from nasdip.options.fit import FitConfig
from nasdip.options.restore import RestoreOptions
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.plan import plan
from nasdip.restoration.run import run_restoration
from nasdip.zoo.catalog import find_architecture

COLUMNS = (
    "image,crop,architecture,width,steps,seed,repetition,noisy_psnr,psnr_averaged,psnr_last,oracle_psnr,oracle_step,"
    "seconds,events"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--image", nargs="+", default=["house", "f16"])
    parser.add_argument("--architecture", nargs="+", default=["dip", "nas-dip-denoise"])
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", type=Path, default=Path("runs/published_recipe"), help="where fits are kept")
    options = parser.parse_args()
    head = provenance_line()
    rows = [row for name in options.image for which in options.architecture for row in measure(name, which, options)]
    write_text(options.output, "\n".join([head, COLUMNS, *rows]) + "\n")


def measure(name: str, which: str, options: argparse.Namespace) -> list[str]:
    clean = centre_crop(read_image(options.data / f"{name}.png").pixels, options.crop)
    noisy = centre_crop(read_image(options.data / f"{name}_noisy25.png").pixels, options.crop)

    def report(number: int, progress: FitProgress) -> None:
        if progress.step % 100 == 0:
            print(name, which, number, progress, flush=True)

    measurement = Measurement(noisy, NoiseModel.white(estimate_sigma(noisy)))
    how = RestoreOptions(
        find_architecture(which),
        repeats=options.repeats,
        refine=False,
        seed=options.seed,
        device=options.device,
        width=options.width,
    )
    folder = RestorationFolder(options.work / f"{name}-{options.crop}-{which}-w{options.width}-s{options.seed}")
    planned = plan(measurement, how, clean=clean, folder=folder, config=FitConfig(steps=options.steps))
    restoration = run_restoration(planned, folder, report)
    noisy_psnr = psnr(clean, noisy, data_range=1.0)
    rows = []
    for number, r in enumerate(restoration.repetitions, start=1):
        rows.append(
            f"{name},{options.crop},{which},{options.width},{options.steps},{options.seed},{number},{noisy_psnr:.3f},"
            f"{r.psnr_averaged:.3f},{r.psnr_last:.3f},{r.oracle_psnr:.3f},{r.oracle_step},{r.seconds:.0f},{len(r.events)}"
        )
        print(COLUMNS, rows[-1], sep="\n", flush=True)
    return rows


if __name__ == "__main__":
    main()
