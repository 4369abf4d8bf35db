"""What searched architectures gain over `dip` and `nas-dip-denoise` on pictures that no search saw.

python experiments/benchmarks/zoo_gain.py finalists     # the searches' and the table's best, larger, with a fresh seed
python experiments/benchmarks/zoo_gain.py gain DATA     # those chosen, dip and nas-dip-denoise, on unseen pictures
python experiments/benchmarks/zoo_gain.py times         # seconds of a step; on a machine that does nothing else
python experiments/benchmarks/zoo_gain.py summary
python experiments/benchmarks/zoo_gain.py entries       # writes the figures into nasdip/zoo/*.json

finalists: the `--top` best architectures of each search (`zoo_search.py`) by reward, and the `--table` best of the
tabular benchmark (by the least of their advantages over the median, over its pictures and seeds, in estimated PSNR),
are fitted anew to 96 px crops of the pictures that were searched, at the width of `nasdip restore` (48; the searches'
trials had 32, the table's 16 on 64 px), in 600 steps at most; the estimated PSNR ranks them, the true one is noted.
Chosen are the best, and the best whose step took at most half as long as that of nas-dip-denoise, in these fits, two at
once.

gain: 128 px crops of the published noisy pictures NAME_noisy25.png in DATA (NAME.png measures alone), noise found,
nothing told, three seeds; PSNR (dB) of the fit, and of what `nasdip restore` makes of it and of its estimate without
a network. Fits take one thread each and float32. Rows are in FOLDER/finalists.csv, gain.csv and times.csv; resumable.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, read_rows, write_rows
from zoo_search import FOLDER, IMAGES, noisy_picture

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.files import write_text
from nasdip.io.image_file import read_image
from nasdip.measurement.measurement import Measurement
from nasdip.nas.trial_task import TrialTask, centre_crop
from nasdip.options.search import ProxySettings, SearchSettings
from nasdip.process import prepare
from nasdip.space.architecture import Architecture
from nasdip.zoo.catalog import zoo_entry

CROP, WIDTH, STEPS = 128, 48, 800
FINALISTS_CROP, FINALISTS_STEPS, SEED = 96, 600, 100
UNSEEN, SEEDS = ("f16", "house", "peppers", "kodim03"), (1, 2, 3)
KNOWN = {name: str(zoo_entry(name).architecture) for name in ("dip", "nas-dip-denoise")}
FINALISTS = ("image", "architecture", "seed", "status", "estimated_psnr", "psnr", "steps", "step_ms")
GAINS = ("image", "architecture", "seed", "noisy", "fit", "restored", "steps")
TIMES = ("architecture", "size", "step_ms", "ratio", "ratio_min", "ratio_max")
_ROUNDS, _TIMED_STEPS = 7, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("finalists", "gain", "times", "summary", "entries"))
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    parser.add_argument("--top", type=int, default=2)
    parser.add_argument("--table", type=int, default=4)
    parser.add_argument("--chosen", type=int, default=4, help="finalists whose gain is measured")
    parser.add_argument("--image", nargs="+", default=IMAGES)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    commands = {"finalists": finalists, "gain": gain, "times": times, "summary": summary, "entries": entries}
    commands[options.command](options)


def finalists(options: argparse.Namespace) -> None:
    texts = list(dict.fromkeys([*KNOWN.values(), *best_of_searches(options), *best_of_table(options.table)]))
    jobs = [(image, text, str(SEED)) for text in texts for image in options.image]
    fit_all(options.output / "finalists.csv", FINALISTS, measure_finalist, jobs, options.processes)
    for text, gain_db, true_db in ranked(options):
        print(f"{text}: {gain_db:+.2f} dB over dip by the estimate, {true_db:+.2f} dB in truth")


def best_of_searches(options: argparse.Namespace) -> list[str]:
    rows = read_rows(options.output / "trials.csv")
    found = []
    for image in dict.fromkeys(row["image"] for row in rows):
        mine = [row for row in rows if row["image"] == image and row["status"] == "ok"]
        found += [row["architecture"] for row in sorted(mine, key=lambda row: -float(row["reward"]))[: options.top]]
    return found


def best_of_table(count: int) -> list[str]:
    """Return the best of the tabular benchmark by the estimated PSNR, where they are least above the median."""
    landscapes: dict[tuple[str, str], dict[str, float]] = {}
    for row in read_rows(FOLDER.parent / "tabular" / "fits.csv"):
        landscape = landscapes.setdefault((row["image"], row["seed"]), {})
        landscape[row["architecture"]] = float(row["estimated_psnr"] or 0.0)
    medians = {key: statistics.median(landscape.values()) for key, landscape in landscapes.items()}
    texts = next(iter(landscapes.values()))
    return sorted(texts, key=lambda text: -min(landscapes[key][text] - medians[key] for key in landscapes))[:count]


def fit_all(
    path: Path, columns: tuple[str, ...], work: Callable[..., Row], jobs: Sequence[tuple[Any, ...]], processes: int
) -> None:
    rows = read_rows(path)
    known = {tuple(row[key] for key in columns[:3]) for row in rows}
    missing = [job for job in jobs if job[:3] not in known]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        for number, future in enumerate(as_completed([pool.submit(work, *job) for job in missing]), 1):
            rows.append(future.result())
            write_rows(path, columns, rows)
            print(f"{number}/{len(missing)} {','.join(rows[-1].values())}", flush=True)


@lru_cache(maxsize=8)
def finalist_task(image: str) -> TrialTask:
    from zoo_search import clean_picture

    from nasdip.measurement.measure import measurement_of
    from nasdip.nas.trial_task import make_trial_task

    pixels = (noisy_picture(image) / np.float32(255)).astype(np.float32)
    proxy = ProxySettings(crop=FINALISTS_CROP, width=WIDTH, steps=FINALISTS_STEPS, threads=1)
    settings = SearchSettings(proxy=proxy, reward="estimate")
    return make_trial_task(measurement_of(pixels), clean_picture(image), settings)._replace(seed=SEED)


def measure_finalist(image: str, text: str, seed: str) -> Row:
    import torch

    from nasdip.nas.trial import run_trial

    result = run_trial(1, Architecture.from_text(text), finalist_task(image), torch.device("cpu"), {})
    numbers = ["" if value is None else f"{value:.4f}" for value in (result.estimated_psnr, result.clean_psnr)]
    cost = (str(result.steps or ""), "" if result.step_ms is None else f"{result.step_ms:.1f}")
    return dict(zip(FINALISTS, (image, text, seed, result.status, *numbers, *cost), strict=True))


def ranked(options: argparse.Namespace) -> list[tuple[str, float, float]]:
    """Return finalists with their mean gains over dip, by the estimate and in truth (dB), best estimate first.

    The mean over pictures is taken without the largest and the smallest: an estimate of a small error may be far off.
    """
    rows = read_rows(options.output / "finalists.csv")

    def column(text: str, name: str) -> dict[str, float]:
        return {row["image"]: float(row[name] or 0.0) for row in rows if row["architecture"] == text}

    def gains(text: str, name: str) -> list[float]:
        mine, dip = column(text, name), column(KNOWN["dip"], name)
        return sorted(mine[image] - dip[image] for image in dip)

    texts = dict.fromkeys(row["architecture"] for row in rows)
    found = [
        (text, statistics.mean(gains(text, "estimated_psnr")[1:-1]), statistics.mean(gains(text, "psnr")))
        for text in texts
    ]
    return sorted(found, key=lambda entry: -entry[1])


def chosen(options: argparse.Namespace) -> list[str]:
    """Return the finalists that are measured on unseen pictures, by the estimate: the best, and the best cheap one."""
    texts = [text for text, *_ in ranked(options) if text not in KNOWN.values()]
    cheap = [text for text in texts if pace(options, text) <= 0.5 * pace(options, KNOWN["nas-dip-denoise"])]
    return list(dict.fromkeys([*texts[: options.chosen - 1], *cheap[:1], *texts]))[: options.chosen]


def pace(options: argparse.Namespace, text: str) -> float:
    """Return the milliseconds of a finalist's step, median over pictures."""
    rows = read_rows(options.output / "finalists.csv")
    return statistics.median(float(row["step_ms"] or "inf") for row in rows if row["architecture"] == text)


