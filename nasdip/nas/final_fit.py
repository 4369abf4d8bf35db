"""How the best architecture of a search is fitted, anew, to the whole image."""

from dataclasses import replace
from typing import NamedTuple

import torch

from nasdip.errors import NasdipError
from nasdip.measurement.measure import observe
from nasdip.nas.time_limit import TimeLimit
from nasdip.options.quality import find_quality
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult
from nasdip.restoration.run import Plan, plan_restoration
from nasdip.restoration.task import Task, make_task
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture


class FinalFit(NamedTuple):
    """The best trial of a search, and the restoration with its architecture as it will be carried out, and where."""

    best: TrialResult
    task: Task
    plan: Plan
    folder: RestorationFolder


def plan_best(folder: RunFolder, device: torch.device, limit: TimeLimit | None = None) -> FinalFit | None:
    """Plan the final fit of a run, going on with an earlier start; None where the run asks for none.

    With a `limit` it may have fewer steps; those of an earlier start stay.

    Raises
    ------
    NasdipError
        Where no trial succeeded, or the memory does not suffice.
    """
    record = folder.record()
    final = record.settings.final
    if final.steps == 0:
        return None
    best = folder.best()
    if best is None:
        trials = folder.trials()
        cause = f", the last with: {trials[-1].error}" if trials else ""
        raise NasdipError(f"none of the {len(trials)} trials succeeded{cause}; there is nothing to fit")
    noisy, clean = folder.images()
    observation = observe(noisy)[0]
    restoration = folder.final

    def plan(steps: int | None) -> FinalFit:
        task = make_task(
            observation,
            Architecture.from_text(best.architecture),
            replace(final, steps=steps).config(noisy.shape),
            width=final.width,
            seed=derive_seed(record.settings.seed, 1),
            clean=clean,
            device=device,
            refine=find_quality(None, recipe=final.recipe).refine,
        )
        return FinalFit(best, task, plan_restoration(task, repeats=final.repeats, folder=restoration), restoration)

    restoration.budget = None if limit is None else {"seconds": limit.seconds, "steps": final.steps}
    begun = restoration.picked()
    if begun is not None and begun[0] == best.architecture:
        return plan(begun[1])
    whole = plan(final.steps)
    if limit is None or whole.plan.resumed:
        return whole
    steps = limit.steps(whole.task, whole.plan, restoration)
    return whole if steps == whole.task.config.steps else plan(steps)
