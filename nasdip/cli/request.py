"""Options of the command line, made of the classes that declare them."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field
from typing import Annotated, Any, get_type_hints

import typer

from nasdip.options.option import Option, options_of


def with_options(
    kind: type, *, without: tuple[str, ...] = (), unset: bool = False, lists: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take the options of a class, and get those that were typed as the mapping `given`.

    Parameters
    ----------
    kind : type
        The class that declares them.
    without : tuple of str
        Those that this command does not have.
    unset : bool
        Whether help shows no defaults: the command may take over others, as those of a run that it resumes.
    lists : tuple of str
        Those that may be typed several times.
    """
    declared = {name: entry for name, entry in options_of(kind).items() if name not in without}
    hints = get_type_hints(kind)

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(function).parameters.values() if p.name != "given"]
        added = [
            _parameter(name, field, option, list[str] if name in lists else hints[name], unset)
            for name, (field, option) in declared.items()
        ]

        @functools.wraps(function)
        def command(**arguments: Any) -> None:
            typed = {name: arguments.pop(name) for name in declared}
            function(**arguments, given=_values(typed, {name: entry[1] for name, entry in declared.items()}))

        command.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in own}
        return command

    return decorate


def _parameter(name: str, field: "Field[Any]", option: Option, kind: Any, unset: bool) -> inspect.Parameter:
    told: dict[str, Any] = {"help": option.help, "metavar": option.metavar}
    if option.minimum is not None:
        told["min"] = int(option.minimum)
    default = option.typed_default if option.parse else field.default
    if unset and default is not None:
        told["help"] = f"{option.help.removesuffix('.')} [default: {default}]."
        default = None
    typed: Any = str if option.parse or kind not in _PLAIN else kind
    flag = (option.flag,) if option.flag else ()
    optional: Any = typed if default is not None else typed | None
    annotation = Annotated[optional, typer.Option(*flag, **told)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_PLAIN = (int, float, bool, str, int | None, float | None, bool | None, str | None, list[str])


def _values(typed: dict[str, Any], options: dict[str, Option]) -> dict[str, Any]:
    """Return what was typed, as values of the options; what was not typed is left out."""
    values = {}
    for name, value in typed.items():
        if value is None or value == []:
            continue
        parse = options[name].parse
        values[name] = parse(value) if parse is not None else value
    return values
