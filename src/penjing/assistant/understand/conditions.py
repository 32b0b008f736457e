"""A wish that depends on how something is right now: "if the garage is open, close it". Pure.

Finds the ways to part such a sentence into what is to be looked at and what is wished for; nothing
is waited for. Whether the one is a state that a spec can look at and the other a plain command is
for the gate and the caller to say. "It" is what the other half names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penjing.assistant.spec.values import HoldSpec, Spec
from penjing.assistant.understand.network import Network, parse_template, slots_in
from penjing.core.dialogue import Slot

if TYPE_CHECKING:
    from penjing.assistant.understand.compiled import Compiled

_MOST = 120
"""Characters of a sentence that is parted."""
_IF = re.compile(
    r"\b(?P<if>(?:but )?(?:only )?if|in case|provided(?: that)?|(?P<not>(?:but not )?unless))\b",
    re.IGNORECASE,
)
_IF_ZH = re.compile("如果说?|要是|假如|假若|若是|倘若|如若")
_SO_ZH = "的话"
_BREAK = re.compile(r"(?<=\w)(?:\s*,)?\s+(?:then\s+)?(?=\w)", re.IGNORECASE)
_BREAK_ZH = re.compile(r"(?:的话)?[,，、]?\s*(?:那么|那)?(?:就|请|便)?(?=[^,，、\s就])")
_IT = re.compile(r"\b(?:it|that|they|them|those|that one)\b(?!')", re.IGNORECASE)
_IT_IS = re.compile(r"\b(?:it|that|they)(?:'s|'re|’s|’re)(?=\s)", re.IGNORECASE)
_IT_ZH = re.compile("它们?")
_ONLY = re.compile(r"^only (?=\w)", re.IGNORECASE)
_EDGE = " \t,，、.。!！"


@dataclass(frozen=True)
class Provided:
    """How something must be so that a wish is carried out."""

    intent: str
    """Its first call looks."""
    slots: tuple[Slot, ...]
    """At what."""
    field: str
    """Of the tool's answer."""
    value: bool
    """What it must be."""
    words: str
    """As it was said."""


@dataclass(frozen=True)
class Way:
    """One way to part a sentence."""

    condition: str
    wish: str
    words: str
    """The condition with the word that makes it one."""
    turned: bool
    """It must not hold."""


@dataclass(frozen=True)
class Holds:
    """The states that a spec can look at, in one language."""

    compiled: Compiled
    """Their sentences; an "intent" there is the number of a state."""
    states: tuple[tuple[str, HoldSpec], ...]
    """Whose first call looks, and what its answer must say."""
    slots: frozenset[str]
    """What may be looked at."""


def holds_of(spec: Spec, language: str, compiled: Compiled) -> Holds | None:
    """What a spec can look at; None where it is nothing."""
    network = Network()
    states = [(one.name, hold) for one in spec.intents.values() for hold in one.holds]
    slots: set[str] = set()
    for number, (_, hold) in enumerate(states):
        for line in hold.sentences.get(language, ()):
            tree = parse_template(line)
            network.add(tree, number)
            slots |= slots_in(tree)
    if not slots:
        return None
    numbers = tuple(map(str, range(len(states))))
    own = replace(compiled, walk=network.closed(), intents=numbers, familiar={})
    return Holds(own, tuple(states), frozenset(slots))


def ways(text: str, *, chinese: bool) -> Iterator[Way]:
    """Ways to part a sentence; none where nothing in it is a condition."""
    if len(text) <= _MOST and "?" not in text and "？" not in text:
        yield from _ways_zh(text) if chinese else _ways(text)


def _ways(text: str) -> Iterator[Way]:
    found = list(_IF.finditer(text))
    if len(found) != 1:
        return
    before, after = text[: found[0].start()].strip(_EDGE), text[found[0].end() :].strip(_EDGE)
    said, turned = found[0]["if"], found[0]["not"] is not None
    before = _ONLY.sub("", before)
    if before:
        yield Way(after, before, f"{said} {after}", turned)
    for one in _BREAK.finditer(after):
        condition, wish = after[: one.start()], after[one.end() :]
        yield Way(condition, f"{before} {wish}".strip(), f"{said} {condition}", turned)


def _ways_zh(text: str) -> Iterator[Way]:
    found = list(_IF_ZH.finditer(text))
    if len(found) > 1 or text.count(_SO_ZH) > 1 or not (found or _SO_ZH in text):
        return
    at = found[0].start() if found else 0
    before, after = text[:at], text[found[0].end() if found else 0 :]
    said = found[0].group() if found else ""
    if before.strip(_EDGE):
        condition = after.strip(_EDGE).removesuffix(_SO_ZH)
        yield Way(condition, before.strip(_EDGE), text[at:].strip(_EDGE), turned=False)
    whole = before + after
    begin = whole.find(_SO_ZH) if _SO_ZH in whole else max(len(before), 1)
    for one in _BREAK_ZH.finditer(whole, begin):
        condition, wish = whole[: one.start()].strip(_EDGE), whole[one.end() :].strip(_EDGE)
        if condition and wish and not wish.startswith(_SO_ZH):
            yield Way(condition, wish, said + condition, turned=False)
        if _SO_ZH in whole:
            return


def with_name(text: str, name: str, *, chinese: bool) -> Iterator[str]:
    """Ways to say a half of the sentence: with a name for "it", in Chinese also with the name
    before it where nothing stands for it, and as it is."""
    it = _IT_ZH if chinese else _IT
    if not chinese and _IT_IS.search(text):
        yield _IT_IS.sub(lambda _: f"{name} is", text, count=1)
    elif it.search(text):
        yield it.sub(lambda _: name, text, count=1)
    elif chinese:
        yield name + text
    yield text
