"""An option, declared once: default, help, how it is typed, what it must be."""

from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields
from typing import Any, NamedTuple

from nasdip.errors import NasdipError

_KEY = "option"


class Option(NamedTuple):
    """What the command line, YAML files and docstrings are told of a field of an options class.

    Attributes
    ----------
    help : str
        One or two sentences.
    metavar : str or None
        What stands for its value in help.
    minimum : float or None
        The smallest value.
    parse : callable or None
        Makes the value of what a person typed; None: the type of the field does.
    typed_default : str or None
        The default as a person would type it, where there is a parser.
    flag : str or None
        Its name on the command line, where that is not the field's.
    choices : tuple of str
        All values that it may have; none: any.
    """

    help: str
    metavar: str | None = None
    minimum: float | None = None
    parse: Callable[[str], Any] | None = None
    typed_default: str | None = None
    flag: str | None = None
    choices: tuple[str, ...] = ()


def option(default: Any, help: str, **facts: Any) -> Any:
    """Declare a field of an options class; `facts` as in `Option`."""
    return field(default=default, metadata={_KEY: Option(help, **facts)})


def options_of(kind: Any) -> dict[str, tuple["Field[Any]", Option]]:
    """Return the declared fields of an options class (or a value of one), by name."""
    return {f.name: (f, f.metadata[_KEY]) for f in fields(kind) if _KEY in f.metadata}


def check(options: Any) -> None:
    """Raise NasdipError where a value is below its minimum, or not among its choices; None is nowhere checked."""
    for name, (_, declared) in options_of(options).items():
        value, spoken = getattr(options, name), name.replace("_", " ")
        if value is None:
            continue
        if declared.choices and value not in declared.choices:
            raise NasdipError(f"unknown {spoken} '{value}': use {_or(declared.choices)}")
        if declared.minimum is not None and (isinstance(value, bool) or not value >= declared.minimum):
            raise NasdipError(f"{spoken} {value} is out of range: use {declared.minimum:g} or more")


def parameters_section(kind: Any, without: tuple[str, ...] = ()) -> str:
    """Return the options of a class as lines of a docstring's section Parameters."""
    lines = []
    for name, (declared, told) in options_of(kind).items():
        if name in without:
            continue
        default = "" if declared.default in (None, MISSING) else f", default {declared.default!r}"
        lines += [f"    {name} : {str(declared.type).replace(' | ', ' or ')}{default}", f"        {told.help}"]
    return "\n".join(lines)


def _or(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
