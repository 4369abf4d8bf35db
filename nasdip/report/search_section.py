"""What the report shows of a search: totals, charts' words, the best architectures, all trials."""

from typing import NamedTuple

from markupsafe import Markup

from nasdip.records.trial_result import TrialResult
from nasdip.report.diagram import architecture_svg, skip_connections, upsampling_chain
from nasdip.report.numbers.pareto import ParetoSummary, pareto_summary, target_in_words
from nasdip.report.numbers.run_state import progress
from nasdip.report.numbers.search import SearchTotals, expected_best, ranking, saved_in_words, search_totals
from nasdip.report.numbers.source import SearchRun
from nasdip.report.text.words import counted
from nasdip.space.architecture import Architecture, CrossSkipArchitecture
from nasdip.space.cell import published_index

BEST = 3
# Columns of the table that old runs, and some searches, have nothing for.
_OPTIONAL = ("steps", "step_ms", "penalty", "job")
_REWARD_FROM = {
    "clean": "the clean image",
    "estimate": "held-out pixels and the reference, which need no clean image",
    "heldout": "held-out pixels, which needs no clean image",
}


class Drawn(NamedTuple):
    """An architecture in pictures and words.

    Attributes
    ----------
    family, text : str
        NAS-DIP or DIP, and the text form.
    svg : Markup
        The drawing.
    kinds : set of str
        Which kinds of skips it has: same, finer, coarser.
    chain : list of str
        The steps of an upsampling.
    published : int or None
        Index of its cell in the numbering of the published NAS-DIP code, where it has one.
    trial, reward : int, float or None
        Where it was found; None outside a search.
    parameters : int or None
        At the width it was fitted with.
    """

    family: str
    text: str
    svg: Markup
    kinds: set[str]
    chain: list[str]
    published: int | None
    trial: int | None
    reward: float | None
    parameters: int | None


class SearchSection(NamedTuple):
    """A search as far as it got.

    Attributes
    ----------
    progress : str
        How many trials of how many are done.
    columns : set of str
        Which of the table's further columns have something to show: steps, step_ms, penalty, job.
    against_random : str or None
        Compares it in words, where a random run is known.
    saved : str or None
        What stopping early saved, in words.
    reward_from : str
        What rewards were measured against.
    target : str or None
        What the cost of a step took from them, in words, where the search had a target.
    pareto : ParetoSummary or None
        What quality costs; None where fewer than two costs are known.
    """

    totals: SearchTotals
    progress: str
    best: list[Drawn]
    trials: list[TrialResult]
    columns: set[str]
    has_entropy: bool
    against_random: str | None
    saved: str | None
    reward_from: str
    target: str | None
    pareto: ParetoSummary | None


def search_section(search: SearchRun, random_rewards: list[float]) -> SearchSection:
    """Collect the numbers of a search."""
    trials, settings = search.trials, search.record.settings
    return SearchSection(
        totals=search_totals(trials),
        progress=progress(search),
        best=[drawn(str(trial.architecture), trial.parameters, trial) for trial in ranking(trials, BEST)],
        trials=trials,
        columns={name for name in _OPTIONAL if any(getattr(trial, name) not in (None, 0) for trial in trials)},
        has_entropy=any("policy_entropy" in trial.diagnostics for trial in trials),
        against_random=_against_random(trials, random_rewards),
        saved=saved_in_words(trials, settings.proxy.steps),
        reward_from=_REWARD_FROM[search.reward],
        target=target_in_words(settings.cost) if settings.cost else None,
        pareto=pareto_summary(trials, search.reward),
    )


def drawn(text: str, parameters: int | None, trial: TrialResult | None = None) -> Drawn:
    """Draw the architecture of a text form."""
    architecture = Architecture.from_text(text)
    cross = isinstance(architecture, CrossSkipArchitecture)
    return Drawn(
        family="NAS-DIP: skips are summed" if cross else "DIP: skips are concatenated",
        text=text,
        svg=architecture_svg(architecture),
        kinds={skip.kind for skip in skip_connections(architecture)},
        chain=upsampling_chain(architecture),
        published=published_index(architecture.cell) if isinstance(architecture, CrossSkipArchitecture) else None,
        trial=trial.trial if trial else None,
        reward=trial.reward if trial else None,
        parameters=parameters,
    )


def _against_random(trials: list[TrialResult], rewards: list[float]) -> str | None:
    best = ranking(trials, 1)
    if not rewards or not best:
        return None
    k = min(len(trials), len(rewards))
    reached = max((trial.reward for trial in trials[:k] if trial.status in ("ok", "repeated")), default=None)
    if reached is None:
        return None
    difference = reached - float(expected_best(rewards)[k - 1])
    side = "above" if difference >= 0 else "below"
    return (
        f"After {counted(k, 'trial')} the best reward is {abs(difference):.2f} dB {side} what random search would be "
        f"expected to reach ({counted(len(rewards), 'random trial')} known). One search against an expectation: chance "
        "alone can move it either way."
    )