def gain(options: argparse.Namespace) -> None:
    texts = [*KNOWN.values(), *chosen(options)]
    jobs = [(image, text, str(seed), options.data) for seed in SEEDS for image in UNSEEN for text in texts]
    fit_all(options.output / "gain.csv", GAINS, measure_gain, jobs, options.processes)
    summary(options)


@lru_cache(maxsize=8)
def unseen(image: str, folder: Path) -> tuple[np.ndarray, Measurement, BayesEstimate]:
    from nasdip.classical.reference import make_reference
    from nasdip.measurement.measure import measurement_of

    clean, noisy = (centre_crop(read_image(folder / f"{image}{end}.png").pixels, CROP) for end in ("", "_noisy25"))
    measurement = measurement_of(noisy)
    return clean, measurement, make_reference(measurement)


def measure_gain(image: str, text: str, seed: str, folder: Path) -> Row:
    import torch

    from nasdip.imaging.metrics import psnr
    from nasdip.options.recipes import FAST
    from nasdip.restoration.combination import combine
    from nasdip.restoration.fit_task import make_fit_task
    from nasdip.restoration.repetition import fit_repetition

    torch.set_num_threads(1)
    clean, measurement, reference = unseen(image, folder)
    config = FAST.settings(CROP, CROP, precision="fp32")
    assert config.steps == STEPS
    task = make_fit_task(measurement, Architecture.from_text(text), config, width=WIDTH, seed=int(seed))
    result = fit_repetition(replace(task, reference=reference), None, 1)
    restored = combine(measurement, result.averaged, reference, refine=True).image
    images = (measurement.pixels, result.averaged, restored)
    numbers = [f"{psnr(clean, each, data_range=1.0):.4f}" for each in images]
    return dict(zip(GAINS, (image, text, seed, *numbers, str(len(result.curves.step))), strict=True))


