"""What the report tells of how the run was made, and how to repeat it."""

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from nasdip.console import duration
from nasdip.options.early_stop import EarlyStop
from nasdip.options.fit import FitConfig
from nasdip.records.run_folder import RunRecord
from nasdip.report.numbers.run_state import run_state
from nasdip.report.numbers.search import ranking
from nasdip.report.numbers.service import Service
from nasdip.report.numbers.source import Source
from nasdip.report.text.service import jobs_in_words
from nasdip.report.text.treatment import quality_words
from nasdip.report.text.words import counted, thousands
from nasdip.space.search_space import SearchSpace

_PACKAGES = ("nasdip", "python", "torch", "numpy", "scikit-image", "nni")
_MOST_OPTIONS = 8
_SETTINGS = {"stop": "stopping rule"}


class Command(NamedTuple):
    """A command line, and what it does."""

    purpose: str
    line: str


class Start(NamedTuple):
    """One start of the run: when, by which command, with which versions, on what."""

    started: str
    command: str
    versions: str
    machine: str


class RunSection(NamedTuple):
    """Starts, settings as (group, [(name, value)]), commands."""

    starts: list[Start]
    settings: list[tuple[str, list[tuple[str, str]]]]
    commands: list[Command]


def run_section(source: Source) -> RunSection:
    """Collect provenance, settings and commands."""
    provenance = list(source.search.record.provenance) if source.search else []
    if source.fit is not None and not source.search:
        provenance.append(source.fit.record["provenance"])
    return RunSection([_start(entry) for entry in provenance], _settings(source), _commands(source, provenance))


def best_architecture(source: Source) -> str | None:
    """Return the text form of the search's best architecture so far, or of the one that was restored with."""
    if source.search is not None:
        best = ranking(source.search.trials, 1)
        return str(best[0].architecture) if best else None
    return str(source.fit.record["settings"]["architecture"]) if source.fit else None


def _start(entry: Mapping[str, Any]) -> Start:
    versions = ", ".join(f"{name} {entry[name]}" for name in _PACKAGES if entry.get(name))
    cores = f", {entry['cores']} cores" if entry.get("cores") else ""
    machine = f"{entry.get('processor', 'unknown processor')}{cores}, {entry.get('system', 'unknown system')}"
    return Start(str(entry.get("started", "unknown")), shlex.join(entry.get("command", [])), versions, machine)


def _settings(source: Source) -> list[tuple[str, list[tuple[str, str]]]]:
    groups = _search_settings(source) if source.search else []
    restoration = source.restoration
    if restoration is not None:
        facts = {
            "architecture": str(restoration.architecture),
            "width": restoration.width,
            "parameters": thousands(restoration.parameters),
            "quality": quality_words(restoration),
            "repetitions": len(restoration.repetitions),
            "seed": restoration.seed,
            "device": restoration.device,
            "tiles": "none: the whole image" if restoration.tiling is None else str(restoration.tiling),
            "time": duration(restoration.seconds),
            "noise": f"{restoration.kind}, level {restoration.sigma:.1f} (8-bit units)",
            **{_SETTINGS.get(key, key.replace("_", " ")): v for key, v in restoration.config.to_json().items()},
            "average": _average(restoration.config),
        }
        groups.append(("Final fit" if source.search else "Fit", _pairs(facts)))
    return groups


def _average(config: FitConfig) -> str:
    weight = f"{config.average_weight:g}"
    return f"at most {weight}, over the last {config.average_span:.0%} of the steps" if config.average_span else weight


def _search_settings(source: Source) -> list[tuple[str, list[tuple[str, str]]]]:
    assert source.search is not None
    record, space = source.search.record, source.search.space
    settings = record.settings
    crop = "whole image" if settings.proxy.crop is None else f"{settings.proxy.crop} px"
    return [
        ("Search", _pairs(_search_facts(record))),
        *_service_settings(source.search.service),
        ("Proxy fit of a trial", _pairs({**vars(settings.proxy), "crop": crop})),
        *([("Final fit, as planned", _pairs(vars(settings.final)))] if settings.final.steps != 0 else []),
        (f"Search space “{space.name}”", [("architectures", thousands(space.size)), *_space_entries(space)]),
    ]


