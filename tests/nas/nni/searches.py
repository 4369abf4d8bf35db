"""Real searches under NNI for tests: their configuration, and what must hold of their run folders."""

import json
import sys
from pathlib import Path

from nasdip.nas.ledger import Ledger
from nasdip.records.run_folder import RunFolder
from nasdip.searchers.registry import make_searcher
from nasdip.searchers.searcher import Outcome

ROOT = Path(__file__).parents[3]
TRIAL = f"exec {sys.executable} -m nasdip.nas.backends.nni.trial"


def search_config(folder, *, trials, at_once, command=TRIAL, searcher="Reinforce", space="tiny", **arguments):
    """Return the configuration of a small search on the camera picture, with its experiments in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    # The published recipe takes all steps, so that how long a trial lasts is known.
    quick = {"crop": 16, "width": 16, "steps": 4, "recipe": "published"}
    bare = {"warm_start": 0, "candidates": []}
    chosen = {"image": "camera", "noise": 25, "reward": "heldout", **bare, **quick, **arguments}
    return {
        "experimentWorkingDirectory": str(folder / "experiments"),
        "searchSpaceFile": str(ROOT / f"search_spaces/{space}.json"),
        "trialCommand": command,
        "trialConcurrency": at_once,
        "maxTrialNumber": trials,
        "tuner": {
            "codeDirectory": str(ROOT),
            "className": f"nasdip.nas.backends.nni.tuner.{searcher}Tuner",
            "classArgs": chosen,
        },
        "trainingService": {"platform": "local"},
    }


def run_of(experiment):
    """Return the run folder of an experiment."""
    return RunFolder(experiment.path / "run")


def own_reports(experiment):
    """Return what the trials themselves wrote, by NNI's job: nasdip.json's content."""
    files = experiment.path.glob("environments/*/trials/*/nasdip.json")
    return {file.parent.name: json.loads(file.read_text()) for file in files}


def credited_wrongly(experiment, resumed=False):
    """Return the results in the run folder which differ from what a trial wrote, and how many were compared.

    Where the experiment was `resumed`, a job may have run again, and brought a result that was known by then.
    """
    wrong, compared = [], 0
    kept = {trial.trial: trial for trial in run_of(experiment).trials()}
    for job, report in own_reports(experiment).items():
        for entry in report["results"]:
            trial = kept[entry["trial"]]
            same = str(trial.architecture) == entry["architecture"] and trial.reward == entry["reward"]
            compared += 1
            if not same or (not resumed and trial.status == "ok" and trial.job != job):
                wrong.append((job, entry, trial))
    return wrong, compared


def assert_one_uninterrupted_search(folder, at_once=None):
    """Assert that the searcher's history is that of a single process with the same results in the same order.

    And that it never drew more samples ahead than trials ran `at_once`.
    """
    settings = folder.record().settings
    searcher = make_searcher(settings.searcher, folder.space(), seed=settings.seed, **settings.searcher_settings)
    with folder.locked():
        ledger = Ledger(folder)
    known = {number: trial.architecture for number, trial in ledger.results.items()}
    known |= {number: suggestion.architecture for number, suggestion in ledger.open.items()}
    ahead = 0
    for event in ledger.journal:
        ahead += 1 if event > 0 else -1
        assert at_once is None or ahead <= at_once, f"{ahead} samples ahead at event {event}"
        if event > 0:
            assert known[event] == searcher.suggest(1)[0], f"trial {event}"
        else:
            trial = ledger.results[-event]
            searcher.update([Outcome(trial.architecture, trial.reward)])
    assert len(ledger.journal) == len(set(ledger.journal)), "an event happened twice"
    assert {-event for event in ledger.journal if event < 0} == set(ledger.results)
    following = max(known) + 1
    assert ledger.suggest(range(1, following)).architecture == searcher.suggest(1)[0]
