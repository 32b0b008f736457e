"""Texts and numbers as people read them, on a page and in a terminal alike.

Plain text only: escaping is the business of whoever shows it.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNIT = re.compile(r"(?<=\d) (?=(?:[kMGT]?B)\b)")


def clean(value: str) -> str:
    """Text with each control character, text-direction override and lone surrogate as U+FFFD.

    A name that turns the writing direction could otherwise make our own numbers read backwards.
    """
    return _UNSAFE.sub("\ufffd", value.replace("\r\n", "\n"))


def together(value: str) -> str:
    """A sentence for a page: no line breaks between a number and its unit."""
    return _UNIT.sub("\u00a0", value)


def sentence(value: str) -> str:
    """A note as a sentence: a capital first, a full stop last."""
    value = value.strip()
    ends = not value or value[-1] in ".!?。！？"
    return value[:1].upper() + value[1:] + ("" if ends else ".")


def decimal(value: float, places: int) -> str:
    """A plain decimal; powers of ten where it would be all zeros or endless."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and (abs(value) < 0.5e-5 or abs(value) >= 1e6):
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}".replace("-", "−")
    return f"{value:,.{min(places, 6)}f}".replace("-", "−")


def significant(value: float, digits: int = 3) -> str:
    """A number with no interval, to a few significant digits."""
    if value == 0 or math.isinf(value):
        return decimal(value, 0)
    return decimal(value, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def moment(created: str) -> str:
    """An ISO time for people, in UTC; anything else as it stands."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return created
    if when.tzinfo is not None:
        when = when.astimezone(UTC)
    zone = " UTC" if when.tzinfo is not None else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"
