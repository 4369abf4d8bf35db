"""`nasdip search`."""

import filecmp
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nasdip.cli.commands.fitting import announcement, estimate, fit_progress
from nasdip.cli.commands.restore import summary
from nasdip.console import duration, note, progress, size
from nasdip.errors import NasdipError
from nasdip.fit.device import describe as describe_device
from nasdip.fit.device import find_device
from nasdip.io.image_file import check_output, read_image, write_image
from nasdip.io.inputs import channels_last, describe, read_clean
from nasdip.measurement.measure import observe
from nasdip.nas.final_fit import plan_best
from nasdip.nas.runner import resume_run, run_trials, start_run
from nasdip.nas.time_limit import TimeLimit
from nasdip.nas.trial_task import centre_crop
from nasdip.nas.warm_start import left_to_score, warm_start
from nasdip.nas.worker_devices import find_places
from nasdip.options.early_stop import DEFAULT_RULE, EarlyStop
from nasdip.options.search import (
    CostTarget,
    FinalSettings,
    ProxySettings,
    SearchSettings,
    default_budget,
    default_warm_start,
    settled_reward,
)
from nasdip.records.run_folder import RunFolder, RunRecord, picked_with_clean
from nasdip.records.trial_result import TrialResult
from nasdip.report.numbers.search import saved_in_words
from nasdip.report.report import write_report
from nasdip.report.text.cautions import lossy_words
from nasdip.report.text.treatment import SEARCH_STEPS_OPTION
from nasdip.restoration.budget import parse_budget
from nasdip.restoration.run import carry_out
from nasdip.space.search_space import SearchSpace
from nasdip.threads import use_threads
from nasdip.zoo.catalog import find_architecture

# Architectures whose cost is measured to estimate that of a search.
_SAMPLED_COSTS = 3


def search_file(
    image: Path | None,
    output: Path | None,
    *,
    space: str | None,
    clean: Path | None,
    resume: bool,
    device: str,
    options: dict[str, Any],
) -> None:
    """Start or resume the search in `output`, fit its best architecture and write its report.

    `options` are those given on the command line, None for the others.
    """
    where = find_device(device)
    if output is None:
        if image is None:
            raise NasdipError("nothing to search: give an image, or -o RUN --resume to go on")
        output = Path("runs") / image.stem
    folder = RunFolder(output)
    if resume:
        folder.record()  # there must be a run
    else:
        _start(folder, image, space, clean, options, where)
    with folder.locked():
        if resume:
            _resume(folder, image, space, clean, options)
        try:
            _search(folder, where)
        except KeyboardInterrupt:
            command = shlex.join(["nasdip", "search", "--resume", "-o", str(output)])
            note(f"stopped; everything so far is in {output}. Go on with: {command}")
            raise
        _write_restored(folder)
        print(write_report(folder.path))


def make_settings(options: dict[str, Any]) -> SearchSettings:
    """Return the settings that the options given on the command line ask for."""
    given = {key: value for key, value in options.items() if value is not None}
    if "crop" in given:
        given["crop"] = given["crop"] or None
    proxy = {key: given.pop(key) for key in ("crop", "width", "steps", "threads") if key in given}
    final = {
        key.removeprefix("final_"): given.pop(key) for key in ("final_steps", "final_width", "repeats") if key in given
    }
    lengths = (given.get("trials"), final.get("steps"), final.get("repeats"))
    given["budget"] = parse_budget(given["budget"]) if "budget" in given else default_budget(*lengths)
    given["early_stop"] = EarlyStop(given.get("early_stop", DEFAULT_RULE))
    given["parallel"] = _parallel(given.get("parallel"))
    given["cost"] = _cost(given.pop("target_ms", None), given.pop("cost_weight", None))
    given["candidates"] = _candidates(given.get("candidates"))
    given.setdefault("warm_start", default_warm_start(given.get("searcher", SearchSettings.searcher)))
    return SearchSettings(**given, proxy=ProxySettings(**proxy), final=FinalSettings(**final))


def _cost(target_ms: float | None, weight: float | None) -> CostTarget | None:
    """Return what --target-ms and --cost-weight ask for."""
    if target_ms is None:
        if weight is not None:
            raise NasdipError("--cost-weight needs a target: give --target-ms as well")
        return None
    return CostTarget(target_ms) if weight is None else CostTarget(target_ms, weight)


def _candidates(given: list[str] | None) -> tuple[str, ...]:
    """Return the text forms of what --candidate names: the zoo's default where it is not given."""
    if given == ["none"]:
        return ()
    names: list[str | None] = [*given] if given else [None]
    return tuple(str(find_architecture(name)) for name in names)


