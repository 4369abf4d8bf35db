"""Python functions whose keyword arguments are the options of a class: signature and documentation follow from it."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from nasdip.errors import NasdipError
from nasdip.options.option import options_of, parameters_section

F = TypeVar("F", bound=Callable[..., Any])


def takes(kind: type, *, without: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Let a function's `**options` be those of a class; ``{options}`` in its docstring becomes their description."""

    def decorate(function: F) -> F:
        own = inspect.signature(function)
        kept = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
            for name, (field, _) in options_of(kind).items()
            if name not in without
        ]
        function.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
        function.__doc__ = (function.__doc__ or "").replace("    {options}", parameters_section(kind, without))
        return function

    return decorate


def make(kind: type, options: dict[str, Any]) -> Any:
    """Return the options of a class with these values; NasdipError for a name that it does not have."""
    known = options_of(kind)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise NasdipError(f"there is no option '{unknown[0]}': use {', '.join(known)}")
    return kind(**options)
