"""One sentence while it is read: what each stage makes of a part of it. Pure but for the stages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from penjing.assistant.understand import acts, signals
from penjing.assistant.understand.beside import Remark, gap
from penjing.assistant.understand.classifier import ELSEWHERE
from penjing.assistant.understand.compiled import Compiled
from penjing.assistant.understand.features import words_of
from penjing.assistant.understand.match import Match, manner_of, matches
from penjing.assistant.understand.slots import unsaid, wide
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token, once, tokens_of
from penjing.assistant.understand.walk import Way
from penjing.assistant.understand.words import DENYING, GUARDS, JOINT, STATING
from penjing.core.dialogue import Recognition, Slot

SURE_GUESS = 0.7
"""What the classifier must give where another reading is at hand: two requests, or a document."""
SURE = 0.2
"""A template that costs no more than this is believed before the sentence is parted."""
QUOTE = "\N{REPLACEMENT CHARACTER}quote"
"""The token that stands for a quotation: no template and no classifier knows it."""
_UNQUOTED = str.maketrans("", "", '"“”「」『』《》«»')
Scores = Mapping[str, float]
_CALLED = frozenset("首曲歌") | {"song", "track", "tune", "album"}
"""Right before a title."""
_TITLE = re.compile(r"\s*,(?:\s+(?!I\b)(?:[A-Z][\w'’-]*|of|the|a|an|in|on|and|to|for|my|or))+")
"""The second half of a title: its words begin with capitals, but for the small ones."""


def tokens_with_quotes(text: str, parts: Sequence[tuple[int, int]]) -> tuple[Token, ...]:
    """The tokens of the person's own words, a quotation as one token that nothing knows."""
    found: list[Token] = []
    at = 0
    for a, b in parts:
        if text[at:a].strip():
            found.append(Token(QUOTE, at, a))
        found += tokens_of(text, a, b)
        at = b
    if parts and text[at:].strip() and text[at:].lstrip()[0] in "\"“「『《«‘'`":
        found.append(Token(QUOTE, at + len(text[at:]) - len(text[at:].lstrip()), len(text)))
    return tuple(found)


def said_once(text: str, parts: Sequence[tuple[int, int]]) -> tuple[Token, ...]:
    """The same; of what only says one thing again and again, the first time."""
    return once(tokens_with_quotes(text, parts))


