"""What NNI costs: trials a minute of an experiment, against the same trials one after the other in one process.

python experiments/benchmarks/nni_overhead.py [-o FILE.csv] [--trials 24] [--children 1]

Runs experiments/denoise_cpu.yml without its assessor (every fit to its end) by `nasdip nnictl`, then the architectures
that it tried in this process, with the same task. Nothing else should run beside it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from provenance_of import provenance_line

from nasdip.files import write_text
from nasdip.fit.device import find_device
from nasdip.nas.trial import run_trial
from nasdip.nas.trial_task import task_of
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult

EXPERIMENTS = Path(__file__).parents[1]
COLUMNS = (
    "way,at_once,children,trials,wall_seconds,trials_per_minute,median_fit_seconds,overhead_seconds_per_trial,"
    "per_minute_ratio,largest_reward_difference_db"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=EXPERIMENTS / "benchmarks/nni_overhead.csv")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--children", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--port", type=int, default=18777)
    options = parser.parse_args()
    head, rows = provenance_line(), []
    for children in options.children:
        with tempfile.TemporaryDirectory() as temporary:
            config = configuration(Path(temporary), options.trials, children)
            run, wall = search_under_nni(Path(temporary), config, options.port)
            trials = [trial for trial in run.trials() if trial.status == "ok"]
            alone, alone_wall = in_one_process(run, trials)
        at_once = config["trialConcurrency"]
        ratio = (len(trials) / wall) / (len(alone) / alone_wall)
        # Trials beside each other use fewer threads than one alone: their sums are rounded differently.
        difference = max(abs(a.reward - b.reward) for a, b in zip(trials, alone, strict=True))
        rows.append(row("nni", at_once, children, trials, wall, ratio) + f",{difference:.3f}")
        rows.append(row("in process", 1, children, alone, alone_wall, 1.0) + ",0")
        print(rows[-2], rows[-1], sep="\n", flush=True)
    write_text(options.output, "\n".join([head, COLUMNS, *rows]) + "\n")


def configuration(folder: Path, trials: int, children: int) -> dict[str, Any]:
    """Return denoise_cpu.yml with absolute paths, `trials` architectures and without early stopping."""
    config: dict[str, Any] = yaml.safe_load((EXPERIMENTS / "denoise_cpu.yml").read_text(encoding="utf-8"))
    for part in (config, config["tuner"]):
        for key in ("searchSpaceFile", "trialCodeDirectory", "codeDirectory"):
            if key in part:
                part[key] = str((EXPERIMENTS / part[key]).resolve())
    config.pop("assessor")
    config["experimentWorkingDirectory"] = str(folder / "experiments")
    config["maxTrialNumber"] = trials // children
    config["tuner"]["classArgs"]["children"] = children
    return config


def search_under_nni(folder: Path, config: dict[str, Any], port: int) -> tuple[RunFolder, float]:
    """Run an experiment to its end; return its run folder, and the seconds from the first job to the last result."""
    file = folder / "experiment.yml"
    file.write_text(json.dumps(config))
    environment = {**os.environ, "HOME": str(folder)}

    def nnictl(*words: object) -> None:
        command = [sys.executable, "-m", "nasdip", "nnictl", *map(str, words)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    nnictl("create", "--config", file, "--port", port)
    experiment = next(p for p in (folder / "experiments").iterdir() if not p.is_symlink())
    run = RunFolder(experiment / "run")
    planned = config["maxTrialNumber"] * config["tuner"]["classArgs"]["children"]
    while not run.exists() or len(run.trials()) < planned:
        time.sleep(1)
    nnictl("stop", experiment.name)
    jobs = sorted(path.stat().st_mtime for path in experiment.glob("environments/*/trials/*/trial.stdout"))
    last = max(datetime.fromisoformat(trial.finished).timestamp() for trial in run.trials())
    return run, last - min(jobs)


def in_one_process(run: RunFolder, trials: list[TrialResult]) -> tuple[list[TrialResult], float]:
    """Evaluate the architectures of trials again, here; return the results and the seconds."""
    task = task_of(run.record(), *run.images())
    start = time.monotonic()
    again = [run_trial(t.trial, t.architecture, task, find_device("cpu"), {}) for t in trials]
    wall = time.monotonic() - start
    return again, wall


def row(way: str, at_once: int, children: int, trials: list[TrialResult], wall: float, ratio: float) -> str:
    fits = [trial.seconds for trial in trials]
    overhead = (wall * at_once - sum(fits)) / len(trials)
    return (
        f"{way},{at_once},{children},{len(trials)},{wall:.1f},{len(trials) / wall * 60:.1f},"
        f"{statistics.median(fits):.2f},{overhead:.2f},{ratio:.2f}"
    )


if __name__ == "__main__":
    main()