def times(options: argparse.Namespace) -> None:
    """Measure steps as `nasdip restore` takes them, in turns, as ratios to dip's."""
    import torch

    from nasdip.fit.fit import fit
    from nasdip.fit.precision import choose_precision
    from nasdip.network.build import build_network
    from nasdip.options.recipes import FAST

    texts = [*KNOWN.values(), *chosen(options)]
    measurement = Measurement(np.random.default_rng(0).random((CROP, CROP, 3), dtype=np.float32))
    config = FAST.settings(CROP, CROP, steps=_TIMED_STEPS, stop="fixed")
    config = replace(config, precision=choose_precision(config.precision, torch.device("cpu")))
    seconds: dict[str, list[float]] = {text: [] for text in texts}
    for _ in range(1 + _ROUNDS):  # the first pays for set-up
        for text in texts:
            network = build_network(Architecture.from_text(text), width=WIDTH, seed=0)
            start = time.perf_counter()
            fit(network, Architecture.from_text(text), measurement, config)
            seconds[text].append((time.perf_counter() - start) / _TIMED_STEPS)
    rows = []
    for text in texts:
        ratios = [mine / dip for mine, dip in zip(seconds[text][1:], seconds[KNOWN["dip"]][1:], strict=True)]
        values = (1000 * statistics.median(seconds[text][1:]), statistics.median(ratios), min(ratios), max(ratios))
        words = [f"{values[0]:.1f}", *(f"{value:.3f}" for value in values[1:])]
        rows.append(dict(zip(TIMES, (text, str(CROP), *words), strict=True)))
        print(",".join(rows[-1].values()))
    write_rows(options.output / "times.csv", TIMES, rows)


