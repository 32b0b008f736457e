"""What the slots of a spec may be in a sentence: typed values, live names, references.

Live names come from tools: they are data to compare with, and never read for anything else. Only
as many and as long ones as a house can have are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.assistant.spec.values import SlotSpec
from penjing.assistant.understand import numbers, quantities, recurrences, sums, times
from penjing.assistant.understand.languages import language
from penjing.assistant.understand.names import COLOURS, Lexicon, lexicon, names_in
from penjing.assistant.understand.span import Extractor, Moment, Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import PRONOUN

MAX_NAMES = 500
MAX_NAME = 64
REFERENCE = "\N{REPLACEMENT CHARACTER}it"
"""The value of "it": whatever was spoken of last."""

Names = Callable[[str, str], Sequence[str]]
"""Live names of a tool's parameter."""

_TYPED: Mapping[str, Extractor] = {
    "number": quantities.numbers,
    "percentage": quantities.percentages,
    "duration": quantities.durations,
    "temperature": quantities.temperatures,
    "time": times.times,
    "date": times.dates,
    "days": recurrences.weekdays,
    "sum": sums.sums,
}
_COLOURS = lexicon(COLOURS)
_KNOWN_WORDS = numbers.WORDS | quantities.WORDS | times.WORDS | _COLOURS.words


@dataclass(frozen=True)
class Reader:
    """Reads the slots of one spec, with the names that exist at one moment."""

    slots: Mapping[str, SlotSpec]
    """Of the spec."""
    lexicons: Mapping[str, Lexicon]
    """Of slots whose values have names."""
    words: frozenset[str]
    """All words that may stand in a value."""
    names: str = ""
    """All names, a line each, as they are compared."""

    def spans(
        self, tokens: Sequence[Token], moment: Moment, code: str = "en"
    ) -> dict[str, list[Span]]:
        """All values of all slots in a sentence of a language, without those inside longer ones."""
        extractors = language(code).extractors or _TYPED
        typed = {
            kind: _longest(extractors[kind](tokens, moment))
            for kind in {one.kind for one in self.slots.values()} & extractors.keys()
        }
        found: dict[str, list[Span]] = {}
        for name, slot in self.slots.items():
            if slot.kind in typed:
                found[name] = [one for one in typed[slot.kind] if _within(one.value, slot)]
            elif name in self.lexicons:
                found[name] = _longest(names_in(tokens, self.lexicons[name]))
            else:
                found[name] = []
            if slot.kind == "entity":
                found[name] += _references(tokens)
        return found


def reader(slots: Mapping[str, SlotSpec], names: Names) -> Reader:
    """A reader for the names that exist now."""
    lexicons = {}
    for name, slot in slots.items():
        if slot.kind == "entity":
            lexicons[name] = lexicon(
                entity_names(slot, names(slot.tool, slot.parameter)), short=True
            )
        elif slot.kind in ("list", "place"):
            lexicons[name] = lexicon(slot.values)
        elif slot.kind == "colour":
            lexicons[name] = _COLOURS
    words = _KNOWN_WORDS.union(*(one.words for one in lexicons.values()))
    spelt = {
        ("" if one.words[0] > "\u3400" else " ").join(one.words)
        for each in lexicons.values()
        for many in each.firsts.values()
        for one in many
    }
    return Reader(slots, lexicons, frozenset(words), "\n".join(sorted(spelt)))


def entity_names(slot: SlotSpec, live: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Names that exist, each with the spec's other words for it; names that are no names are not
    listened to."""
    more = {key.casefold(): words for key, words in slot.values.items()}
    found: dict[str, tuple[str, ...]] = {}
    for name in list(live)[:MAX_NAMES]:
        if 0 < len(name) <= MAX_NAME and name.isprintable():
            found[name] = more.get(name.casefold(), ())
    return found


def _longest(spans: Iterable[Span]) -> list[Span]:
    every = sorted(spans, key=lambda one: (one.start, -one.end, one.cost))
    kept: list[Span] = []
    for one in every:
        inside = any(
            other.start <= one.start
            and one.end <= other.end
            and (other.end - other.start > one.end - one.start)
            and other.cost <= one.cost + 0.36
            for other in every
        )
        again = any(
            other.start == one.start and other.end == one.end and other.value == one.value
            for other in kept
        )
        if not inside and not again:
            kept.append(one)
    return kept


def _within(value: Any, slot: SlotSpec) -> bool:
    if value is None or isinstance(value, str | tuple):
        return True
    low = slot.low if slot.low is not None else (0 if slot.kind == "percentage" else None)
    high = slot.high if slot.high is not None else (100 if slot.kind == "percentage" else None)
    return (low is None or value >= low) and (high is None or value <= high)


def _references(tokens: Sequence[Token]) -> list[Span]:
    return [
        Span(at, ends[0], REFERENCE, 0.12)
        for at in range(len(tokens))
        if (ends := PRONOUN.ends(tokens, at))
    ]