class Sentence:
    """One sentence while it is read."""

    def __init__(
        self,
        text: str,
        tokens: tuple[Token, ...],
        spans: Mapping[str, list[Span]],
        compiled: Compiled,
        *,
        language: str,
        pasted: bool,
    ) -> None:
        self.text, self.tokens, self.spans = text, tokens, spans
        self.compiled, self.language, self.pasted = compiled, language, pasted
        self.told: dict[str, set[int]] = {}
        self._literals: dict[str, set[int]] = {}
        self.remarks: list[Remark] = []

    def templates(self, a: int, b: int) -> tuple[Recognition, ...]:
        """What the templates make of a part."""
        by_place: dict[str, dict[int, list[Span]]] = {}
        for slot, spans in self.spans.items():
            places = by_place.setdefault(slot, {})
            for span in spans:
                if span.start >= a and span.end <= b:
                    moved = Span(span.start - a, span.end - a, span.value, span.cost)
                    places.setdefault(moved.start, []).append(moved)

        def said(way: Way, place: int) -> Sequence[Span]:
            found = by_place.get(way.slot, {}).get(place, ())
            if way.ending:
                return [o for o in found if self.tokens[a + o.end - 1].text.endswith(way.ending)]
            return found

        found = matches(
            self.compiled.walk,
            self.tokens[a:b],
            said,
            self.compiled.texts,
            manner_of(self.language),
        )
        seen: dict[object, Recognition] = {}
        for one in found:
            if one.literal or (one.slots and one.cost <= SURE):  # a garbled name alone is nothing
                recognition = self._of_match(one, a)
                key = (recognition.intent, tuple((s.name, str(s.value)) for s in recognition.slots))
                seen.setdefault(key, recognition)
        if b - a > 1 and self.tokens[b - 1].text == "?":  # "blinds open?"
            return tuple(sorted(seen.values(), key=lambda one: not self._asks(one)))
        return tuple(seen.values())

    def _asks(self, one: Recognition) -> bool:
        return self.compiled.familiar[str(one.intent)].asks

    def _of_match(self, match: Match, shift: int) -> Recognition:
        slots = tuple(
            self.slot(name, Span(span.start + shift, span.end + shift, span.value))
            for name, span in match.slots
        )
        intent = self.compiled.intents[match.template]
        places = {
            shift + place
            for place in range(match.literal.bit_length())
            if match.literal >> place & 1
        }
        self.told.setdefault(intent, set()).update(places)
        found = Recognition(intent, slots, max(0.0, 1.0 - match.cost), "templates")
        self._literals.setdefault(repr(found), set()).update(places)
        return found

    def told_by(self, requests: Sequence[Recognition]) -> Mapping[str, frozenset[int]]:
        """Intent to the tokens that its templates have themselves, of these requests: those of a
        template that fitted another part of the sentence explain nothing."""
        told = {name: frozenset(places) for name, places in self.told.items()}
        own: dict[str, frozenset[int]] = {}
        for one in requests:
            intent = str(one.intent)
            places = self._literals.get(repr(one), told.get(intent, frozenset()))
            own[intent] = own.get(intent, frozenset()) | places
        return {**told, **own}

    def slot(self, name: str, span: Span) -> Slot:
        """A slot that carries the person's own words."""
        start, end = self.tokens[span.start].start, self.tokens[span.end - 1].end
        words = self.text[start:end]
        value = words.strip("\"“”「」『』《》«»‘’'` ") if span.value is None else span.value
        if any(one.text == QUOTE for one in self.tokens[span.start : span.end]):
            value = str(value).translate(_UNQUOTED)
        return Slot(name, value, words, start, end, "person")

    def values(self) -> tuple[Slot, ...]:
        """All values, in the order of the sentence."""
        found = [
            (span.start, -span.end, self.slot(name, span))
            for name, spans in self.spans.items()
            for span in spans
        ]
        return tuple(slot for *_, slot in sorted(found, key=lambda one: one[:2]))

    def written(self, found: Sequence[Recognition]) -> str:
        """The first slot that holds free words with a joint among them; empty when none does."""
        for slot in found[0].slots if found else ():
            inside = [
                place
                for place, one in enumerate(self.tokens)
                if slot.start <= one.start and one.end <= slot.end
            ]
            free = slot.name in self.compiled.texts
            if free and any(JOINT.ends(self.tokens, place) for place in inside[1:]):
                return slot.name
        return ""

    def goes_on(
        self, whole: Sequence[Recognition], parted: Sequence[tuple[Recognition, ...]]
    ) -> bool:
        """What looks like a remark behind free words is written like the rest of a title."""
        if len(parted) != 1 or not whole or whole[0].intent != parted[0][0].intent:
            return False
        short = {slot.name: slot for slot in parted[0][0].slots}
        return any(
            slot.name in self.compiled.texts
            and slot.name in short
            and slot.text.startswith(short[slot.name].text)
            and _TITLE.fullmatch(slot.text[len(short[slot.name].text) :]) is not None
            for slot in whole[0].slots
        )

    def is_title(self, one: Recognition) -> bool:
        """Its free words go on behind a comma as a title does."""
        return any(
            _TITLE.fullmatch(slot.text[slot.text.index(",") :])
            for slot in one.slots
            if slot.name in self.compiled.texts and "," in slot.text
        )

    def is_no_title(self, one: Recognition) -> bool:
        """Its free words begin as no title does: 我听不清她说啥."""
        free = (slot.text.lower() for slot in one.slots if slot.name in self.compiled.texts)
        return any(signals.NO_TITLE.match(text) for text in free)

    def inside(self) -> set[int]:
        """The tokens inside of values."""
        return {
            place
            for spans in self.spans.values()
            for span in spans
            for place in range(span.start + 1, span.end - 1)
        }

    def joints(self) -> list[tuple[int, int]]:
        """Where two requests may meet: first token of the joint, and one past its last."""
        inside = self.inside()
        found, place = [], 0
        while place < len(self.tokens):
            ends = JOINT.ends(self.tokens, place)
            if ends and place and place not in inside:
                end = ends[0]
                while end < len(self.tokens) and (more := JOINT.ends(self.tokens, end)):
                    end = more[0]
                found.append((place, end))
                place = end
            else:
                if place and place not in inside and gap(self.tokens, place):
                    found.append((place, place))
                place += 1
        return found

    def guarded(self, a: int, b: int) -> bool:
        """A part that may turn the rest around, or that the gate can not look at."""
        return any(
            one.text == QUOTE
            or (one.text in GUARDS - DENYING and not (place and one.text in STATING))
            for place, one in enumerate(self.tokens[a:b])
        )

    def same_again(self, a: int, b: int, last: Recognition) -> tuple[Recognition, ...]:
        """ "... and the bedroom light": the same as before with another value."""
        names = {slot.name for slot in last.slots}
        spans = {
            name: [one for one in self.spans[name] if one.start >= a and one.end <= b]
            for name in names & self.spans.keys()
        }
        moved = [Span(s.start - a, s.end - a, s.value) for many in spans.values() for s in many]
        if not moved or not acts.is_bare(self.tokens[a:b], moved):
            return ()
        fresh = {
            name: self.slot(name, min(many, key=lambda one: one.cost))
            for name, many in spans.items()
            if many
        }
        slots = tuple(fresh.get(slot.name, slot) for slot in last.slots)
        return (Recognition(last.intent, slots, last.confidence * 0.95, last.stage),)

    def lacks(self, one: Recognition) -> frozenset[str]:
        """The slots that a request still needs."""
        return self.compiled.familiar[str(one.intent)].needs - {slot.name for slot in one.slots}

    def acts(self, one: Recognition) -> bool:
        """It calls a tool."""
        return self.compiled.familiar[str(one.intent)].acts

    def loose(self, found: Sequence[Recognition]) -> None:
        """Note free words that a template takes before its first word, or after its last one."""
        for one in found[:1]:
            told = self.told.get(str(one.intent), set())
            for slot in one.slots:
                if slot.name in self.compiled.texts and one.stage == "templates":
                    self._loose(one, slot, told)

    def _loose(self, one: Recognition, slot: Slot, told: set[int]) -> None:
        inside = [
            n for n, t in enumerate(self.tokens) if t.start >= slot.start and t.end <= slot.end
        ]
        if not inside or any(r.start <= inside[0] < r.end for r in self.remarks):
            return
        a, b = inside[0], inside[-1] + 1
        if a and self.tokens[a - 1].text in _CALLED and self.tokens[a].text not in _CALLED:
            return  # the song Never Mind, 一首算了吧
        leads = not any(place < a for place in told)
        beyond = self.tokens[b if leads and b < len(self.tokens) else a - 1]
        if leads or any(way.intent == one.intent for way in self.whole(0, a)):
            parted = beyond.mark and not (leads and beyond.text == ":")
            self.remarks.append(Remark(a, b, leads, parted, text=True))

    def whole(self, a: int, b: int) -> tuple[Recognition, ...]:
        """What fits a part without anything overlooked; told of to nobody."""
        told = {name: set(places) for name, places in self.told.items()}
        found = self.templates(a, b) if a < b else ()
        self.told = told
        return tuple(one for one in found if 1 - one.confidence <= SURE)

    def scores(self, a: int, b: int) -> Scores:
        """The classifier's scores for a part."""
        if self.compiled.classifier is None:
            return {}
        spans = {
            name: [
                Span(s.start - a, s.end - a, s.value, s.cost)
                for s in many
                if s.start >= a and s.end <= b and not unsaid(s.value)
            ]
            for name, many in self.spans.items()
            if name not in self.compiled.silent
        }
        text = self.text[self.tokens[a].start : self.tokens[b - 1].end]
        return self.compiled.classifier.scores(words_of(self.tokens[a:b], spans), text)

    def classified(self, a: int, b: int, *, sure: bool = False) -> tuple[Recognition, ...]:
        """What the classifier makes of a part; nothing when it is not sure enough."""
        classifier = self.compiled.classifier
        if classifier is None or any(one.text == QUOTE for one in self.tokens[a:b]):
            return ()
        scores = self.scores(a, b)
        intent, chance = next(iter(scores.items()))
        bar = max(classifier.threshold, SURE_GUESS) if sure else classifier.threshold
        if intent == ELSEWHERE or chance < bar:
            return ()
        slots = self.fill(intent, a, b)
        if not slots and self._bare(a, b):
            return ()  # values alone ask for nothing that has no use for them
        return (Recognition(intent, slots, chance, "classifier"),)

    def _bare(self, a: int, b: int) -> bool:
        """A part is nothing but values and small words."""
        inside = [
            Span(one.start - a, one.end - a, one.value)
            for many in self.spans.values()
            for one in many
            if one.start >= a and one.end <= b
        ]
        return acts.is_bare(self.tokens[a:b], inside)

    def fill(self, intent: str, a: int, b: int) -> tuple[Slot, ...]:
        """The slots of an intent, each with its cheapest value in a part; no word is used twice."""
        wanted = self.compiled.wanted[intent]
        every = sorted(
            (
                (span.cost, span.start - span.end, span.start, name, span)
                for name in wanted
                for span in self.spans.get(name, ())
                if span.start >= a and span.end <= b and not wide(span.value)
            ),
            key=lambda one: one[:4],
        )
        taken: set[int] = set()
        found: dict[str, Slot] = {}
        for *_, name, span in every:
            places = set(range(span.start, span.end))
            if name not in found and not places & taken:
                taken |= places
                found[name] = self.slot(name, span)
        return tuple(sorted(found.values(), key=lambda one: one.start))