def summary(options: argparse.Namespace) -> None:
    print("architecture,fit,se,restored,se,fit over nas-dip-denoise,se,steps,step ratio,time ratio to nas-dip-denoise")
    for text in dict.fromkeys(row["architecture"] for row in read_rows(options.output / "gain.csv")):
        facts = figures(options.output, text)
        print(text, *(f"{value:.3f}" for value in facts.values()), sep=",")


def figures(folder: Path, text: str) -> dict[str, float]:
    """Return what was measured of an architecture: mean gains with the standard error over pictures, and its cost."""
    rows, paces = read_rows(folder / "gain.csv"), {row["architecture"]: row for row in read_rows(folder / "times.csv")}

    def difference(column: str, other: str) -> tuple[float, float]:
        values = {(r["architecture"], r["image"], r["seed"]): float(r[column]) for r in rows}
        by_image = [
            statistics.mean(values[text, image, str(seed)] - values[other, image, str(seed)] for seed in SEEDS)
            for image in UNSEEN
        ]
        return statistics.mean(by_image), statistics.stdev(by_image) / len(by_image) ** 0.5

    def steps(of: str) -> float:
        return statistics.mean(int(row["steps"]) for row in rows if row["architecture"] == of)

    def ratio(of: str) -> float:
        return float(paces[of]["ratio"]) if of in paces else float("nan")

    nas_dip = KNOWN["nas-dip-denoise"]
    pairs = (difference("fit", KNOWN["dip"]), difference("restored", KNOWN["dip"]), difference("fit", nas_dip))
    time_ratio = steps(text) * ratio(text) / (steps(nas_dip) * ratio(nas_dip))
    names = ("fit", "fit_error", "restored", "restored_error", "over_nas_dip", "over_nas_dip_error")
    values = [value for pair in pairs for value in pair]
    return {**dict(zip(names, values, strict=True)), "steps": steps(text), "ratio": ratio(text), "time": time_ratio}


def entries(options: argparse.Namespace) -> None:
    """Write the figures of every ready architecture that was measured, and where the searched ones come from."""
    for path in sorted(Path("nasdip/zoo").glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        text = entry["architecture"]
        if path.stem == "dip" or text not in {row["architecture"] for row in read_rows(options.output / "gain.csv")}:
            continue
        found = figures(options.output, text)
        entry["figures"] = {
            "gain_db": round(found["fit"], 3),
            "gain_error_db": round(found["fit_error"], 3),
            "step_ratio": round(found["ratio"], 3),
            "source": "experiments/benchmarks/zoo_gain.py: gain DATA, times; zoo/gain.csv, zoo/times.csv",
        }
        if "provenance" in entry:
            entry["provenance"] = provenance(options.output, text)
        write_text(path, json.dumps(entry, indent=1, ensure_ascii=False) + "\n")
        print(path.stem, entry["figures"])


def provenance(folder: Path, text: str) -> dict[str, object]:
    searches = read_rows(folder / "searches.csv")
    tried = [row for row in read_rows(folder / "trials.csv") if row["architecture"] == text]
    return {
        "space": "nas_dip",
        "searcher": "reinforce, defaults of `nasdip search` (experiments/benchmarks/zoo_search.py)",
        "searches": [f"{r['image']}, seed {r['seed']}, {r['trials']} trials, rule {r['rule']}" for r in searches],
        "trials of it": [f"{r['image']}, rule {r['rule']}, {r['trial']}: {r['reward']} dB" for r in tried],
        "tabular": text in {row["architecture"] for row in read_rows(FOLDER.parent / "tabular" / "fits.csv")},
        "chosen": "best mean estimate of zoo/finalists.csv, whose fits are larger and have a fresh seed",
        "commit": commit(folder / "searches.csv"),
        "unseen images": [*UNSEEN],
        "evaluation seeds": [*SEEDS],
    }


def commit(path: Path) -> str:
    """Return the commit that a result file names."""
    return path.read_text(encoding="utf-8").split("commit ")[1].split(" ")[0]


if __name__ == "__main__":
    main()
