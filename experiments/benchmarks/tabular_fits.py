"""The tabular benchmark: every architecture of the space `tabular`, fitted to two pictures with two seeds each.

python experiments/benchmarks/tabular_fits.py [-o FOLDER] [--processes 2]

Writes FOLDER/fits.csv, a row for each fit (see tabular/README.md). Resumable: fits whose rows are there are not
repeated. No time is measured here, since processes share the machine: that is for tabular_costs.py.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rows import Row, read_rows, write_rows
from skimage import data
from skimage.transform import downscale_local_mean
from skimage.util import img_as_float32

from nasdip.nas.trial_task import TrialTask
from nasdip.options.search import ProxySettings
from nasdip.process import prepare
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace

FOLDER = Path(__file__).parent / "tabular"
COLUMNS = (
    "architecture", "image", "seed", "status", "psnr", "estimated_psnr", "heldout_psnr", "steps", "parameters", "curve",
)  # fmt: skip
KEYS = COLUMNS[:3]
# Upper left corners of the crops, in the pictures at half their size (their own noise is less there).
IMAGES = {"astronaut": (20, 80), "coffee": (68, 118)}
SEEDS = (0, 1)
SIGMA = 25
PROXY = ProxySettings(crop=64, width=16, steps=300, heldout=0.05, threads=1, recipe="fast")
_POINTS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.output.mkdir(exist_ok=True)
    path = options.output / "fits.csv"
    rows = read_rows(path)
    known = {tuple(row[key] for key in KEYS) for row in rows}
    jobs = [(text, image, seed) for seed in SEEDS for image in IMAGES for text in all_architectures()]
    missing = [job for job in jobs if tuple(map(str, job)) not in known]
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        for number, future in enumerate(as_completed([pool.submit(measure, *job) for job in missing]), len(rows) + 1):
            rows.append(future.result())
            if number % 10 == 0 or number == len(jobs):
                write_rows(path, COLUMNS, rows)
                print(f"{number}/{len(jobs)} {','.join(list(rows[-1].values())[:-1])}", flush=True)
    order = {tuple(map(str, job)): place for place, job in enumerate(jobs)}
    write_rows(path, COLUMNS, sorted(rows, key=lambda row: order[tuple(row[key] for key in KEYS)]))


def all_architectures() -> list[str]:
    """Return the text forms of all architectures of the space, cell by cell."""
    space = SearchSpace.load("tabular")
    texts = [f"{cell}:{skips}" for cell in space.cells for skips in space.choices["skips"]]
    assert len(texts) == space.size
    return [str(Architecture.from_text(text)) for text in texts]


@lru_cache(maxsize=8)
def trial_task(image: str, seed: int) -> TrialTask:
    """Return what is fitted: a crop of a picture with noise, the level of which is known."""
    from nasdip.measurement.add_noise import add_noise
    from nasdip.measurement.measure import measurement_of
    from nasdip.nas.trial_task import make_trial_task
    from nasdip.options.search import SearchSettings

    top, left = IMAGES[image]
    whole = downscale_local_mean(img_as_float32(getattr(data, image)()), (2, 2, 1))
    clean = np.ascontiguousarray(whole[top : top + 64, left : left + 64], dtype=np.float32)
    measurement = measurement_of(add_noise(clean, sigma=SIGMA, seed=0), SIGMA)
    return make_trial_task(measurement, clean, SearchSettings(proxy=PROXY, reward="estimate"))._replace(seed=seed)


def measure(text: str, image: str, seed: int) -> Row:
    import torch

    from nasdip.nas.trial import run_trial

    result = run_trial(1, Architecture.from_text(text), trial_task(image, seed), torch.device("cpu"), {})
    curve = " ".join(f"{step}:{reward:.2f}" for step, reward in thinned(result.curve))
    numbers = [
        "" if value is None else f"{value:.4f}"
        for value in (result.clean_psnr, result.estimated_psnr, result.heldout_psnr)
    ]
    facts = (text, image, str(seed), result.status, *numbers, str(result.steps), str(result.parameters), curve)
    return dict(zip(COLUMNS, facts, strict=True))


def thinned(curve: tuple[tuple[int, float], ...]) -> list[tuple[int, float]]:
    """Return the points of a curve at every tenth of the steps."""
    wanted = [PROXY.steps * (n + 1) // _POINTS for n in range(_POINTS)]
    return [point for point in curve if point[0] in wanted]


if __name__ == "__main__":
    main()
