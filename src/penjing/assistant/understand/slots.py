"""What the slots of a spec may be in a sentence: typed values, live names, references.

Live names come from tools: they are data to compare with, and never read for anything else. Only
as many and as long ones as a house can have are looked at.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from penjing.assistant.spec.values import SlotSpec
from penjing.assistant.understand import numbers, quantities, recurrences, sums, times
from penjing.assistant.understand.cores import Kind
from penjing.assistant.understand.group_names import collectives, nouns_of, singular
from penjing.assistant.understand.groups import Groups, is_group
from penjing.assistant.understand.languages import language
from penjing.assistant.understand.names import COLOURS, Lexicon, lexicon, names_in, spoken
from penjing.assistant.understand.span import Extractor, Moment, PhraseTable, Span, phrase
from penjing.assistant.understand.text import Token, tokens_of
from penjing.assistant.understand.words import PRONOUN

MAX_NAMES = 600
_HOUSE = 200
"""Names among which one may be called by its first words alone: "the kitchen", and no "New"."""
MAX_NAME = 64
REFERENCE = "\N{REPLACEMENT CHARACTER}it"
"""The value of "it": whatever was spoken of last."""
WHICH = "\N{REPLACEMENT CHARACTER}which"
"""The value of "the light" where there are several: it is asked for."""
BEYOND = "\N{REPLACEMENT CHARACTER}beyond"
"""The value of a number out of bounds: it is asked for, and the bounds are said."""
_BEYOND_COST = 0.06
"""So that "down two degrees" is by how much, and not to what."""
_UNSAID = (REFERENCE, WHICH, BEYOND)
_REMEMBERED = 16
"""Sentences, and parts of them, whose values are known."""

Names = Callable[[str, str], Sequence[str]]
"""Live names of a tool's parameter."""
Members = Callable[[str, str], Mapping[str, Sequence[str]]]
"""Live names of a tool's parameter, each with the single things it means; empty: not known."""


def unsaid(value: Any) -> bool:
    """It stands for something that the words themselves do not tell."""
    return isinstance(value, str) and value in _UNSAID


def wide(value: Any) -> bool:
    """Only a template may tell that: several things, or one without its name or bounds."""
    return is_group(value) or (isinstance(value, str) and value in (WHICH, BEYOND))


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
_KNOWN_WORDS = numbers.WORDS | quantities.WORDS | times.WORDS | sums.WORDS | _COLOURS.words


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
    groups: Groups = field(default_factory=Groups)
    """What may be several things at once."""
    some: Mapping[str, Mapping[tuple[str, ...], str]] = field(default_factory=dict)
    """Slot to what one of its things may be called, and which one that is (or WHICH)."""

    def spans(
        self, tokens: Sequence[Token], moment: Moment, code: str = "en"
    ) -> Mapping[str, list[Span]]:
        """All values of all slots in a sentence of a language, without those inside longer ones.
        A sentence that was just asked about is not read again."""
        return self._kept(tuple(tokens), moment, code)

    @functools.cached_property
    def _kept(self) -> Callable[[tuple[Token, ...], Moment, str], dict[str, list[Span]]]:
        return functools.lru_cache(maxsize=_REMEMBERED)(self._spans)

    def _spans(self, tokens: tuple[Token, ...], moment: Moment, code: str) -> dict[str, list[Span]]:
        said = spoken(tokens)
        grouped = self.groups.spans(said)
        extractors = language(code).extractors or _TYPED
        typed = {
            kind: _longest(extractors[kind](tokens, moment))
            for kind in {one.kind for one in self.slots.values()} & extractors.keys()
        }
        found: dict[str, list[Span]] = {}
        for name, slot in self.slots.items():
            if slot.kind in typed:
                values = typed[slot.kind]
                if slot.waking:
                    values = list(times.next_waking(tokens, moment, values))
                changes = _changes(tokens, values, slot) if slot.change else values
                if slot.kind == "percentage" and not slot.change:
                    changes = [one for one in changes if not quantities.is_points(tokens, one)]
                found[name] = _bounded(changes, slot)
            elif name in self.lexicons:
                every = [*names_in(said, self.lexicons[name]), *grouped.get(name, ())]
                found[name] = _longest([*every, *_some(tokens, self.some.get(name, {}))])
            else:
                found[name] = list(grouped.get(name, ()))
            if slot.kind == "entity":
                found[name] += _references(tokens)
        return found