def _parallel(text: str | None) -> int | None:
    """Return the number that --parallel gives; None for auto."""
    if text is None or text == "auto":
        return None
    if not text.isdecimal():
        raise NasdipError(f"--parallel is '{text}': use a whole number from 1, or auto")
    return int(text)


def _start(
    folder: RunFolder,
    image: Path | None,
    space: str | None,
    clean: Path | None,
    options: dict[str, Any],
    device: torch.device,
) -> None:
    if image is None:
        raise NasdipError("nothing to search: give an image, or -o RUN --resume to go on")
    file = read_image(image)
    target = folder.path / f"restored{image.suffix}"
    if target.resolve() == image.resolve():
        raise NasdipError(f"{image} would be overwritten: choose another folder with -o")
    check_output(image, file)  # a file of that sort, in a folder that exists
    settings, loaded = make_settings(options), SearchSpace.load(space or "nas_dip")
    clean_pixels = read_clean(clean, file)
    observation, found = observe(channels_last(file))
    start_run(
        folder, settings, loaded, observation.pixels, clean_pixels, device, observation=observation, image=str(image),
        clean_image=None if clean is None else str(clean), input_file=image,
    )  # fmt: skip
    note(" ".join(filter(None, (f"{describe(file)}.", found.words, lossy_words(str(image))))))


def _resume(
    folder: RunFolder, image: Path | None, space: str | None, clean: Path | None, options: dict[str, Any]
) -> None:
    record = folder.record()
    merged = record.settings.to_json()
    flat = {**merged, **merged["proxy"], **{f"final_{k}": v for k, v in merged["final"].items()}}
    flat["repeats"] = merged["final"]["repeats"]
    flat["early_stop"] = merged["early_stop"]["rule"]
    flat["crop"] = flat["crop"] or 0
    cost = record.settings.cost
    flat |= {"target_ms": cost and cost.ms, "cost_weight": cost and cost.weight}
    asked = {**options, "parallel": _parallel(options["parallel"]), "budget": parse_budget(options["budget"])}
    if options["candidates"] is not None:
        asked["candidates"] = _candidates(options["candidates"])
    for key, value in asked.items():
        if key != "trials" and value is not None and value != flat[key]:
            name = key.replace("_", "-")
            raise NasdipError(f"the run in {folder.path} has --{name} {flat[key]}, not {value}: leave it out to resume")
    kept = folder.input_file
    if image is not None and (kept is None or not filecmp.cmp(image, kept, shallow=False)):
        raise NasdipError(f"the run in {folder.path} has another image ({record.image}): leave it out to resume")
    if clean is not None and str(clean) != record.clean:
        had = f"with the clean image {record.clean}" if record.clean else "without a clean image"
        raise NasdipError(f"the run in {folder.path} was started {had}: leave --clean out to resume")
    if space is not None and SearchSpace.load(space).to_json() != folder.space().to_json():
        raise NasdipError(f"the run in {folder.path} has another search space than {space}: leave it out to resume")
    resume_run(folder, trials=options["trials"])


def _search(folder: RunFolder, device: torch.device) -> None:
    settings = folder.record().settings
    missing = folder.missing()
    done = settings.trials - len(missing)
    limit = TimeLimit.of(folder)
    places = _announce(folder, missing, device) if missing else []
    if missing and left_to_score(folder):
        with progress("warm start", left_to_score(folder)) as show:
            warm_start(folder, show)
    with progress("search", settings.trials, done) as show:
        best = folder.best()

        def notify(result: TrialResult) -> None:
            nonlocal best, done
            done += 1
            if result.status == "ok" and (best is None or result.reward > best.reward):
                best = result
            words = "none yet" if best is None else f"{best.reward:.2f} dB"
            at_once = f"{len(places)} at once, " if len(places) > 1 else ""
            # The reward of a stopped trial may be of a smaller crop: beside the best it would mislead.
            last = f"{result.reward:.2f} dB" if result.status in ("ok", "repeated") else result.status
            show(done, f"{at_once}last {last}, best {words}")

        trials = run_trials(folder, device, notify, places=places, limit=limit)
    saved = saved_in_words(trials, settings.proxy.steps)
    if saved is not None:
        note(f"early stopping: {saved}")
    if len(trials) < settings.trials:
        note(f"budget: {len(trials)} of {settings.trials} trials, so that the last fit has its time")
    _fit_best(folder, device, limit)


