"""How the best architecture of a search is fitted, anew, to the whole image."""

from dataclasses import replace
from typing import NamedTuple

import torch

from nasdip.errors import NasdipError
from nasdip.measurement.measure import measurement_of
from nasdip.nas.time_limit import TimeLimit
from nasdip.options.restore import RestoreOptions
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult
from nasdip.restoration.plan import plan
from nasdip.restoration.planned import Plan
from nasdip.seeds import derive_seed


class FinalFit(NamedTuple):
    """The best trial of a search, and the restoration with its architecture as it will be done, and where."""

    best: TrialResult
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
    measurement, restoration = measurement_of(noisy, known=folder.mask()), folder.final
    options = RestoreOptions(
        architecture=best.architecture,
        recipe=final.recipe,
        steps=final.steps,
        width=final.width,
        repeats=final.repeats,
        seed=derive_seed(record.settings.seed, 1),
        device=str(device),
    )

    def fit(steps: int | None) -> FinalFit:
        made = plan(measurement, replace(options, steps=steps), clean=clean, folder=restoration)
        return FinalFit(best, made, restoration)

    restoration.budget = None if limit is None else {"seconds": limit.seconds, "steps": final.steps}
    begun = restoration.picked()
    if begun is not None and begun[0] == str(best.architecture):
        return fit(begun[1])
    whole = fit(final.steps)
    if limit is None or whole.plan.resumed:
        return whole
    steps = limit.steps(whole.plan, restoration)
    return whole if steps == whole.plan.task.config.steps else fit(steps)
