"""Repetition under a grammar: a small model held to a form may write the same part for ever.

Where an answer has gone round in a circle, and another token is permitted, the one that would go
on with the circle is not chosen. Pure: knows tokens; must not know a grammar.
"""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST = 96
"""Tokens of a circle."""
_ROUNDS = 4
"""How often it must have been gone round."""
_LEAST = 48
"""Tokens that all rounds must have: short circles are gone round often, as in a list of zeros."""


def going_round(written: Sequence[int]) -> int | None:
    """The token that would begin another round; None where nothing repeats itself."""
    count = len(written)
    if count < _LEAST:
        return None
    last = written[-1]
    for length in range(1, min(_LONGEST, count // _ROUNDS) + 1):
        if written[-1 - length] != last:
            continue
        span = length * max(_ROUNDS, -(-_LEAST // length))
        if span <= count and _repeats(written[-span:], length):
            return written[-length]
    return None


def _repeats(tail: Sequence[int], length: int) -> bool:
    return list(tail[length:]) == list(tail[:-length])
