"""Home Assistant's sentences found in what was said: their intent, slots, and which words told.

Of several readings the cheapest counts, and of equally cheap ones the one that names a thing with
the longest name, takes the fewest free words and has most words of the sentence itself, as hassil
chooses; then the one that says most. Where something was mended and two readings that mean
different things remain, none counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.assistant.understand.house import House, Said
from penjing.assistant.understand.languages import Language
from penjing.assistant.understand.match import Manner, Match, Slots, matches
from penjing.assistant.understand.packaged import Block, Packaged
from penjing.assistant.understand.phrasebook import Phrasebook, Ranged
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.spelling import Spelling
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.walk import Way

MAX_WORDS = 60
"""Of a sentence that is looked at."""
_MOST = 0.8
_MENDED = 0.1
"""What costs more was mended."""
_FIXES = 12
_KEPT = 100
_ENOUGH = 4
"""Chinese characters of a sentence in which one may be wrong."""
_DOUBT = 0.5
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Meant:
    """What a sentence means."""

    intent: str
    """Theirs."""
    slots: Mapping[str, Any]
    """By their names; free text as it was said."""
    places: Mapping[str, tuple[int, int]]
    """Of slots that were said: first token and one past the last."""
    told: frozenset[int]
    """Tokens that the sentence has itself."""
    cost: float
    """0 is word for word."""


class Recogniser:
    """One language's packaged sentences and one house. Safe to use from several threads."""

    def __init__(self, packaged: Packaged, language: Language, house: House) -> None:
        self._packaged, self._language = packaged, language
        self._books: dict[str, Phrasebook | Ranged] = {
            **packaged.lists, **house.books()
        }  # fmt: skip
        words = set(packaged.walk.vocabulary) | language.words
        for name, book in self._books.items():
            if isinstance(book, Phrasebook):
                words |= book.walk.vocabulary
                endings = packaged.endings.get(name, frozenset())
                words |= {word + one for word in book.walk.vocabulary for one in endings}
        self._known = frozenset(words)
        self._spelling = Spelling(self._known, _FIXES)

    def fixed(self, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Tokens with what they may have been meant to be."""
        return tuple(
            one
            if one.text in self._known or one.mark
            else Token(one.text, one.start, one.end, self._spelling.fixes(one.text))
            for one in tokens
        )

    def meant(
        self, text: str, tokens: Sequence[Token], context: Mapping[str, Any] = {}
    ) -> Meant | None:
        """What a sentence means; `tokens` are those of `fixed`. None when it is none of theirs, or
        when it may mean several things after mending."""
        if not 0 < len(tokens) <= MAX_WORDS:
            return None
        packaged = self._packaged

        def accepts(number: int, slots: Slots) -> bool:
            return packaged.blocks[number].holds(_context(context, slots))

        manner = Manner(
            packaged.fillers,
            most=_MOST,
            overlooks=False,
            garbles=sum(one.chinese for one in tokens) >= _ENOUGH,
            doubt=_DOUBT,
            whole=True,
            kept=_KEPT,
            accepts=accepts,
        )
        lists = _Lists(self._books, self._language, tokens)
        found = matches(packaged.walk, tokens, lists, packaged.texts, manner)
        if not found:
            return None
        ranked = sorted(found, key=lambda one: self._rank(one, tokens))
        first = self._meaning(ranked[0], text, tokens, context)
        if first.cost <= _MENDED:
            free = any(slot in packaged.texts for slot, _ in ranked[0].slots)
            if free and manner.garbles and matches(packaged.walk, tokens, lists, _NONE, manner):
                return None  # free words that may be a garbled room or time
            return first
        mended: dict[object, Meant] = {}  # the best reading of each sentence that may be meant
        for match in ranked:
            if match.mended not in mended:
                mended[match.mended] = self._meaning(match, text, tokens, context)
        for one in mended.values():
            alike = (one.intent, one.slots) == (first.intent, first.slots)
            if not alike and one.cost < first.cost + _MENDED:
                return None
        return first

    def _rank(self, match: Match, tokens: Sequence[Token]) -> tuple[Any, ...]:
        texts = self._packaged.texts
        named = max(
            (
                tokens[span.end - 1].end - tokens[span.start].start
                for slot, span in match.slots
                if slot.partition(":")[2] == "name" and slot not in texts
            ),
            default=0,
        )
        free = [span for slot, span in match.slots if slot in texts]
        literal = sum(len(one.text) for n, one in enumerate(tokens) if match.literal >> n & 1)
        block = self._packaged.blocks[match.template]
        return (
            round(match.cost - sum(one.cost for one in free), 1),
            -named,
            len(free),
            -literal,
            sum(one.end - one.start for one in free),
            -len(block.requires),
            -len(block.slots.keys() | {slot.partition(":")[2] for slot, _ in match.slots}),
            match.template,
        )

    def _meaning(
        self, match: Match, text: str, tokens: Sequence[Token], given: Mapping[str, Any]
    ) -> Meant:
        block: Block = self._packaged.blocks[match.template]
        slots: dict[str, Any] = dict(block.slots)
        slots |= block.taken(_context(given, match.slots))
        places: dict[str, tuple[int, int]] = {}
        free = 0.0
        for slot, span in match.slots:
            name = slot.partition(":")[2]
            value = span.value
            if isinstance(value, Said):
                value = value.value
            elif slot in self._packaged.texts:
                free += span.cost
                value = text[tokens[span.start].start : tokens[span.end - 1].end]
            slots[name], places[name] = value, (span.start, span.end)
        told = frozenset(n for n in range(len(tokens)) if match.literal >> n & 1)
        cost = match.cost - free
        return Meant(block.intent, slots, places, told, cost if match.mended else 0.0)


def _context(given: Mapping[str, Any], slots: Slots) -> dict[str, Any]:
    context = dict(given)
    for _, span in slots:
        if isinstance(span.value, Said):
            context |= span.value.context
    return context


class _Lists:
    """What lists may be at places of one sentence, looked up when a walk asks."""

    def __init__(
        self,
        books: Mapping[str, Phrasebook | Ranged],
        language: Language,
        tokens: Sequence[Token],
    ) -> None:
        self._books, self._language, self._tokens = books, language, tokens
        self._kept: dict[tuple[str, str, int], list[Span]] = {}

    def __call__(self, way: Way, place: int) -> Sequence[Span]:
        name = way.slot.partition(":")[0]
        key = (name, way.ending, place)
        found = self._kept.get(key)
        if found is None:
            book = self._books.get(name)
            if isinstance(book, Phrasebook):
                found = list(book.spans(self._tokens, place, way.ending))
            elif book is not None:
                found = list(book.spans(self._tokens, place, way.ending, self._language))
            else:
                found = []
            self._kept[key] = found
        return found
