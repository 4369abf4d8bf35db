"""`nasdip search`."""

import filecmp
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nasdip.cli.commands.fitting import estimate, fit_progress
from nasdip.cli.commands.restore import summary
from nasdip.console import duration, note, progress, size
from nasdip.errors import NasdipError
from nasdip.fit.device import describe as describe_device
from nasdip.fit.device import find_device
from nasdip.io.image_file import check_output, read_image, write_image
from nasdip.io.inputs import channels_last, describe, read_clean
from nasdip.io.mask_file import MaskFile
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.operators.identity import Identity
from nasdip.measurement.operators.mask import Mask
from nasdip.nas.final_fit import plan_best
from nasdip.nas.request import candidate_texts, settings_of
from nasdip.nas.runner import resume_run, run_trials, start_run
from nasdip.nas.time_limit import TimeLimit
from nasdip.nas.trial_task import centre_crop
from nasdip.nas.warm_start import left_to_score, warm_start
from nasdip.nas.worker_devices import find_worker_devices
from nasdip.options.search import settled_reward
from nasdip.options.search_request import SearchOptions, recorded
from nasdip.records.run_folder import RunFolder, RunRecord, picked_with_clean
from nasdip.records.trial_result import TrialResult
from nasdip.report.numbers.search import saved_in_words
from nasdip.report.report import write_report
from nasdip.report.text.cautions import lossy_words
from nasdip.report.text.noise import counts_words, noise_words
from nasdip.report.text.plan import announcement
from nasdip.report.text.treatment import SEARCH_STEPS_OPTION
from nasdip.restoration.run import run_restoration
from nasdip.space.search_space import SearchSpace
from nasdip.threads import use_threads

# Architectures whose cost is measured to estimate that of a search.
_SAMPLED_COSTS = 3