def reader(slots: Mapping[str, SlotSpec], names: Names, members: Members | None = None) -> Reader:
    """A reader for the names that exist now."""
    lexicons: dict[str, Lexicon] = {}
    certain: dict[str, Lexicon] = {}
    things: dict[str, tuple[str, ...]] = {}
    means: dict[str, Mapping[str, Sequence[str]]] = {}
    some: dict[str, Mapping[tuple[str, ...], str]] = {}
    for name, slot in slots.items():
        if slot.kind == "entity":
            live = tuple(names(slot.tool, slot.parameter))
            nouns = nouns_of(slot.all)
            known = entity_names(slot, live)
            means[name] = _means(slot, known, members and members(slot.tool, slot.parameter))
            together = collectives([*known], nouns)
            known = {one: words for one, words in known.items() if one not in together}
            every = (thing for one in known for thing in means[name].get(one, ()))
            things[name] = tuple(dict.fromkeys(one for one in every if one in known))
            short = len(known) <= _HOUSE
            lexicons[name] = lexicon(known, short=short, which=WHICH)
            certain[name] = lexicon(known, short=short)
            some[name] = _generic(nouns, things[name], known)
        elif slot.kind in ("list", "place"):
            lexicons[name] = certain[name] = lexicon(slot.values)
            things[name] = tuple(slot.values) if slot.kind == "list" else ()
        elif slot.kind == "colour":
            lexicons[name] = _COLOURS
    kinds = tuple(_kind(slot, things) for slot in slots.values() if slot.all)
    held = {name for one in kinds for name in one.things}
    groups = Groups(kinds, {one: certain[one] for one in held if one in certain}, means)
    called = {word for one in kinds for noun in one.nouns for word in (*noun, *singular(noun))}
    words = _KNOWN_WORDS.union(called, *(one.words for one in lexicons.values()))
    spelt = {
        ("" if one.words[0] > "\u3400" else " ").join(one.words)
        for each in lexicons.values()
        for many in each.firsts.values()
        for one in many
    }
    return Reader(slots, lexicons, frozenset(words), "\n".join(sorted(spelt)), groups, some)


def _kind(slot: SlotSpec, things: Mapping[str, tuple[str, ...]]) -> Kind:
    of = slot.of or (slot.name,)
    return Kind(slot.name, nouns_of(slot.all), {one: things.get(one, ()) for one in of})


def _means(
    slot: SlotSpec, known: Iterable[str], told: Mapping[str, Sequence[str]] | None
) -> dict[str, tuple[str, ...]]:
    """Every name with the single things it means; where a tool does not tell, each name is a thing,
    but for the spec's other words for one."""
    if told:
        return {name: tuple(told.get(name, ())) for name in known}
    every = {name.casefold(): name for name in known}
    other = {
        word.casefold(): every[name.casefold()]
        for name, words in slot.values.items()
        if name.casefold() in every
        for word in words
    }
    return {name: (other.get(name.casefold(), name),) for name in known}


def _generic(
    nouns: Iterable[tuple[str, ...]], things: Sequence[str], known: Mapping[str, Sequence[str]]
) -> dict[tuple[str, ...], str]:
    """ "The lamp" is the one thing that is called so; of several, or none, it is asked which."""
    found: dict[tuple[str, ...], str] = {}
    for noun in nouns:
        one = singular(noun)
        own = [name for name in things if _ends(name, one)]
        own = own or [name for name in things if any(_ends(word, one) for word in known[name])]
        found[one] = own[0] if len(own) == 1 else WHICH
    return found


