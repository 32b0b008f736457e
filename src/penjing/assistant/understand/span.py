"""A value read from some tokens; what every extractor gives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Generic, TypeVar, TypeVarTuple

from penjing.assistant.understand.text import Token


@dataclass(frozen=True)
class Span:
    """A value and the tokens it was read from."""

    start: int
    """First token."""
    end: int
    """One past the last."""
    value: Any
    """Plain data, canonical."""
    cost: float = 0.0
    """How far the words are from the value's own: 0 is exactly."""
    mended: tuple[tuple[int, str], ...] = ()
    """Words that were read for others: their places, and what they were read for."""


@dataclass(frozen=True)
class Moment:
    """When it is said: some values are relative to it."""

    now: datetime
    """In the person's own time zone."""


Extractor = Callable[[Sequence[Token], Moment], Iterable[Span]]
"""All values of a kind in a sentence, overlapping ones too."""


def meaning(token: Token, table: Mapping[str, Any]) -> tuple[Any, float] | None:
    """What a token means in a table of words, typing errors allowed for."""
    if token.text in table:
        return table[token.text], 0.0
    for text, cost in token.fixes:
        if text in table:
            return table[text], cost
    return None


def phrase(tokens: Sequence[Token], at: int, words: Sequence[str]) -> float | None:
    """What it costs to read `words` from token `at` on; None when they do not stand there."""
    if at + len(words) > len(tokens):
        return None
    if tokens[at].text != words[0] and not tokens[at].fixes:
        return None  # most of the time, and this is asked everywhere
    total = 0.0
    for token, word in zip(tokens[at:], words, strict=False):
        found = meaning(token, {word: True})
        if found is None:
            return None
        total += found[1]
    return total


T = TypeVar("T")
Rest = TypeVarTuple("Rest")
_REMEMBERED = 16
"""Readings of each reader: one sentence, its parts, and what is left of it."""


def remembered(
    read: Callable[[Sequence[Token], *Rest], Iterable[T]],
) -> Callable[[Sequence[Token], *Rest], tuple[T, ...]]:
    """A reader that knows what it read last: a sentence is asked for its times, say, by its slots,
    by the gate and by what may be put off."""

    @functools.lru_cache(maxsize=_REMEMBERED)
    def kept(tokens: tuple[Token, ...], *rest: Any) -> tuple[T, ...]:
        return tuple(read(tokens, *rest))

    @functools.wraps(read)
    def again(tokens: Sequence[Token], /, *rest: *Rest) -> tuple[T, ...]:
        return kept(tuple(tokens), *rest)

    return again


def split(words: str) -> tuple[str, ...]:
    """The words of a phrase, the characters of a Chinese one."""
    return tuple(words.split() if words.isascii() else words)


class PhraseTable(Generic[T]):
    """PhraseTable and what each means, found by their first words."""

    def __init__(self, *many: tuple[str, T]) -> None:
        self._firsts: dict[str, list[tuple[int, tuple[str, ...], T]]] = {}
        for order, (words, means) in enumerate(many):
            parts = split(words)
            self._firsts.setdefault(parts[0], []).append((order, parts, means))

    def read(self, tokens: Sequence[Token], at: int) -> Iterator[tuple[int, T, float]]:
        """All that are said from token `at` on, in their order: past the last token, what is meant
        and what that costs."""
        token = tokens[at]
        firsts = {token.text, *(text for text, _ in token.fixes)} if token.fixes else {token.text}
        told = [one for first in firsts for one in self._firsts.get(first, ())]
        for _, parts, means in sorted(told, key=itemgetter(0)) if len(told) > 1 else told:
            if (cost := phrase(tokens, at, parts)) is not None:
                yield at + len(parts), means, cost
