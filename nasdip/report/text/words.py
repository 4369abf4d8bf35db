"""Numbers in words, for people."""

import math
import re
from typing import Any

from markupsafe import Markup, escape


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1.

    Examples
    --------
    >>> counted(1, "trial"), counted(0, "repetition")
    ('1 trial', '0 repetitions')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def decibels(value: float | None) -> str:
    """Return a level in dB with two decimals; a dash where there is none.

    Examples
    --------
    >>> decibels(31.287), decibels(None)
    ('31.29 dB', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.2f} dB"


def thousands(value: float) -> str:
    """Return a whole number with its thousands set apart.

    Examples
    --------
    >>> thousands(2217728)
    '2\u202f217\u202f728'
    """
    return f"{value:,.0f}".replace(",", "\u202f")


def plain(text: Any) -> str:
    """Return a text of others in one line without control characters, which could deceive a terminal.

    Examples
    --------
    >>> plain("first\\n\\x1b[31msecond")
    'first [31msecond'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def breakable(text: str) -> Markup:
    """Return an architecture's text form as HTML that breaks lines after ``+``, ``:`` and ``.`` alone.

    Examples
    --------
    >>> str(breakable("bilinear+relu:11.01"))[:69]
    '<span class="nb">bilinear+</span><wbr><span class="nb">relu:</span><w'
    """
    parts = re.findall(r"[^+:.]+[+:.]?|[+:.]", text)
    return Markup("<wbr>").join(Markup('<span class="nb">{}</span>').format(escape(part)) for part in parts)