def _announce(folder: RunFolder, missing: list[int], device: torch.device) -> list[str]:
    """Tell what the search will do, where, and what it will cost; return the devices of its processes."""
    record, space, (noisy, _) = folder.record(), folder.space(), folder.images()
    settings, proxy = record.settings, record.settings.proxy
    crop = noisy if proxy.crop is None else centre_crop(noisy, proxy.crop)
    config = proxy.config
    rng = np.random.default_rng(0)
    with use_threads(proxy.threads):
        costs = [estimate(space.sample(rng), crop.shape, config, proxy.width, device) for _ in range(_SAMPLED_COSTS)]
        where = describe_device(device)
    memory = max(cost.memory for cost in costs)
    places = find_places(folder, device, memory)
    seconds = sum(cost.seconds(config.steps) for cost in costs) / len(costs) * len(missing) / len(places)
    which = f"{_which(missing)}, {_at_once(settings.parallel or 1, len(missing), len(places))}"
    first = "; a smaller fit comes first" if settings.early_stop.rule == "size" else ""
    limit = settings.budget
    budget = "" if limit is None else f"; no more trials than leave the last fit its time within {duration(limit)}"
    note(
        f"searching {space.name} ({space.size:.3g} architectures) with {settings.searcher}: {which}each {config.steps} "
        f"steps on {crop.shape[0]}x{crop.shape[1]} px at width {proxy.width}, or less{first}; on {where}, at most "
        f"about {duration(seconds)} and {size(memory * len(places))}{budget}\n{_reward_words(record)}"
        + (f"; first {left_to_score(folder)} architectures are scored without a fit" if left_to_score(folder) else "")
    )
    return places


def _reward_words(record: RunRecord) -> str:
    """Return what the trials of a run are rewarded by, in words."""
    words = {
        "clean": "PSNR against the clean image: what it picks is oracle",
        "estimate": "PSNR, estimated without a clean image: by held-out pixels and the nearness to non-local Bayes",
        "heldout": "PSNR against the noisy image, on held-out pixels",
    }
    reward = settled_reward(record.settings, record.clean is not None)
    # The noise of a held-out pixel can then be guessed from those around it.
    misled = reward == "heldout" and record.kind == "correlated"
    cost = record.settings.cost
    less = f", less {cost.weight:g} dB for each doubling of a step beyond {cost.ms:g} ms" if cost else ""
    return f"reward: {words[reward]}{less}" + ("; the noise is correlated, which may mislead it" if misled else "")


def _which(missing: list[int]) -> str:
    """Return the trials that will be run, in words."""
    first, last = missing[0], missing[-1]
    done = last - first + 1 - len(missing)
    return f"trials {first} to {last}" + (f" ({done} of them done)" if done else "")


def _at_once(asked: int, trials: int, processes: int) -> str:
    """Return how many trials are run at once, in words, and why not as many as were asked for."""
    if asked == 1:
        return ""
    cause = "there is memory for no more" if processes < min(asked, trials) else "there are no more trials"
    fewer = f" ({asked} asked for: {cause})" if processes < asked else ""
    return f"{processes} at once{fewer}, "


def _fit_best(folder: RunFolder, device: torch.device, limit: TimeLimit | None) -> None:
    final = plan_best(folder, device, limit)
    if final is None:
        return
    best, task, plan, place = final
    origin = ", picked with the clean image: oracle" if picked_with_clean(folder.record()) else ""
    note(f"best: {best.architecture} (trial {best.trial}, {best.reward:.2f} dB{origin}); anew for the whole image")
    steps = task.config.steps
    usual = folder.record().settings.final.steps
    if limit is not None and usual is not None and steps < usual:
        note(f"budget: the last fit has at most {steps} of {usual} steps")
    elif limit is not None and limit.is_short(task, plan, place):
        note("budget: the last fit is likely to take longer; it is not cut, since the restored picture would lose")
    note(announcement(task, plan, place))
    with fit_progress("final fit", plan.repeats, steps, plan.tiles.fits, plan.done) as show:
        restoration = carry_out(task, plan, place, show)
    note(summary(restoration, SEARCH_STEPS_OPTION, folder.record().image))


def _write_restored(folder: RunFolder) -> None:
    """Write the restored picture like the copy of the input file that the run keeps."""
    if folder.record().settings.final.steps == 0 or folder.input_file is None:
        return
    path = folder.path / f"restored{folder.input_file.suffix}"
    write_image(path, folder.final.read().image, like=read_image(folder.input_file))
    print(path)