def _ends(name: str, words: tuple[str, ...]) -> bool:
    said = tuple(one.text for one in tokens_of(name))
    return said[-len(words) :] in (words, (*words[:-1], words[-1] + "s"))


def _some(tokens: Sequence[Token], some: Mapping[tuple[str, ...], str]) -> Iterable[Span]:
    """ "The light", 灯."""
    for words, value in some.items():
        for at in range(len(tokens) - len(words) + 1):
            if (cost := phrase(tokens, at, words)) is not None:
                price = 0.35 if value == WHICH else 0.12  # a name is better
                yield Span(at, at + len(words), value, cost + price)


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


def bounds(slot: SlotSpec) -> tuple[float | None, float | None]:
    """Smallest and largest value of a slot; None for none."""
    if slot.kind != "percentage":
        return slot.low, slot.high
    return (0 if slot.low is None else slot.low), (100 if slot.high is None else slot.high)


def _bounded(spans: Iterable[Span], slot: SlotSpec) -> list[Span]:
    """The same, with BEYOND for what is out of bounds."""
    low, high = bounds(slot)

    def within(value: Any) -> bool:
        if value is None or isinstance(value, str | tuple):
            return True
        size = abs(value) if slot.change else value
        return (low is None or size >= low) and (high is None or size <= high)

    if slot.kind == "percentage":  # no device knows parts of a percent
        spans = [replace(s, value=_whole(s.value)) for s in spans]
    return [
        one if within(one.value) else replace(one, value=BEYOND, cost=one.cost + _BEYOND_COST)
        for one in spans
    ]


def _whole(value: Any) -> Any:
    """The nearest whole number; little stays more than nothing."""
    if not isinstance(value, float):
        return value
    return round(value) or (1 if value > 0 else -1 if value < 0 else 0)


_BY = frozenset({"by", "another", "about", "around", "了"})
_TO = frozenset({"to", "at", "到", "至", "成", "为"})
_A_BIT = PhraseTable(*((words, None) for words in (
    "a bit", "a little", "a little bit", "a tiny bit", "a touch", "a tad", "slightly", "somewhat",
    "some more", "一点点", "一点", "一些", "些", "一下下", "少许", "稍微一点",
)))  # fmt: skip
_COMPARED = frozenset("亮暗高低大小暖凉热冷")


def _changes(tokens: Sequence[Token], said: Iterable[Span], slot: SlotSpec) -> Iterable[Span]:
    """By how much more, or less below zero: "by 20 percent", "a bit", 一点."""
    sign = 1 if slot.change == "more" else -1
    for one in said:
        value = one.value
        if slot.kind == "temperature" and tokens[one.end - 1].text in ("f", "fahrenheit"):
            value = round(value + 32 / 1.8, 1)  # a difference, and no temperature
        to = one.start > 0 and tokens[one.start - 1].text in _TO
        if value > 0 and not to:
            by = one.start > 0 and tokens[one.start - 1].text in _BY
            sure = by or quantities.is_points(tokens, one)
            cost = one.cost if sure else one.cost + 0.05  # where it may be meant either way: to it
            yield Span(one.start - by, one.end, sign * value, cost)
    if slot.step is None:
        return
    step = sign * (int(slot.step) if slot.step == int(slot.step) else slot.step)
    for at in range(len(tokens)):
        for end, _, cost in _A_BIT.read(tokens, at):
            if not cost:
                yield Span(at - (at > 0 and tokens[at - 1].text == "by"), end, step)
    for at in range(1, len(tokens)):
        if tokens[at].text == "点" and tokens[at - 1].text in _COMPARED:
            yield Span(at, at + 1, step)


def _references(tokens: Sequence[Token]) -> list[Span]:
    return [
        Span(at, ends[0], REFERENCE, 0.12)
        for at in range(len(tokens))
        if (ends := PRONOUN.ends(tokens, at))
    ]
