"""What the requests of one sentence say of each other: a complaint and its level, "it". Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from penjing.assistant.spec.values import SlotSpec
from penjing.assistant.understand.slots import REFERENCE
from penjing.core.dialogue import Recognition

_MEASURE = re.compile(
    "[一几两]?(?:段|首|曲|个|支|遍|张|点儿?|些|下|会儿?)(?:来)?(?:听听?|吧)?"
    r"|(?:some|one|it|a bit|a few)(?: of (?:it|that|them))?"
)
"""How much, of something that was named before."""
Lacks = Callable[[Recognition], frozenset[str]]
"""The slots that a request still needs."""


Deeds = Mapping[str, object]
"""Intent to what it does first; None for nothing."""


def together(
    parts: Sequence[tuple[Recognition, ...]],
    lacks: Lacks,
    slots: Mapping[str, SlotSpec],
    deeds: Deeds,
) -> list[tuple[Recognition, ...]]:
    """The same parts; "it is too bright, set it to 20" is one wish, what the second does not name
    is what the first is about, and what is said in other words again is said once."""
    changes = {one.name for one in slots.values() if one.change}
    levels = {one.name for one in slots.values() if one.kind in ("percentage", "temperature")}
    things = {one.name for one in slots.values() if one.kind == "entity"}
    found = _levelled(parts, lambda one: bool(lacks(one) & changes), frozenset(levels - changes))
    return _once(_referred(found, lambda one: lacks(one) & things), parts, deeds)


def _once(
    parts: Sequence[tuple[Recognition, ...]],
    before: Sequence[tuple[Recognition, ...]],
    deeds: Deeds,
) -> list[tuple[Recognition, ...]]:
    """The same parts without what only says again what the part before wants: "can we have
    Vivaldi? Play Vivaldi", "the blinds down, close them"; the last words count. Two timers are
    two."""
    found: list[tuple[Recognition, ...]] = []
    referring = {repr(one[0].slots) for one in before if _refers(one[0])}
    plain = len(before) == len(parts)
    for n, part in enumerate(parts):
        last, one = (found[-1][0] if found else None), part[0]
        if last is not None and last.intent == one.intent and _measures(one):
            continue
        again = last is not None and bool(one.slots) and _said(last) == _said(one)
        if again and last is not None:
            other = last.intent != one.intent and deeds.get(str(one.intent)) is not None
            other = other and deeds.get(str(one.intent)) == deeds.get(str(last.intent))
            them = plain and last.intent == one.intent and repr(before[n][0].slots) in referring
            if other:
                found[-1] = part
            if other or them:
                continue
        found.append(part)
    return found


def _measures(one: Recognition) -> bool:
    """All that it says is how much of what was said before: 给我放一段, "play some"."""
    return bool(one.slots) and all(
        isinstance(slot.value, str) and _MEASURE.fullmatch(slot.value.strip().casefold())
        for slot in one.slots
    )


def _refers(one: Recognition) -> bool:
    return any(slot.value == REFERENCE for slot in one.slots)


def _said(one: Recognition) -> dict[str, str]:
    return {slot.name: str(slot.value).casefold() for slot in one.slots}


def _levelled(
    parts: Sequence[tuple[Recognition, ...]],
    complains: Callable[[Recognition], bool],
    levels: frozenset[str],
) -> list[tuple[Recognition, ...]]:
    """The same parts, but a complaint about a thing ("it is too bright") goes with the level that
    it is given right behind it."""
    found: list[tuple[Recognition, ...]] = []
    for part in parts:
        last = found[-1][0] if found else None
        if last is not None and complains(last) and (one := _of_it(last, part[0], levels)):
            found[-1] = (one,)
        else:
            found.append(part)
    return found


def _referred(
    parts: Sequence[tuple[Recognition, ...]], lacks: Callable[[Recognition], frozenset[str]]
) -> list[tuple[Recognition, ...]]:
    """The same parts; "it", or a thing that is not said, is what the part before it speaks of:
    "make the desk lamp red, then dim it to 20"."""
    found: list[tuple[Recognition, ...]] = []
    for part in parts:
        before = {slot.name: slot for slot in found[-1][0].slots} if found else {}
        slots = tuple(
            before[slot.name] if slot.value == REFERENCE and slot.name in before else slot
            for slot in part[0].slots
        )
        one = part[0]
        slots += tuple(before[name] for name in sorted(lacks(one) & before.keys()))
        same = slots == one.slots
        found.append(part if same else (Recognition(one.intent, slots, one.confidence, one.stage),))
    return found


def _of_it(last: Recognition, one: Recognition, levels: frozenset[str]) -> Recognition | None:
    """A level for the thing of the part before; None where it is for another one."""
    things = {slot.name: slot for slot in last.slots}
    given = {slot.name: slot for slot in one.slots if slot.name not in levels}
    same = all(
        name in things and slot.value in (things[name].value, REFERENCE)
        for name, slot in given.items()
    )
    if not things or not same or len(given) == len(one.slots):
        return None
    slots = tuple(slot for slot in one.slots if slot.name in levels)
    return Recognition(one.intent, (*things.values(), *slots), one.confidence, one.stage)
