"""Checking an experiment's configuration before NNI sees it: what NNI would hang on, freeze at or misunderstand."""

import importlib.util
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nasdip.errors import NasdipError
from nasdip.nas.backends.nni.config_file import ConfigFile, read_config, refusal
from nasdip.nas.backends.nni.config_gpus import gpu_problems
from nasdip.nas.backends.nni.config_machines import machine_problems
from nasdip.nas.backends.nni.tuner_names import tuner_names
from nasdip.space.search_space import SearchSpace

TUNERS = {f"nasdip.nas.backends.nni.tuner.{name}": searcher for name, searcher in tuner_names().items()}
ASSESSORS = {
    "nasdip.nas.backends.nni.assessor.SizeAssessor": "size",
    "nasdip.nas.backends.nni.assessor.HalvingAssessor": "halving",
    "nasdip.nas.backends.nni.assessor.MedianAssessor": "median",
}
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")
_SEPARATORS = ";&|\n"


def problems(path: Path, *, gpus: int | None = None) -> list[str]:
    """Return what is wrong with the YAML of an experiment, one line each with its fix; [] where nothing is.

    Experiments of other tuners are checked for what NNI hangs on alone.

    Parameters
    ----------
    gpus : int or None
        GPUs of this machine; None: those that NNI finds.
    """
    if importlib.util.find_spec("nni") is None:
        return ["NNI is not installed: pip install '.[nni]' in nasdip's checkout"]
    try:
        config = read_config(path)
    except NasdipError as error:
        return [str(error)]
    found = [problem for check in _CHECKS for problem in check(config)]
    if len(config.services) > 1:
        found.append("several trainingServices at once do not work with nasdip's tuners: keep one")
    for service in config.services:
        found += _service_problems(service, _number(config.canonical.trial_concurrency), gpus)
    return found or _refused_by_nni(config) or list(_searcher(config))


def _limits(config: ConfigFile) -> Iterator[str]:
    settings = config.canonical
    if _number(settings.trial_concurrency) is None:
        yield "trialConcurrency must be 1 or more: say how many trials run at once, e.g. trialConcurrency: 2"
    if settings.max_trial_number is None and settings.max_experiment_duration is None:
        yield "maxTrialNumber is missing, so the search would never end: add e.g. maxTrialNumber: 40"
    elif settings.max_trial_number is not None and _number(settings.max_trial_number) is None:
        yield "maxTrialNumber must be 1 or more: give the number of trials, e.g. maxTrialNumber: 40"
    durations = {
        "maxExperimentDuration": settings.max_experiment_duration,
        "maxTrialDuration": settings.max_trial_duration,
    }
    for name, value in durations.items():
        if value is not None and not _is_duration(value):
            yield f"{name} {value!r} is not a duration: use a number and s, m, h or d, e.g. {name}: 2h"


def _space(config: ConfigFile) -> Iterator[str]:
    inline = config.canonical.search_space
    if config.space_file is None and inline is None:
        yield "searchSpaceFile is missing: add e.g. searchSpaceFile: ../search_spaces/nas_dip.json"
    elif config.space_file is not None and not config.space_file.is_file():
        yield f"searchSpaceFile {config.space_file} does not exist: its path is relative to the folder of the YAML"
    elif _is_ours(config.canonical.tuner):
        try:
            SearchSpace.load(config.space_file) if config.space_file else SearchSpace.from_json(inline)
        except NasdipError as error:
            yield str(error)


def _command(config: ConfigFile) -> Iterator[str]:
    for service in config.services:
        command = service.trial_command
        if not isinstance(command, str) or not command.strip():
            yield "trialCommand is missing: use trialCommand: exec python -m nasdip.nas.backends.nni.trial"
        elif not _ends_with_exec(command):
            yield (
                "trialCommand must end in exec PROGRAM, else NNI stops the shell and the program lives on: "
                "e.g. trialCommand: exec python -m nasdip.nas.backends.nni.trial"
            )


def _tuner(config: ConfigFile) -> Iterator[str]:
    tuner = config.canonical.tuner
    if tuner is None:
        yield f"tuner is missing: add tuner: {{codeDirectory: .., className: {next(iter(TUNERS))}, classArgs: ...}}"
    elif _is_ours(tuner) and tuner.class_name not in TUNERS:
        yield f"there is no tuner {tuner.class_name}: use one of {', '.join(TUNERS)}"
    elif _is_ours(tuner):
        from nasdip.nas.backends.nni.setup import TunerSetup

        try:
            base = Path(str(tuner.code_directory))
            TunerSetup.from_arguments(TUNERS[tuner.class_name], _arguments(tuner), base).check()
        except NasdipError as error:
            yield f"tuner: {error}"