def search_file(
    image: Path | None,
    output: Path | None,
    given: dict[str, Any],
    *,
    space: str | None,
    clean: Path | None,
    holes: MaskFile | None,
    resume: bool,
    device: str,
) -> None:
    """Start or resume the search in `output`, fit its best architecture and write its report.

    `given` are the options (of `SearchOptions`) that were typed.
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
        _start(folder, image, space, clean, holes, SearchOptions(**given), where)
    with folder.locked():
        if resume:
            _resume(folder, image, space, clean, holes, given)
        try:
            _search(folder, where)
        except KeyboardInterrupt:
            command = shlex.join(["nasdip", "search", "--resume", "-o", str(output)])
            note(f"stopped; everything so far is in {output}. Go on with: {command}")
            raise
        _write_restored(folder)
        print(write_report(folder.path))


def _start(
    folder: RunFolder,
    image: Path | None,
    space: str | None,
    clean: Path | None,
    holes: MaskFile | None,
    options: SearchOptions,
    device: torch.device,
) -> None:
    if image is None:
        raise NasdipError("nothing to search: give an image, or -o RUN --resume to go on")
    file = read_image(image)
    target = folder.path / f"restored{image.suffix}"
    if target.resolve() == image.resolve():
        raise NasdipError(f"{image} would be overwritten: choose another folder with -o")
    check_output(image, file)  # a file of that sort, in a folder that exists
    known = None if holes is None else holes.known(file)
    loaded, settings = SearchSpace.load(space or "nas_dip"), settings_of(options, _task(known))
    clean_pixels = read_clean(clean, file)
    measurement = measurement_of(channels_last(file), known=known)
    start_run(
        folder, settings, loaded, measurement, clean_pixels, device, image=str(image),
        clean_image=None if clean is None else str(clean), input_file=image,
    )  # fmt: skip
    assert measurement.noise is not None  # `measurement_of` finds it
    found = f"{describe(file)}. {noise_words(measurement.noise)}{counts_words(measurement.noise, file)}"
    note(" ".join(filter(None, (found, lossy_words(str(image))))))


def _task(known: np.ndarray | None) -> str:
    """Return the task of a picture, as the zoo calls it."""
    return Identity.task if known is None else Mask.task


def _resume(
    folder: RunFolder,
    image: Path | None,
    space: str | None,
    clean: Path | None,
    holes: MaskFile | None,
    given: dict[str, Any],
) -> None:
    record = folder.record()
    flat = recorded(record.settings)
    asked = {name: value for name, value in given.items() if name != "trials" and value is not None}
    if "candidates" in asked:
        asked["candidates"] = list(candidate_texts(asked["candidates"]))
    for key, value in asked.items():
        if value != flat[key]:
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
    if holes is not None:
        _check_mask(folder, holes)
    resume_run(folder, trials=given.get("trials"))


def _check_mask(folder: RunFolder, holes: MaskFile) -> None:
    kept, known = folder.input_file, folder.mask()
    if kept is None or known is None or not np.array_equal(holes.known(read_image(kept)), known):
        raise NasdipError(f"the run in {folder.path} has another mask than {holes.path}: leave it out to resume")


def _search(folder: RunFolder, device: torch.device) -> None:
    settings = folder.record().settings
    missing = folder.missing()
    done = settings.trials - len(missing)
    limit = TimeLimit.of(folder)
    worker_devices = _announce(folder, missing, device) if missing else []
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
            at_once = f"{len(worker_devices)} at once, " if len(worker_devices) > 1 else ""
            # The reward of a stopped trial may be of a smaller crop: beside the best it would mislead.
            last = f"{result.reward:.2f} dB" if result.status in ("ok", "repeated") else result.status
            show(done, f"{at_once}last {last}, best {words}")

        trials = run_trials(folder, device, notify, worker_devices=worker_devices, limit=limit)
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
    worker_devices = find_worker_devices(folder, device, memory)
    seconds = sum(cost.seconds(config.steps) for cost in costs) / len(costs) * len(missing) / len(worker_devices)
    which = f"{_which(missing)}, {_at_once(settings.parallel or 1, len(missing), len(worker_devices))}"
    first = "; a smaller fit comes first" if settings.early_stop.rule == "size" else ""
    limit = settings.budget
    budget = "" if limit is None else f"; no more trials than leave the last fit its time within {duration(limit)}"
    note(
        f"searching {space.name} ({space.size:.3g} architectures) with {settings.searcher}: {which}each {config.steps} "
        f"steps on {crop.shape[0]}x{crop.shape[1]} px at width {proxy.width}, or less{first}; on {where}, at most "
        f"about {duration(seconds)} and {size(memory * len(worker_devices))}{budget}\n{_reward_words(record)}"
        + (f"; first {left_to_score(folder)} architectures are scored without a fit" if left_to_score(folder) else "")
    )
    return worker_devices


def _reward_words(record: RunRecord) -> str:
    """Return what the trials of a run are rewarded by, in words."""
    words = {
        "clean": "PSNR against the clean image: what it picks is oracle",
        "estimate": "PSNR, estimated without a clean image: by held-out pixels and the nearness to non-local Bayes",
        "heldout": "PSNR against the noisy image, on held-out pixels",
    }
    reward = settled_reward(record.settings, record.clean is not None)
    # The noise of a held-out pixel can then be guessed from those around it.
    misled = reward == "heldout" and not find_kind(record.kind or "gaussian").is_white
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
    best, made, place = final
    origin = ", picked with the clean image: oracle" if picked_with_clean(folder.record()) else ""
    note(f"best: {best.architecture} (trial {best.trial}, {best.reward:.2f} dB{origin}); anew for the whole image")
    steps = made.task.config.steps
    usual = folder.record().settings.final.steps
    if limit is not None and usual is not None and steps < usual:
        note(f"budget: the last fit has at most {steps} of {usual} steps")
    elif limit is not None and limit.is_short(made, place):
        note("budget: the last fit is likely to take longer; it is not cut, since the restored picture would lose")
    note(announcement(made, place))
    with fit_progress("final fit", made.repeats, steps, made.tiles.fits, made.done) as show:
        restoration = run_restoration(made, place, show)
    note(summary(restoration, SEARCH_STEPS_OPTION, folder.record().image))


def _write_restored(folder: RunFolder) -> None:
    """Write the restored picture like the copy of the input file that the run keeps."""
    if folder.record().settings.final.steps == 0 or folder.input_file is None:
        return
    path = folder.path / f"restored{folder.input_file.suffix}"
    write_image(path, folder.final.read().image, like=read_image(folder.input_file))
    print(path)
