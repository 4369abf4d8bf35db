"""Seconds to the quality of the published recipe: nasdip's fast recipe against the published loop.

python experiments/benchmarks/time_to_quality.py quality DATA [--image house f16 peppers] [--seed 0 1] [--crop 128]
    [--architecture dip nas-dip-denoise] [--recipe published fast] [-o FOLDER] [--device cpu]
python experiments/benchmarks/time_to_quality.py time [--architecture ...] [--crop 128] [--rounds 7] [-o FOLDER]

`quality` counts steps, into time_to_quality_steps.csv: fits of centre crops by each recipe, with nasdip's loop, which
computes what the published one does (tests/options/test_recipes.py). Two levels, both 0.1 dB below a PSNR
of the averaged image of the published recipe: `last`, that of its 1200th step, and `oracle`, the best of all its steps.
The other recipes are fitted for half as many steps again as they take, `psnr_last` is that of their own last step.
The clean image measures and picks nothing but that best step. Resumable: fits whose rows are there are not repeated.

`time` measures seconds per step, of the published loop and of nasdip's by each recipe, in processes that take turns,
and multiplies, into time_to_quality.csv. What the published recipe needs is 1200 steps for `last`, as published. Small
images it has overfitted by then: so `first` counts its first step at the same level instead, and `oracle` its first
step at the higher one. The other recipe's steps are its first ones at the level in all three.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, read_rows, write_rows

from nasdip.process import prepare
from nasdip.zoo.catalog import find_architecture

BENCHMARKS = Path(__file__).parent
STEPS_FILE, SECONDS_FILE = "time_to_quality_steps.csv", "time_to_quality.csv"
PUBLISHED, LOOP = "published", "published loop"
KEYS = ("image", "crop", "architecture", "seed", "recipe")
STEPS_COLUMNS = (
    *KEYS, "width", "precision", "steps", "level_last", "level_oracle", "step_last", "step_oracle", "psnr_last",
    "oracle_psnr", "oracle_step", "events",
)  # fmt: skip
SECONDS_COLUMNS = (
    *KEYS, "level", "psnr", "published_steps", "published_seconds_per_step", "published_seconds", "steps",
    "seconds_per_step", "seconds", "ratio", "ratio_min", "ratio_max",
)  # fmt: skip
MARGIN = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["quality", "time"])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("-o", "--output", type=Path, default=BENCHMARKS, help="folder of both files")
    parser.add_argument("--image", nargs="+", default=["house", "f16", "peppers"])
    parser.add_argument("--seed", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--architecture", nargs="+", default=["dip", "nas-dip-denoise"])
    parser.add_argument("--recipe", nargs="+", default=[PUBLISHED, "fast"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.part == "quality" and options.data is None:
        parser.error("quality needs the folder DATA with NAME.png and NAME_noisy25.png")
    (count_steps if options.part == "quality" else time_steps)(options)


def count_steps(options: argparse.Namespace) -> None:
    """Fit all that is missing; the published recipe first, as its PSNR makes the levels."""
    path = options.output / STEPS_FILE
    rows = read_rows(path)
    names = sorted(options.recipe, key=lambda name: name != PUBLISHED)
    for seed in options.seed:
        for architecture in options.architecture:
            for image in options.image:
                for recipe in names:
                    key = (image, str(options.crop), architecture, str(seed), recipe)
                    if find(rows, key) is not None:
                        continue
                    base = find(rows, (*key[:-1], PUBLISHED))
                    if base is None and recipe != PUBLISHED:
                        raise SystemExit(f"{key}: the published recipe makes the levels: add --recipe {PUBLISHED}")
                    row = dict(zip(STEPS_COLUMNS, (*key, *measure(key, base, options)), strict=True))
                    rows.append(row)
                    write_rows(path, STEPS_COLUMNS, rows)
                    print(",".join(rows[-1].values()), flush=True)


def measure(key: tuple[str, ...], base: Row | None, options: argparse.Namespace) -> list[str]:
    from nasdip.fit.device import find_device
    from nasdip.fit.fit import fit
    from nasdip.fit.precision import choose_precision
    from nasdip.io.image_file import read_image
    from nasdip.measurement.level import estimate_sigma
    from nasdip.measurement.measurement import Measurement
    from nasdip.measurement.noise_model import NoiseModel
    from nasdip.nas.trial_task import centre_crop
    from nasdip.network.build import build_network
    from nasdip.options.recipes import find_recipe

    image, crop, name, seed = key[0], int(key[1]), key[2], int(key[3])
    recipe, device = find_recipe(key[4]), find_device(options.device)
    own = recipe.settings(crop, crop, stop="fixed")
    config = own if base is None else replace(own, steps=3 * own.steps // 2)  # a level may be reached later
    clean = centre_crop(read_image(options.data / f"{image}.png").pixels, crop)
    noisy = centre_crop(read_image(options.data / f"{image}_noisy25.png").pixels, crop)
    architecture = find_architecture(name)
    network = build_network(architecture, in_channels=recipe.config.input_channels, width=recipe.width, seed=seed)
    result = fit(
        network, architecture, Measurement(noisy, NoiseModel.white(estimate_sigma(noisy))), config,
        seed=seed, clean=clean, device=device,
    )  # fmt: skip
    curve = result.curves.oracle_psnr_averaged
    assert curve is not None
    best = float(np.nanmax(curve))
    last = curve[own.steps - 1]
    levels = (last - MARGIN, best - MARGIN) if base is None else (level(base, "last"), level(base, "oracle"))
    numbers = (*(f"{x:.3f}" for x in levels), *(first_step(curve, x) for x in levels), f"{last:.3f}")
    facts = (str(recipe.width), choose_precision(config.precision, device), str(own.steps))
    return [*facts, *numbers, f"{best:.3f}", str(result.oracle_step), str(len(result.events))]


def level(row: Row, which: str) -> float:
    """Return the level `which` (last, oracle), dB."""
    return float(row[f"level_{which}"])


def first_step(curve: np.ndarray, least: float) -> str:
    """Return the first step (from 1) at which a curve is at least `least`; empty if it never is."""
    reached = np.flatnonzero(curve >= least)
    return str(reached[0] + 1) if len(reached) else ""


def time_steps(options: argparse.Namespace) -> None:
    """Measure seconds per step, and write what the levels take."""
    counted, path = read_rows(options.output / STEPS_FILE), options.output / SECONDS_FILE
    rows = read_rows(path)
    recipes = [name for name in options.recipe if name != PUBLISHED]
    for architecture in options.architecture:
        seconds = interleaved(architecture, options.crop, [LOOP, *recipes], options)
        for row in counted:
            same = (row["architecture"], row["crop"]) == (architecture, str(options.crop))
            base = find(counted, (*(row[key] for key in KEYS[:-1]), PUBLISHED))
            if not same or row["recipe"] not in recipes or base is None:
                continue
            key = tuple(row[name] for name in KEYS)
            rows = [old for old in rows if tuple(old[name] for name in KEYS) != key]
            rows += [compare(row, base, which, seconds) for which in ("last", "first", "oracle")]
        write_rows(path, SECONDS_COLUMNS, rows)
    print(*(",".join(row.values()) for row in rows), sep="\n")
    for which in ("last", "first", "oracle"):
        print(which, summary([row for row in rows if row["level"] == which]))


def compare(row: Row, base: Row, which: str, seconds: dict[str, list[float]]) -> Row:
    theirs = int(base[{"last": "steps", "first": "step_last", "oracle": "step_oracle"}[which]])
    which_level = "oracle" if which == "oracle" else "last"
    ours = row[f"step_{which_level}"]
    per_step, published = (statistics.median(seconds[way]) for way in (row["recipe"], LOOP))
    numbers = [row[f"level_{which_level}"], str(theirs), f"{published:.4f}", f"{theirs * published:.1f}", ours]
    if ours:
        ratios = [a * theirs / (b * int(ours)) for a, b in zip(seconds[LOOP], seconds[row["recipe"]], strict=True)]
        spread = [f"{x:.2f}" for x in (statistics.median(ratios), min(ratios), max(ratios))]
        numbers += [f"{per_step:.4f}", f"{per_step * int(ours):.1f}", *spread]
    else:
        numbers += [f"{per_step:.4f}", *4 * [""]]
    return dict(zip(SECONDS_COLUMNS, (*(row[key] for key in KEYS), which, *numbers), strict=True))


def summary(rows: list[Row]) -> str:
    """Return ratios in words; those that were not reached count as such."""
    ratios = [float(row["ratio"]) for row in rows if row["ratio"]]
    reached = f"reached in {len(ratios)} of {len(rows)} fits"
    if not ratios:
        return reached
    return f"{reached}; ratio: median {statistics.median(ratios):.1f}, {min(ratios):.1f} to {max(ratios):.1f}"


def interleaved(architecture: str, size: int, ways: list[str], options: argparse.Namespace) -> dict[str, list[float]]:
    """Return seconds per step of every way, by round; the ways' processes take turns."""
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    processes = []
    for way in ways:
        pipes[way], theirs = context.Pipe()
        processes.append(context.Process(target=work, args=(theirs, way, architecture, size, options.device)))
        processes[-1].start()
        theirs.close()  # so that its end is noticed here
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(options.rounds + 1):
        for way, pipe in pipes.items():
            pipe.send(options.steps)
            taken = pipe.recv()
            if number > 0:  # the first pays for set-up
                seconds[way].append(taken)
    for pipe in pipes.values():
        pipe.send(0)
    for process in processes:
        process.join()
    return seconds