def _service_settings(service: Service | None) -> list[tuple[str, list[tuple[str, str]]]]:
    if service is None:
        return []
    facts = {
        "experiment": service.experiment,
        "jobs at a time": service.concurrency,
        "trials of a job": service.children,
        "jobs": jobs_in_words(service),
        "portal": f"port {service.port}" if service.port else None,
    }
    return [("NNI", _pairs(facts))]


def _space_entries(space: SearchSpace) -> list[tuple[str, str]]:
    skips = [decision for decision in space.decisions if decision.name.startswith("skip_dec")]
    entries = [(decision.name, _options(decision.options)) for decision in space.decisions if decision not in skips]
    if skips:
        entries.append(("skips", f"{counted(len(skips), 'place')}, each 0 or 1"))
    return entries


def _search_facts(record: RunRecord) -> dict[str, Any]:
    settings = record.settings
    clean = record.clean if record.clean is not None else "none given"
    return {
        "image": record.image,
        "clean image": clean,
        "estimated noise level": f"{record.sigma:.1f} (8-bit units)",
        "searcher": settings.searcher,
        **{key.replace("_", " "): value for key, value in settings.searcher_settings.items()},
        "reward": settings.reward,
        "trials": settings.trials,
        **({"budget": duration(settings.budget)} if settings.budget is not None else {}),
        **({"trials at once": settings.parallel} if (settings.parallel or 1) > 1 else {}),
        "early stopping": _early_stopping(settings.early_stop),
        "seed": settings.seed,
        "device": record.device,
    }


def _early_stopping(rule: EarlyStop) -> str:
    if rule.rule == "none":
        return "none"
    if rule.rule == "size":
        return f"size: a smaller fit first, best 1/{rule.share} go on, once {rule.trials} other trials had one"
    factor = f", best 1/{rule.share} go on" if rule.rule == "halving" else ""
    return f"{rule.rule}, from {100 * rule.first:g} % of the steps{factor}, once {rule.trials} other trials came as far"


def _options(options: tuple[str | int, ...]) -> str:
    shown = ", ".join(str(option) for option in options[:_MOST_OPTIONS])
    rest = len(options) - _MOST_OPTIONS
    return shown + (f", and {rest} more" if rest > 0 else "")


def _pairs(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, _value(value)) for name, value in facts.items()]


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _commands(source: Source, provenance: list[dict[str, Any]]) -> list[Command]:
    service = source.search.service if source.search else None
    commands = _own_commands(source, provenance) if service is None else _service_commands(source, service)
    architecture = best_architecture(source)
    if architecture is not None:
        image = source.image or "IMAGE"
        restore = ["nasdip", "restore", image, "--architecture", service.name if service else architecture]
        commands.append(Command("Restore an image with this architecture", shlex.join(restore)))
    commands.append(Command("Cite the methods behind this run", "nasdip cite"))
    return commands


def _own_commands(source: Source, provenance: list[dict[str, Any]]) -> list[Command]:
    """Return how the run was started from the command line, and how it goes on."""
    if not provenance or not provenance[0].get("command"):
        return []
    commands = [Command("The command of this run", shlex.join(provenance[0]["command"]))]
    if source.search and run_state(source).kind == "stopped":
        resume = ["nasdip", "search", "--resume", "-o", str(source.folder)]
        commands.append(Command("Go on with this run", shlex.join(resume)))
    return commands


def _service_commands(source: Source, service: Service) -> list[Command]:
    """Return how an experiment is watched, ended and resumed."""
    commands = [Command("How far is it?", shlex.join(["nasdip", "status", service.name]))]
    if service.alive:
        stop = f"nasdip nnictl stop {service.experiment}"
        commands.append(Command("End the experiment, and close its portal", stop))
    if run_state(source).kind == "stopped":
        commands.append(Command("Go on with this experiment", service.resume))
    return commands
