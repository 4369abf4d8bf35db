"""What ending trials early by their curves saves on the tabular benchmark, and what it loses.

python experiments/benchmarks/tabular_halving.py [-o FOLDER] [--searches 100] [--trials 60]

Replays searches by random draws: each trial's curve (the estimated PSNR that the fit would have had after so many
steps) is judged by `nasdip.options.early_stop`, as `nasdip search --early-stop` does, against earlier trials'.
Prints Kendall's tau of the curve at a step with its end, and for each rule: the share of the steps' time that is spent,
how often the best of the trials survives, and the mean loss of reward (dB); means over pictures, seeds and searches.
Writes FOLDER/halving.csv.
"""

import argparse
from pathlib import Path

import numpy as np
from rows import Row, read_rows, write_rows
from scipy.stats import kendalltau
from tabular_fits import FOLDER, IMAGES, PROXY, SEEDS

from nasdip.options.early_stop import Curve, EarlyStop

COLUMNS = ("rule", "first", "factor", "time", "best_survives", "loss_db")
RULES = [EarlyStop()] + [
    EarlyStop(rule, first, factor)  # type: ignore[arg-type]
    for rule, first, factor in (
        ("halving", 0.25, 2), ("halving", 0.5, 2), ("halving", 0.5, 4), ("halving", 0.6, 2), ("halving", 0.7, 2),
        ("halving", 0.7, 4), ("median", 0.25, 2), ("median", 0.6, 2),
    )
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--trials", type=int, default=60)
    options = parser.parse_args()
    fits = read_rows(options.output / "fits.csv")
    pace = {row["architecture"]: float(row["step_ms"]) for row in read_rows(options.output / "architectures.csv")}
    tables = [[row for row in fits if row["image"] == i and row["seed"] == str(s)] for i in IMAGES for s in SEEDS]
    for step in range(30, PROXY.steps, 30):
        print(f"step {step}: tau with the end {np.mean([tau_at(table, step) for table in tables]):.2f}")
    rows: list[Row] = []
    for rule in RULES:
        found = [
            replay(table, pace, rule, np.random.default_rng(number).permutation(len(table))[: options.trials])
            for table in tables
            for number in range(options.searches // len(tables))
        ]
        time, survives, loss = np.mean(found, axis=0)
        facts = (rule.rule, str(rule.first), str(rule.factor), f"{time:.3f}", f"{survives:.2f}", f"{loss:.3f}")
        rows.append(dict(zip(COLUMNS, facts, strict=True)))
        print(",".join(facts), flush=True)
    write_rows(options.output / "halving.csv", COLUMNS, rows)


def curve_of(row: Row) -> Curve:
    """Return the curve of a fit, as its trial would have it: to its end, where its own rule ended it."""
    points = [point.split(":") for point in row["curve"].split()]
    curve = [(int(step), float(reward)) for step, reward in points if int(step) < PROXY.steps]
    return (*curve, (PROXY.steps, float(row["estimated_psnr"])))


def tau_at(table: list[Row], step: int) -> float:
    ends = [float(row["estimated_psnr"]) for row in table]
    there = [max(reward for s, reward in curve_of(row) if s <= step or s == PROXY.steps) if int(row["steps"]) <= step
             else max(reward for s, reward in curve_of(row) if s <= step) for row in table]  # fmt: skip
    return float(kendalltau(there, ends)[0])


def replay(table: list[Row], pace: dict[str, float], rule: EarlyStop, order: np.ndarray) -> tuple[float, float, float]:
    """Return the share of the time that is spent, whether the best survives, and what its loss costs (dB)."""
    others: dict[int, Curve] = {}
    spent = whole = 0.0
    kept = []
    for number, place in enumerate(order):
        row = table[place]
        curve, steps = curve_of(row), int(row["steps"])
        end = next((n for n in range(1, len(curve)) if curve[n - 1][0] < steps
                    and rule.judge(curve[:n], others, PROXY.steps)), None)  # fmt: skip
        others[number] = curve if end is None else curve[:end]
        spent += pace[row["architecture"]] * (steps if end is None else curve[end - 1][0])
        whole += pace[row["architecture"]] * steps
        if end is None:
            kept.append(float(row["estimated_psnr"]))
    best = max(float(table[place]["estimated_psnr"]) for place in order)
    return spent / whole, float(max(kept) == best), best - max(kept)


if __name__ == "__main__":
    main()