def work(pipe: Connection, way: str, architecture: str, size: int, device: str) -> None:
    """Answer a number of steps with the seconds of one; end at 0."""
    if way != LOOP:
        prepare()
    import torch

    step = make_loop(way, architecture, size, device)
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    while steps := pipe.recv():
        start = time.perf_counter()
        for _ in range(steps):
            step()
        wait()
        pipe.send((time.perf_counter() - start) / steps)


def make_loop(way: str, name: str, size: int, device: str) -> Callable[[], Any]:
    """Return what takes a step of the published loop, or of nasdip's by the recipe `way`."""
    import torch
    from published_loop import PublishedLoop

    from nasdip.fit.loop import WINDOW, FitLoop
    from nasdip.measurement.measurement import Measurement
    from nasdip.network.build import build_network
    from nasdip.options.recipes import find_recipe

    architecture = find_architecture(name)
    noisy, clean = (np.random.default_rng(seed).random((size, size, 3), dtype=np.float32) for seed in (0, 1))
    if way == LOOP:
        return PublishedLoop(build_network(architecture), noisy, clean, device).step
    config, width = find_recipe(way).settings(size, size, stop="fixed"), find_recipe(way).width
    network = build_network(architecture, in_channels=config.input_channels, width=width)
    loop = FitLoop(network, architecture, Measurement(noisy), config, 0, clean, torch.device(device))
    count = 0

    def step() -> None:
        nonlocal count
        count = count % config.steps + 1
        loop.step(count)
        if count % WINDOW == 0:
            loop.check(count)

    return step


def find(rows: list[Row], key: tuple[str, ...]) -> Row | None:
    return next((row for row in rows if tuple(row[name] for name in KEYS) == key), None)


if __name__ == "__main__":
    prepare()
    main()
