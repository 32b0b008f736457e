"""The spec's sentences with their values in them, as one says them in English and Chinese. Pure.

A value may be a tool's or a document's text: it is put in as it is, cut and made harmless for a
terminal, and is never read again for what it might ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from penjing.assistant.spec.values import Call, FromSlot, SlotSpec, Spec, Words
from penjing.assistant.understand.groups import is_group, things_of
from penjing.assistant.understand.names import COLOURS
from penjing.core import weekdays
from penjing.core.dialogue import Slot
from penjing.core.moments import seconds_words

MAX_VALUE = 600
"""Characters of one value."""
_PLACE = re.compile(r"\{([a-zA-Z_][\w.]*)\}([.。]?)")
_ENDED = (".", "?", "!", "。", "？", "！", "…")


def choose(words: Words, language: str, turn: int = 0) -> str:
    """One way to say it, another each turn."""
    ways = words.get(language) or next(iter(words.values()), ("",))
    return ways[turn % len(ways)]


def fill(template: str, values: Mapping[str, Any], language: str) -> str:
    """A sentence with its `{places}` filled; a place nothing is known of stays empty.

    A value that ends a sentence itself takes the place of the full stop behind it.
    """

    def one(found: re.Match[str]) -> str:
        value: Any = values
        for part in found.group(1).split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        said, stop = shown(value, language), found.group(2)
        return said if said.endswith(_ENDED) else said + stop

    return re.sub(r"  +", " ", _PLACE.sub(one, template)).strip()


def shown(value: Any, language: str) -> str:
    """A plain value as one says it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return ("是" if value else "否") if language.startswith("zh") else ("yes", "no")[not value]
    if isinstance(value, float):
        value = f"{value:g}"
    if isinstance(value, list | tuple):
        joint = "、" if language.startswith("zh") else ", "
        return joint.join(shown(one, language) for one in value[:20])
    if isinstance(value, Mapping):
        said = value.get(language.split("-", maxsplit=1)[0])
        return shown(said, language) if isinstance(said, str) else ""
    text = " ".join(str(value).split())
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def slot_words(spec: SlotSpec, value: Any, language: str) -> str:
    """A slot's value as one says it."""
    chinese = language.startswith("zh")
    if spec.change and isinstance(value, int | float):
        value = abs(value)
    if spec.kind == "percentage":
        return f"{value:g}%"
    if spec.kind == "temperature":
        unit = "degree" if value == 1 else "degrees"
        return f"{value:g}度" if chinese else f"{value:g} {unit}"
    if spec.kind == "duration":
        return seconds_words(int(value), language)
    if spec.kind == "days":
        return weekdays.in_words(value, language)
    if spec.kind in ("entity", "list", "colour", "place"):
        ways = COLOURS if spec.kind == "colour" else spec.values
        return _name(str(value), ways, chinese)
    return shown(value, language)


def _name(value: str, ways: Mapping[str, tuple[str, ...]], chinese: bool) -> str:
    said = (value, *ways.get(value, ()))
    if chinese:
        said = tuple(one for one in said if not one.isascii()) or said
    return shown(said[0], "zh" if chinese else "en")


def slot_values(spec: Spec, slots: Mapping[str, Slot], language: str) -> dict[str, Any]:
    """The slots by name, in words; of a group all its things."""
    return {
        name: _things(spec, slot.value, language)
        if is_group(slot.value)
        else slot_words(spec.slots[name], slot.value, language)
        for name, slot in slots.items()
        if name in spec.slots
    }


def _things(spec: Spec, value: Any, language: str) -> list[str]:
    return [
        slot_words(spec.slots[slot], name, language)
        for slot in value["all"]
        if slot in spec.slots
        for name in things_of(value, slot)
    ]


def named(
    spec: Spec, call: Call, thing: str, slots: Mapping[str, Slot], language: str
) -> dict[str, str]:
    """The slot whose group a call goes through, as one of its things in words."""
    return {
        one.slot: slot_words(spec.slots[one.member or one.slot], thing, language)
        for one in call.arguments.values()
        if isinstance(one, FromSlot) and one.slot in slots and is_group(slots[one.slot].value)
    }
