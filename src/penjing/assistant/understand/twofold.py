"""Times that may be meant in two ways: whoever acts on them asks. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from penjing.assistant.understand import recurrences, times
from penjing.assistant.understand.span import Moment
from penjing.assistant.understand.text import Token
from penjing.core.dialogue import Recognition, Slot

_TIME = re.compile(r"\d\d:\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SURE = 0.15
"""What a time costs at most that is told as one."""


def twofold(
    one: Recognition, tokens: Sequence[Token], moment: Moment, content: frozenset[str]
) -> bool:
    """A request whose time is not plain; `content`: slots whose words are kept as they are."""
    return (
        any(_maybe_once(slot, tokens, moment) for slot in one.slots)
        or _which_midnight(one)
        or _two_times(one, tokens, moment, content)
    )


def _places(slot: Slot, tokens: Sequence[Token]) -> set[int]:
    return {n for n, one in enumerate(tokens) if slot.start <= one.start and one.end <= slot.end}


def _maybe_once(slot: Slot, tokens: Sequence[Token], moment: Moment) -> bool:
    """Days that need not come again: "on monday and friday", 周末."""
    if not isinstance(slot.value, tuple):
        return False
    places = _places(slot, tokens)
    return not any(
        span.value == slot.value and set(range(span.start, span.end)) & places
        for span in recurrences.recurrences(tokens, moment)
    )


def _which_midnight(one: Recognition) -> bool:
    """ "Tomorrow at midnight": the one it begins with, or the one it ends with."""
    texts = [slot.text.lower() for slot in one.slots if slot.value == "00:00"]
    dated = any(_DATE.fullmatch(str(slot.value)) for slot in one.slots)
    return dated and any("midnight" in text or "午夜" in text for text in texts)


def _two_times(
    one: Recognition, tokens: Sequence[Token], moment: Moment, content: frozenset[str]
) -> bool:
    """Words to be kept hold a time of their own: "the pills at eight and call mom at nine"."""
    timed = any(_TIME.fullmatch(str(slot.value)) for slot in one.slots)
    inside = [_places(slot, tokens) for slot in one.slots if slot.name in content]
    return timed and any(
        set(range(span.start, span.end)) <= places
        for span in times.times(tokens, moment)
        for places in inside
        if span.cost < _SURE
    )
