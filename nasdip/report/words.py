"""Numbers in words, for people."""

import math
import re

from markupsafe import Markup, escape


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1.

    Examples
    --------
    >>> counted(1, "trial"), counted(0, "repetition")
    ('1 trial', '0 repetitions')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a duration in its largest two units.

    Examples
    --------
    >>> duration(0.42), duration(75), duration(7320), duration(200000)
    ('0.4 s', '1 min 15 s', '2 h 2 min', '2 d 7 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


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


def breakable(text: str) -> Markup:
    """Return an architecture's text form as HTML that breaks lines after ``+``, ``:`` and ``.`` alone.

    Examples
    --------
    >>> str(breakable("bilinear+relu:11.01"))[:69]
    '<span class="nb">bilinear+</span><wbr><span class="nb">relu:</span><w'
    """
    parts = re.findall(r"[^+:.]+[+:.]?|[+:.]", text)
    return Markup("<wbr>").join(Markup('<span class="nb">{}</span>').format(escape(part)) for part in parts)