def _assessor(config: ConfigFile) -> Iterator[str]:
    """Check the assessor beside our tuner, whose trials report curves of one or more architectures."""
    assessor, tuner = config.canonical.assessor, config.canonical.tuner
    if assessor is None or not _is_ours(tuner):
        return
    advice = f"use {' or '.join(ASSESSORS)}"
    if _is_ours(assessor) and assessor.class_name not in ASSESSORS:
        yield f"there is no assessor {assessor.class_name}: {advice}"
    elif _is_ours(assessor):
        from nasdip.nas.backends.nni.setup import make_early_stop

        try:
            make_early_stop(ASSESSORS[assessor.class_name], _arguments(assessor))
        except NasdipError as error:
            yield f"assessor: {error}"
        if _arguments(tuner).get("children", 1) not in (0, 1):
            yield "an assessor ends a trial with all its children: set children: 1, or drop the assessor"
    elif assessor.name == "Curvefitting":
        yield f"NNI's Curvefitting assessor raises errors that hang the experiment: {advice}"
    elif assessor.name == "Medianstop":
        if _arguments(assessor).get("optimize_mode", "maximize") != "maximize":
            yield "assessor Medianstop would stop the best trials: set optimize_mode: maximize"
        if _arguments(tuner).get("children", 1) != 1:
            yield f"assessor Medianstop takes the curves of a trial's children for one: set children: 1, or {advice}"


def _searcher(config: ConfigFile) -> Iterator[str]:
    """Check what needs torch: the settings of the searcher, and the width in the search space."""
    tuner = config.canonical.tuner
    if not _is_ours(tuner):
        return
    from nasdip.nas.backends.nni.setup import TunerSetup
    from nasdip.network.build import check_width
    from nasdip.searchers.registry import make_searcher

    space = (
        SearchSpace.load(config.space_file)
        if config.space_file
        else SearchSpace.from_json(config.original.search_space)
    )
    setup = TunerSetup.from_arguments(TUNERS[tuner.class_name], _arguments(tuner), Path(str(tuner.code_directory)))
    try:
        check_width(space, setup.options.width)
        options = setup.options
        make_searcher(options.searcher, space, seed=options.seed, **options.searcher_settings)
    except (NasdipError, TypeError) as error:
        yield f"tuner: {error}"


_CHECKS: tuple[Callable[[ConfigFile], Iterator[str]], ...] = (_limits, _space, _command, _tuner, _assessor)


def _service_problems(service: Any, concurrency: int | None, gpus: int | None) -> Iterator[str]:
    if service.platform not in ("local", "remote"):
        yield f"trainingService {service.platform} was never tried with nasdip: use platform: local or remote"
        return
    if service.reuse_mode:
        yield "reuseMode: true does not work with NNI 3.0: remove it"
    if service.platform == "remote":
        yield from machine_problems(service)
    yield from gpu_problems(service, concurrency, gpus)


def _refused_by_nni(config: ConfigFile) -> list[str]:
    try:
        config.original.validate()
    except Exception as error:  # its checks raise errors of every type
        return [refusal(error)]
    return []


def _is_ours(algorithm: Any) -> bool:
    return algorithm is not None and str(algorithm.class_name).startswith("nasdip.")


def _arguments(algorithm: Any) -> dict[str, Any]:
    """Return its classArgs; {} for what is none, which NNI refuses itself."""
    return algorithm.class_args if isinstance(algorithm.class_args, dict) else {}


def _number(value: Any) -> int | None:
    """Return a count of 1 or more; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None


def _is_duration(value: Any) -> bool:
    from nni.experiment.config.utils import parse_time

    try:
        return _number(parse_time(value)) is not None
    except ValueError:
        return False


def _ends_with_exec(command: str) -> bool:
    """Whether the last simple command of a shell's command line, but for variables set for it alone, is an exec."""
    lexer = shlex.shlex(command.strip(), posix=True, punctuation_chars=_SEPARATORS + "<>")  # 2>&1 separates nothing
    lexer.whitespace = " \t\r"
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set(_SEPARATORS):
                words = []
            elif words or not _ASSIGNMENT.fullmatch(word):
                words.append(word)
    except ValueError:  # unbalanced quotes
        return False
    return len(words) > 1 and words[0] == "exec"
