"""Something that a reader must not overlook."""

from typing import NamedTuple


class Alarm(NamedTuple):
    """A word or two, and the whole; `kind` is bad or warn."""

    kind: str
    title: str
    text: str
