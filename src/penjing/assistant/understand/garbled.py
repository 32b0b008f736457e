"""One wrong, missing or misplaced Chinese character, as input methods and speech make them. Pure.

What turns a sentence around (别, 不, 没) is never taken for an error, nor is a number. Which
character was meant is not guessed: all that would do are ways on, and who walks them refuses when
they lead to different things.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from penjing.assistant.understand.text import Token
from penjing.assistant.understand.walk import Node
from penjing.assistant.understand.words import GUARDS
from penjing.core.numerals import DIGITS, SCALES

GARBLED_COST = 0.6
_NUMBERS = DIGITS.keys() | SCALES.keys() | {"半"}
_TURNING = frozenset("不别没未勿莫否除若如")
"""What is never read into a sentence."""
_FIRST, _LAST = "\u3400", "\u9fff"


class Garbled(NamedTuple):
    """A way on that takes one character for an error."""

    after: Node
    place: int
    cost: float
    literal: int
    """Characters of the sentence that are used: a bit for each place."""
    mended: tuple[tuple[int, str], ...]
    """What was read for what: see `Span.mended`."""


def garbled(tokens: Sequence[Token], place: int, node: Node) -> Iterator[Garbled]:
    """The ways on from a place where one character is wrong, missing or misplaced."""
    token = tokens[place]
    if not token.chinese or token.text in _NUMBERS:
        return
    following = tokens[place + 1] if place + 1 < len(tokens) else None
    if following is not None and following.chinese and following.text not in _NUMBERS:
        first = node.after(following.text) if following.text != token.text else None
        after = first.after(token.text) if first is not None else None
        if after is not None:
            swapped = ((place, following.text), (place + 1, token.text))
            yield Garbled(after, place + 2, GARBLED_COST, 3 << place, swapped)
    for label in node.labels:
        if len(label) == 1 and _FIRST <= label <= _LAST and label not in _NUMBERS | _TURNING:
            after = node.after(label)
            if after is None:
                continue
            if label != token.text and token.text not in GUARDS and _goes_on(after, following):
                yield Garbled(after, place + 1, GARBLED_COST, 1 << place, ((place, label),))
            if after.ways or after.after(token.text) is not None:
                missing = ((place, label + token.text),)
                yield Garbled(after, place, GARBLED_COST, 0, missing)


def _goes_on(node: Node, following: Token | None) -> bool:
    """One error only: what follows must be right."""
    return bool(node.ends or node.ways) or (
        following is not None and (following.mark or node.after(following.text) is not None)
    )
