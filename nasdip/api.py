"""The Python functions: arrays in, arrays out, after scikit-image's conventions."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.fit.device import find_device
from nasdip.fit.stopping.automatic import choose_stop
from nasdip.measurement.measure import observe
from nasdip.nas.runner import fit_best, resume_run, run_trials, start_run
from nasdip.nas.time_limit import TimeLimit
from nasdip.options.early_stop import DEFAULT_RULE, EarlyStop
from nasdip.options.quality import find_quality
from nasdip.options.recipes import DEFAULT, find_recipe
from nasdip.options.search import (
    CostTarget,
    FinalSettings,
    ProxySettings,
    SearchSettings,
    default_budget,
    default_warm_start,
)
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult
from nasdip.restoration.budget import check_budget, pick
from nasdip.restoration.run import carry_out, plan_restoration
from nasdip.restoration.task import Task, make_task
from nasdip.restoration.tile_choice import fitted_size, parse_tile
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace
from nasdip.zoo.catalog import find_architecture
from nasdip.zoo.front import zoo_front


def restore(
    image: np.ndarray,
    *,
    channel_axis: int | None = None,
    architecture: str | Architecture | None = None,
    budget: float | None = None,
    recipe: str = DEFAULT,
    quality: str | None = None,
    steps: int | None = None,
    repeats: int | None = None,
    refine: bool | None = None,
    sigma: float | None = None,
    stop: str | None = None,
    width: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str | None = None,
    tile: int | Literal["auto", "off"] = "auto",
) -> np.ndarray:
    """Restore one noisy image by fitting an untrained network to it (Deep Image Prior).

    Parameters
    ----------
    image : ndarray
        (H, W), or with channels along `channel_axis`; at least 16x16 px. Integers are scaled to [0, 1] by their
        type's range; floats are taken as they are.
    channel_axis : int or None
        Axis of the channels; None for a grey image.
    architecture : str or Architecture, optional
        A name of the zoo, a JSON file, the folder of a search, or a text; default: the best known for denoising.
    budget : float, optional
        Seconds that the whole restoration may take on this machine, by an estimate that counts all steps: picks the
        best of the zoo's measured architectures that takes no longer; where none does, the cheapest with fewer steps,
        from 50 on. Not together with `architecture`.
    recipe : {"fast", "published"}
        How to fit: see `nasdip.options.recipes`. published: as published for denoising, many times slower.
    quality : {"fast", "balanced", "best"}, optional
        Presets of `repeats` and `refine`: one, three or eight fits; see `nasdip.options.quality`. Default: fast.
    steps : int, optional
        Most optimiser steps of each fit. Default: the recipe's for an image of that size.
    repeats : int, optional
        Fits with different seeds, whose images are averaged. More = better, and as many times slower.
    refine : bool, optional
        Whether the fits are improved by non-local Bayes, where the noise allows it (`nasdip.restoration.combination`).
    sigma : float, optional
        Noise level in 8-bit units (25 means 25/255); estimated by default.
    stop : str, optional
        The rule that ends a fit and chooses its image: reference, heldout, sure, whiteness, es-wmv, fixed, or auto
        (what suits the noise). Default: the recipe's (auto; published: fixed).
    width : int, optional
        Channels of every level; default the recipe's. Smaller = faster and smoother.
    seed : int
        The same seed gives the same image on the same machine's CPU.
    device : str
        auto, cpu, cuda or cuda:N.
    precision : {"fp32", "bf16", "auto"}, optional
        Of the network's maps; bf16 takes less memory, and less time where the device multiplies it, where auto
        takes it. Default: the recipe's (auto; published: fp32).
    tile : int, "auto" or "off"
        Largest side (px) of the overlapping tiles that an image is fitted in; auto: the whole image if it fits into
        the memory that is free, else the tiles that do and are done first; off: the whole image.

    Returns
    -------
    ndarray
        Float32, of the image's shape and (after scaling integers) range.

    Raises
    ------
    NasdipError
        (A ValueError) for bad input, in one line.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, CVPR 2018.

    Examples
    --------
    >>> import nasdip, skimage
    >>> from nasdip.measurement.add_noise import add_noise
    >>> clean = skimage.util.img_as_float32(skimage.data.astronaut()[96:128, 208:240])
    >>> noisy = add_noise(clean, sigma=25, seed=0)
    >>> restored = nasdip.restore(noisy, channel_axis=-1, steps=20, width=8)
    >>> restored.shape
    (32, 32, 3)
    """
    check_budget(budget, architecture)
    pixels = _channels_last(image, channel_axis)
    way, choice = find_recipe(recipe), parse_tile(str(tile))
    observation, _ = observe(pixels, sigma)
    rule = choose_stop(stop or way.config.stop, observation)
    effort = find_quality(quality, recipe=recipe, repeats=repeats, refine=refine)

    def make(fitted: Architecture, most: int | None = None) -> Task:
        size, limit = fitted_size(pixels.shape, choice), steps if most is None else most
        config = way.settings(*size, steps=limit, precision=precision, stop=rule)
        where = find_device(device)
        return make_task(
            observation, fitted, config, width=width or way.width, seed=seed, device=where, refine=effort.refine
        )

    if budget is None:
        task = make(architecture if isinstance(architecture, Architecture) else find_architecture(architecture))
        plan = plan_restoration(task, repeats=effort.repeats, tile=choice)
    else:
        task, plan, *_ = pick(budget, zoo_front(), make, repeats=effort.repeats, tile=choice)
    return _as_given(carry_out(task, plan).image, channel_axis)


class SearchResult(NamedTuple):
    """What a search found."""

    architecture: Architecture  # the best
    reward: float  # its reward, dB
    image: np.ndarray | None  # the restored image, of the input's shape; None without a final fit
    trials: list[TrialResult]


def search(
    image: np.ndarray,
    *,
    channel_axis: int | None = None,
    clean: np.ndarray | None = None,
    space: str | Path | Mapping[str, Any] | SearchSpace = "nas_dip",
    searcher: str = "reinforce",
    trials: int | None = None,
    budget: float | None = None,
    crop: int | None = 96,
    width: int = 32,
    steps: int = 600,
    threads: int | None = None,
    parallel: int | None = None,
    final_steps: int | None = None,
    final_width: int | None = None,
    repeats: int | None = None,
    early_stop: Literal["none", "size", "halving", "median"] = DEFAULT_RULE,
    target_ms: float | None = None,
    cost_weight: float = 1.0,
    candidates: Sequence[str | Architecture] | None = None,
    warm_start: int | None = None,
    seed: int = 0,
    device: str = "auto",
    run: str | Path | None = None,
    resume: bool = False,
) -> SearchResult:
    """Search an architecture for one noisy image, then fit the best to it.

    Parameters
    ----------
    image, channel_axis, seed, device
        As for `restore`.
    clean : ndarray, optional
        Makes the reward the PSNR against it; without it, an estimate of that.
    space : str, Path, mapping or SearchSpace
        A JSON file, its content, or the name of a space that nasdip ships: nas_dip, nas_dip_extended, tiny.
    searcher : {"reinforce", "evolution", "random"}
        What proposes architectures.
    trials : int, optional
        Most architectures to try. Default: 24.
    budget : float, optional
        Seconds of all: fewer trials, and then a shorter last fit, keep it where that can be. How many there are then
        depends on the machine. Default: 600, and none where `trials`, `final_steps` or `repeats` are given.
    crop, width, steps : int
        The proxy of a trial: side of the centre crop (px; None for the whole image), channels, optimiser steps.
    threads : int, optional
        CPU threads of a trial: by default its share of all. Rewards depend on it by rounding (tenths of a dB).
    parallel : int, optional
        Trials at once, in processes of their own where there are several. By default what threads, GPUs and the
        sizes suggest; the same number gives the same search, whatever the timing.
    final_steps, final_width, repeats : int, optional
        The fit of the best architecture to the whole image, by default as `restore` does it; final_steps of 0 leaves
        it out.
    early_stop : {"none", "size", "halving", "median"}
        Rule that ends poor trials early: see `nasdip.options.early_stop`. size: each fits a smaller crop first.
    target_ms, cost_weight : float
        The reward loses `cost_weight` dB for each doubling of the time of a trial's step beyond `target_ms`
        milliseconds; by default nothing, whatever that is.
    candidates : sequence of str or Architecture, optional
        Architectures that are tried first, as for `restore`. Default: the best known for denoising.
    warm_start : int, optional
        Architectures that are scored without a fit before the first trial, for the searcher reinforce. Default: 400,
        and none for other searchers.
    run : str or Path, optional
        Folder that keeps everything (for `nasdip report`); none is kept by default.
    resume : bool
        Go on with the search in `run`, with its own image and settings; `trials` may be more.

    Returns
    -------
    SearchResult

    Raises
    ------
    NasdipError
        (A ValueError) for bad input, in one line.

    Examples
    --------
    >>> import nasdip, skimage
    >>> from nasdip.measurement.add_noise import add_noise
    >>> noisy = add_noise(skimage.util.img_as_float32(skimage.data.camera()[:32, :32]), sigma=25)
    >>> found = nasdip.search(noisy, space="tiny", trials=2, crop=16, width=16, steps=5, final_steps=5, final_width=16)
    >>> found.image.shape, len(found.trials)
    ((32, 32), 2)
    """
    where = find_device(device)
    if resume and run is None:
        raise NasdipError("nothing to resume: give the folder of the search as run")
    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(Path(temporary if run is None else run))
        if not resume:
            settings = SearchSettings(
                searcher=searcher,
                trials=SearchSettings.trials if trials is None else trials,
                budget=default_budget(trials, final_steps, repeats) if budget is None else budget,
                seed=seed,
                parallel=parallel,
                proxy=ProxySettings(crop, width, steps, threads=threads),
                final=FinalSettings(final_steps, final_width, 1 if repeats is None else repeats),
                early_stop=EarlyStop(early_stop),
                cost=None if target_ms is None else CostTarget(target_ms, cost_weight),
                candidates=_texts([None] if candidates is None else candidates),
                warm_start=default_warm_start(searcher) if warm_start is None else warm_start,
            )
            pixels = _channels_last(image, channel_axis)
            clean_pixels = None if clean is None else _channels_last(clean, channel_axis)
            start_run(folder, settings, _as_space(space), pixels, clean_pixels, where)
        folder.record()  # there must be a run
        with folder.locked():
            if resume:
                resume_run(folder, trials=trials)
            limit = TimeLimit.of(folder)
            results = run_trials(folder, where, limit=limit)
            restoration = fit_best(folder, where, limit=limit)
        best = folder.best()
        if best is None:
            raise NasdipError(f"none of the {len(results)} trials succeeded, the last with: {results[-1].error}")
    restored = None if restoration is None else _as_given(restoration.image, channel_axis)
    return SearchResult(Architecture.from_text(best.architecture), best.reward, restored, results)


def _texts(candidates: Sequence[str | Architecture | None]) -> tuple[str, ...]:
    return tuple(str(c if isinstance(c, Architecture) else find_architecture(c)) for c in candidates)


def _as_space(space: str | Path | Mapping[str, Any] | SearchSpace) -> SearchSpace:
    if isinstance(space, SearchSpace):
        return space
    return SearchSpace.from_json(space) if isinstance(space, Mapping) else SearchSpace.load(space)


def _channels_last(image: np.ndarray, channel_axis: int | None) -> np.ndarray:
    image = np.asarray(image)
    if image.dtype.name not in ("bool", "uint8", "uint16") and not np.issubdtype(image.dtype, np.floating):
        raise NasdipError(f"images of {image.dtype} have no known range: give bool, uint8, uint16 or floats in [0, 1]")
    expected = 2 if channel_axis is None else 3
    if image.ndim != expected:
        hint = "give channel_axis" if channel_axis is None else "give one image, with one channel axis"
        raise NasdipError(f"an image of shape {image.shape} has {image.ndim} axes, not {expected}: {hint}")
    if channel_axis is not None and not -3 <= channel_axis < 3:
        raise NasdipError(f"channel_axis {channel_axis} is not an axis of an image of shape {image.shape}: use -1")
    pixels = img_as_float32(image)
    return pixels[..., None] if channel_axis is None else np.moveaxis(pixels, channel_axis, -1)


def _as_given(pixels: np.ndarray, channel_axis: int | None) -> np.ndarray:
    return pixels[..., 0] if channel_axis is None else np.moveaxis(pixels, -1, channel_axis)
