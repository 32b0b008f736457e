"""A sentence said anew without what it takes back, and where its words stood. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from penjing.assistant.understand.reading import Reading
from penjing.assistant.understand.text import Token
from penjing.core.dialogue import Recognition, Slot


@dataclass(frozen=True)
class Retold:
    """Some tokens of a sentence as a sentence of their own, with the gaps that they had."""

    said: str
    """The sentence as it was said."""
    tokens: tuple[Token, ...]
    """Of it, those that are meant."""
    text: str
    """The sentence that they are."""
    starts: tuple[int, ...]
    """Where each of them begins in it."""

    def placed(self, found: Reading) -> Reading:
        """What was read in it, as read in what was said."""

        def moved(one: Recognition) -> Recognition:
            return replace(one, slots=tuple(map(self._slot, one.slots)))

        requests = tuple(tuple(map(moved, ways)) for ways in found.passed.requests)
        values = tuple(map(self._slot, found.passed.values))
        passed = replace(found.passed, requests=requests, values=values)
        return replace(found, text=self.said, own=self.said.strip(), passed=passed)

    def _slot(self, slot: Slot) -> Slot:
        """A value with the words that were said for it, what was taken back among them too."""
        own = [
            token
            for token, start in zip(self.tokens, self.starts, strict=True)
            if slot.start <= start < slot.end
        ]
        if not own:
            return slot
        start, end = min(one.start for one in own), max(one.end for one in own)
        return replace(slot, start=start, end=end, text=self.said[start:end])


def retold(said: str, tokens: Sequence[Token]) -> Retold:
    """These tokens of a sentence, in this order."""
    text, starts = "", list[int]()
    for place, one in enumerate(tokens):
        text += _gap(said, tokens[place - 1], one) if place else ""
        starts.append(len(text))
        text += said[one.start : one.end]
    return Retold(said, tuple(tokens), text, tuple(starts))


def _gap(said: str, last: Token, one: Token) -> str:
    """What stands between two tokens that may have stood elsewhere."""
    between = said[last.end : one.start]
    if one.start >= last.end and not between.strip():
        return between
    return "" if one.mark or (one.chinese and last.chinese) else " "
