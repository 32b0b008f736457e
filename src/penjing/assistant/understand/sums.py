"""Sums in sentences: "3 plus 4", "15 percent of 80", 三加五, 2(3+4). Pure.

Only finds where one stands: its value is the words as they were said, and whoever calculates reads
them. A number alone is no sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.span import Moment, Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import Phrases

_BETWEEN = Phrases((
    "+", "-", "*", "/", "×", "÷", "^", "x", "plus", "minus", "times", "multiplied by", "over",
    "divided by", "to the power of", "percent of", "per cent of", "% of", "of", "加", "加上", "减",
    "减去", "乘", "乘以", "除以", "分之",
))  # fmt: skip
_BEFORE = Phrases(("(", "-", "√", "square root of", "the square root of", "half of", "a third of",
                   "a quarter of", "根号", "百分之"))  # fmt: skip
_BEHIND = Phrases(("%", "percent", "!", "squared", "cubed", "²", "³", ")", "的平方", "的立方"))
_OPERATORS_BEFORE = frozenset({"√", "square", "the", "half", "a", "根"})
_OPERATORS_BEHIND = frozenset({"!", "squared", "cubed", "²", "³", "的"})
_SIGNS = frozenset(".,+-*/^()×÷=")
_MOST = 60


def sums(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """All sums, each as long as it goes."""
    for at in range(len(tokens)):
        end = _whole(tokens, at)
        if end and not _goes_on(tokens, at - 1) and not _goes_on(tokens, end, -1):
            yield Span(at, end, None)


def _goes_on(tokens: Sequence[Token], at: int, side: int = 1) -> bool:
    """A sign right beside it: it is half of a sum."""
    if not 0 <= at < len(tokens):
        return False
    one, other = (tokens[at], tokens[at + 1]) if side > 0 else (tokens[at - 1], tokens[at])
    text = tokens[at].text
    sign = text in _SIGNS if side > 0 else text in _SIGNS - {"."} or text.isdecimal()
    return sign and one.end == other.start


def _whole(tokens: Sequence[Token], at: int) -> int:
    """Where the sum that begins at a token ends; 0 when none does."""
    open_, worked, last, begun = 0, False, 0, at
    for _ in range(_MOST):
        while at < len(tokens) and (ends := _BEFORE.ends(tokens, at)):
            open_ += tokens[at].text == "("
            worked |= tokens[at].text in _OPERATORS_BEFORE
            at = ends[0]
        number = number_at(tokens, at)
        if number is None or number.cost:
            break
        at = number.end
        while at < len(tokens) and (ends := _BEHIND.ends(tokens, at)):
            if tokens[at].text == ")" and not open_:
                break
            open_ -= tokens[at].text == ")"
            worked |= tokens[at].text in _OPERATORS_BEHIND
            at = ends[0]
        if not open_ and worked:
            last = at
        ends = _BETWEEN.ends(tokens, at) if at < len(tokens) else []
        if at < len(tokens) and tokens[at].text == "(":  # 2(3+4)
            worked = True
        elif ends:
            at, worked = ends[0], True
        else:
            break
    return last if last == at > begun else 0  # and not "3 plus 4 minus"
