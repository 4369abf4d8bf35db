"""Trials a minute of `nasdip search`, by the number of trials at once: start-up, imports, measuring and report counted.

python experiments/benchmarks/search_throughput.py [-o FILE.csv] [--trials 24] [--parallel 1 2] [--rounds 3]

Every row is a search of its own, run by the command line as a person runs it, without a final fit; the ways take turns.
The random searcher suggests the same architectures to all of them. Nothing else should run beside it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from provenance_of import provenance_line
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.files import write_text
from nasdip.io.image_file import write_image
from nasdip.measurement.add_noise import add_noise
from nasdip.records.run_folder import RunFolder

BENCHMARKS = Path(__file__).parent
COLUMNS = (
    "round,parallel,threads,crop,width,steps,trials,fits,wall_seconds,trials_per_minute,ratio_to_first,"
    "median_fit_seconds,busy_share,largest_reward_difference_db"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=BENCHMARKS / "search_throughput.csv")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--parallel", nargs="*", default=["1", "2"], help="numbers, or auto; ratios are to the first")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    head, rows = provenance_line(), []
    with tempfile.TemporaryDirectory() as temporary:
        picture = Path(temporary) / "photo.png"
        write_image(picture, add_noise(img_as_float32(astronaut()), sigma=25, seed=0))
        for number in range(1, options.rounds + 1):
            runs = [search(picture, way, options) for way in options.parallel]
            for run, wall in runs:
                rows.append(f"{number},{row(run, wall, *runs[0])}")
                print(rows[-1], flush=True)
    write_text(options.output, "\n".join([head, COLUMNS, *rows]) + "\n")


def search(picture: Path, parallel: str, options: argparse.Namespace) -> tuple[RunFolder, float]:
    """Run a search; return its folder, and the seconds from the command's start to its end."""
    folder = Path(tempfile.mkdtemp(dir=picture.parent))
    given = {
        "trials": options.trials, "crop": options.crop, "width": options.width, "steps": options.steps,
        "parallel": parallel, "device": options.device, "searcher": "random", "final-steps": 0,
    }  # fmt: skip
    words = [str(word) for key, value in given.items() for word in (f"--{key}", value)]
    start = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "nasdip", "search", str(picture), "-o", str(folder), *words], check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return RunFolder(folder), time.monotonic() - start


def row(run: RunFolder, wall: float, first: RunFolder, first_wall: float) -> str:
    """Return the figures of a search, compared with the first of its round."""
    settings, trials = run.record().settings, run.trials()
    fits = sorted(trial.seconds for trial in trials if trial.status == "ok")
    busy = sum(fits) / (wall * (settings.parallel or 1))
    # Fits on another number of threads are rounded differently.
    difference = max(abs(a.reward - b.reward) for a, b in zip(trials, first.trials(), strict=True))
    proxy = settings.proxy
    return (
        f"{settings.parallel},{proxy.threads},{proxy.crop},{proxy.width},{proxy.steps},{len(trials)},{len(fits)},"
        f"{wall:.1f},{60 * len(trials) / wall:.1f},{first_wall / wall:.2f},{fits[len(fits) // 2]:.2f},{busy:.2f},"
        f"{difference:.3f}"
    )


if __name__ == "__main__":
    main()
