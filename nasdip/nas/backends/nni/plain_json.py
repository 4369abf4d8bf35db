"""NNI decodes JSON into Python objects, by importing and unpickling what the JSON names. Here it may not."""

import json
import re
from typing import Any

_MARKER = re.compile(r"__\w+__")


class ObjectRefused(ValueError):
    """A message that would have been decoded into an object."""


def refuse_objects() -> None:
    """Make NNI's decoder in this process raise ObjectRefused for JSON that asks for an object to be made.

    Messages come from whoever reaches the manager's port. `guard.cjs` refuses them there; this holds without it.
    """
    import json_tricks

    decode = json_tricks.loads
    if getattr(decode, "refuses_objects", False):
        return

    def checked(string: str, *args: Any, **kwargs: Any) -> Any:
        check_plain(json.loads(string))
        return decode(string, *args, **kwargs)

    checked.refuses_objects = True  # type: ignore[attr-defined]
    json_tricks.loads = checked


def check_plain(data: Any) -> None:
    """Raise ObjectRefused where decoded JSON holds the name of a serialized object, at any depth."""
    if isinstance(data, dict):
        for key, value in data.items():
            if _MARKER.fullmatch(key):
                raise ObjectRefused(f"a message holds a serialized object ({key}): refused, it could run any code")
            check_plain(value)
    elif isinstance(data, list):
        for value in data:
            check_plain(value)
