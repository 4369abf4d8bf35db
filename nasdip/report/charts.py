"""All figures of a report, by name."""

import math

import numpy as np
from matplotlib.figure import Figure

from nasdip.imaging.spectrum import log_spectrum
from nasdip.options.stopping_rules import FIXED
from nasdip.records.results import Restoration
from nasdip.report.figures.comparison import comparison_figure
from nasdip.report.figures.curves import curves_figure, has_score, loss_figure, psnr_figure, score_figure
from nasdip.report.figures.pareto import pareto_figure
from nasdip.report.figures.search import entropy_figure, reward_figure, steps_figure
from nasdip.report.figures.spectra import bands_figure, psd_figure, spectra_figure
from nasdip.report.figures.trust import periodogram_figure, residual_figure, uncertainty_figure
from nasdip.report.numbers.pareto import PSNR_NAMES, pareto_fronts
from nasdip.report.numbers.restoration import first_and_last, psd_curves
from nasdip.report.numbers.search import diagnostic, expected_best, ranking, reward_curves, reward_series
from nasdip.report.numbers.source import SearchRun
from nasdip.report.numbers.trust import Trust
from nasdip.report.pictures import Display
from nasdip.report.text.expected import error_map, map_top
from nasdip.report.text.treatment import score_axis

# Written as PNG.
FILES = (
    "reward", "steps", "entropy", "pareto", "comparison", "residual", "uncertainty", "periodogram", "psd", "spectra",
    "bands", "curves",
)  # fmt: skip
# Shown in the report, with a text for who cannot see them.
INLINE = {
    "reward": "Reward by trial, with the best so far.",
    "steps": "Reward by step of all trials, those stopped early marked.",
    "entropy": "Entropy of the policy by trial.",
    "pareto": "PSNR of the fitted trials by their cost, with the Pareto front.",
    "periodogram": "Cumulative periodogram of the residual, with the band of white noise.",
    "psd": "Radial power spectral density of the noisy, the restored and the last image.",
    "bands": "Band correspondence by step, five bands, first and last repetition.",
    "loss": "Loss by step, with the noise variance and the step whose image was kept.",
    "score": "Score of the stopping rule by step, with the step whose image was kept.",
    "psnr": "Oracle PSNR by step, with the step whose image was kept.",
}


def search_figures(search: SearchRun, random_rewards: list[float]) -> dict[str, Figure]:
    """Draw what a search has so far; {} before its first trial ends."""
    if not search.trials:
        return {}
    random_best = expected_best(random_rewards) if random_rewards else None
    series = reward_series(search.trials)
    figures = {"reward": reward_figure(series, diagnostic(search.trials, "baseline"), random_best)}
    curves = reward_curves(search.trials)
    if curves:
        best = ranking(search.trials, 1)
        steps = search.record.settings.proxy.steps
        figures["steps"] = steps_figure(curves, best[0].trial if best else None, steps)
    entropy = diagnostic(search.trials, "policy_entropy")
    if len(entropy.trial):
        figures["entropy"] = entropy_figure(entropy, math.log(search.space.size))
    fronts = pareto_fronts(search.trials)
    if fronts:
        cost = search.record.settings.cost
        figures["pareto"] = pareto_figure(fronts, cost.ms if cost else None, PSNR_NAMES[search.reward])
    return figures


def restoration_figures(restoration: Restoration, judged: Trust, display: Display) -> dict[str, Figure]:
    """Draw a finished restoration."""
    ends = first_and_last(restoration)
    images = [("noisy", restoration.noisy), ("restored", restoration.image)]
    if restoration.clean is not None:
        images.append(("clean", restoration.clean))
    panels = spectra_panels(restoration)
    rule = restoration.config.stop
    figures = {
        "comparison": comparison_figure([(name, display.pixels(image)) for name, image in images]),
        "residual": residual_figure(judged.residual, judged.scale),
        "psd": psd_figure(psd_curves(restoration)),
        "spectra": spectra_figure(panels, *spectrum_range(panels)),
        "bands": bands_figure(ends),
        "curves": curves_figure(ends, restoration.sigma, score_axis(rule), marked=rule != FIXED),
        "loss": loss_figure(ends, restoration.sigma, marked=rule != FIXED),
    }
    if has_score(ends):
        figures["score"] = score_figure(ends, score_axis(rule))
    if restoration.expected is not None:
        errors = error_map(restoration.expected)
        figures["uncertainty"] = uncertainty_figure(errors, map_top(errors))
    if judged.whiteness is not None:
        figures["periodogram"] = periodogram_figure(judged.whiteness)
    if restoration.clean is not None:
        figures["psnr"] = psnr_figure(ends, marked=rule != FIXED)
    return figures


def spectra_panels(restoration: Restoration) -> list[tuple[str, np.ndarray]]:
    """Return the log-magnitude spectra of the noisy image, and of first and last repetition's averaged and last."""
    images = [("noisy", restoration.noisy)]
    for number, result in first_and_last(restoration):
        images += [(f"averaged, repetition {number}", result.averaged), (f"last, repetition {number}", result.last)]
    return [(name, log_spectrum(image)) for name, image in images]


def spectrum_range(panels: list[tuple[str, np.ndarray]]) -> tuple[float, float]:
    """Return the range of values that spectra are shown in: 1 % to 99.9 % of all of them."""
    values = np.concatenate([spectrum.ravel() for _, spectrum in panels])
    low, high = np.quantile(values, (0.01, 0.999))
    return float(low), float(high)
