"""Sums in sentences: "3 plus 4", "15 percent of 80", 三加五, 2(3+4), "take 3 from 9". Pure.

Prices too: "four tickets at 65 each", 三十六块五加十二块.

Only finds where one stands: its value is the words as they were said, but for operators that were
misspelt, and whoever calculates reads them. A number alone is no sum.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.span import Moment, Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.told_sums import told
from penjing.assistant.understand.words import Phrases

_BETWEEN = Phrases((
    "+", "-", "*", "/", "×", "÷", "^", "x", "plus", "minus", "times", "multiplied by", "over",
    "divided by", "to the power of", "percent of", "per cent of", "% of", "of", "加", "加上", "减",
    "减去", "乘", "乘以", "除以", "分之", "take away", "再加", "再加上", "再减", "再减去", "再乘",
    "再乘以", "再除以", "的百分之", "里减", "里减去", "里面减去", "里头减去", "里去掉", "里面去掉",
    "里头去掉", "里扣掉", "里面扣掉", "里头扣掉", "里拿走", "里面拿走", "里头拿走",
))  # fmt: skip
WORDS = frozenset({"plus", "minus", "times", "divided", "multiplied", "percent"})
"""English words that may stand in a sum: a word near to them is misspelt."""
_FROM = {"take": ("from",), "subtract": ("from",), "deduct": ("from",), "add": ("and", "to"),
         "multiply": ("by",), "divide": ("by",), "split": ("by", "between", "among"),
         "share": ("by", "between", "among")}  # fmt: skip
"""Verbs of a sum, and what stands between its two numbers."""
_BARE = {"hundred": ("a hundred", 100), "thousand": ("a thousand", 1000),
         "million": ("a million", 1_000_000)}  # fmt: skip
"""Said without their "a"."""
_WITH_A = dict(_BARE.values())
_EACH = Phrases(("each", "apiece", "a piece", "per head", "per person", "per piece"))
_AT = frozenset({"at", "for"})
_COUNTERS = frozenset("个张件杯斤只本瓶份箱盒条双块支串袋位盘包")
_MONEY = frozenset(
    {"块", "元", "钱", "毛", "角", "dollars", "dollar", "euros", "euro", "bucks", "quid"}
)
_CURRENCY = frozenset({"pounds", "pound", "pence"})
"""Beside a price: elsewhere they may be weighed."""
_BEFORE = Phrases(("(", "-", "$", "£", "€", "¥", "从",
                   "√", "square root of", "the square root of", "half of", "a third of",
                   "a quarter of", "根号", "百分之"))  # fmt: skip
_BEHIND = Phrases(("%", "percent", "!", "squared", "cubed", "²", "³", ")", "的平方", "的立方",
                   "的平方根"))  # fmt: skip
_OPERATORS_BEFORE = frozenset({"√", "square", "the", "half", "a", "根"})
_OPERATORS_BEHIND = frozenset({"!", "squared", "cubed", "²", "³", "的"})
_SIGNS = frozenset(".,+-*/^()×÷=")
_MOST = 60


def sums(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """All sums, each as long as it goes; "twelve fifty" is a price in one."""
    yield from _sums(tokens)
    priced, starts = _prices(tokens)
    for one in _sums(priced) if len(priced) < len(tokens) else ():
        said = priced[one.start : one.end]
        if any("." in token.text for token in said):
            value = one.value or " ".join(token.text for token in said)
            yield Span(starts[one.start], starts[one.end], value)


def _prices(tokens: Sequence[Token]) -> tuple[list[Token], list[int]]:
    """The same with a token for each price, its money left out, and where each began."""
    found, starts, at = list[Token](), list[int](), 0
    while at < len(tokens):
        whole, begin = number_at(tokens, at), at
        part = number_at(tokens, whole.end) if whole and tokens[at].text.isalpha() else None
        token, at = tokens[at], at + 1
        if whole and part and _is_price(whole, part, tokens):
            token, at = replace(token, text=f"{whole.value}.{part.value}", fixes=()), part.end
        found.append(token)
        starts.append(begin)
        if whole:
            at += at < len(tokens) and tokens[at].text in _CURRENCY
    return found, [*starts, len(tokens)]


def _is_price(whole: Span, part: Span, tokens: Sequence[Token]) -> bool:
    said = tokens[whole.start : part.end]
    plain = all(one.text.isalpha() and not one.chinese for one in said)
    return plain and not (whole.cost or part.cost) and 10 <= part.value <= 99 and whole.value > 0


def _sums(tokens: Sequence[Token]) -> Iterable[Span]:
    read = [_spelt(tokens, at) for at in range(len(tokens))]
    for at in range(len(read)):
        end = _whole(read, at) or _told(read, at) or _at_a_price(read, at)
        story = told(read, at)
        if story is not None and story[0] > end and not _goes_on(read, story[0], -1):
            yield Span(at, *story)
        elif end and not _goes_on(read, at - 1) and not _goes_on(read, end, -1):
            mended = any(a is not b for a, b in zip(read[at:end], tokens[at:end], strict=True))
            said = " ".join(one.text for one in read[at:end]) if mended else None
            yield Span(at, end, said or _simplified(read[at:end]))


def _simplified(tokens: Sequence[Token]) -> str | None:
    """A Chinese sum in Simplified characters: 一萬二嘅一半 as 一万二的一半; None for others."""
    if not any(one.chinese for one in tokens):
        return None
    gaps = (" " * (b.start > a.end) for a, b in itertools.pairwise(tokens))
    return "".join(one.text + gap for one, gap in zip(tokens, [*gaps, ""], strict=True))


def _spelt(tokens: Sequence[Token], at: int) -> Token:
    """A misspelt operator between two numbers as it was meant; "a" before a bare "thousand"."""
    token = tokens[at]
    if token.text in _BARE and number_at(tokens, at) is None and not _behind_one(tokens, at):
        return replace(token, text=_BARE[token.text][0])
    meant = next((one for one, _ in token.fixes if one in WORDS), None)
    if meant is None or not 0 < at < len(tokens) - 1 or number_at(tokens, at - 1) is None:
        return token
    behind = tokens[at + 1].text in ("by", "of") or number_at(tokens, at + 1) is not None
    return replace(token, text=meant, fixes=()) if behind else token


def _behind_one(tokens: Sequence[Token], at: int) -> bool:
    return at > 0 and (tokens[at - 1].text == "a" or number_at(tokens, at - 1) is not None)


def _number(tokens: Sequence[Token], at: int) -> Span | None:
    """A number; what begins with a bare "thousand" is that."""
    if at < len(tokens) and tokens[at].text in _WITH_A:
        return Span(at, at + 1, _WITH_A[tokens[at].text])
    return number_at(tokens, at)


def _told(tokens: Sequence[Token], at: int) -> int:
    """ "Take 17 away from 102", "divide 48 by 6": where it ends."""
    first = number_at(tokens, at + 1) if tokens[at].text in _FROM else None
    if first is None or first.cost:
        return 0
    end = first.end + (first.end < len(tokens) and tokens[first.end].text == "away")
    if end >= len(tokens) or tokens[end].text not in _FROM[tokens[at].text]:
        return 0
    second = number_at(tokens, end + 1)
    return second.end if second is not None and not second.cost else 0


def _at_a_price(tokens: Sequence[Token], at: int) -> int:
    """ "Four tickets at 65 each", 四张票一张六十五: where it ends."""
    many = number_at(tokens, at)
    if many is None or many.cost or many.end >= len(tokens):
        return 0
    chinese = tokens[many.end].text in _COUNTERS
    for place in range(many.end + 1, min(many.end + 7, len(tokens) - 1)):
        if chinese and tokens[place].text in "一每" and tokens[place + 1].text in _COUNTERS:
            price = number_at(tokens, place + 2)
            return _paid(tokens, price.end) if price is not None and not price.cost else 0
        if not chinese and tokens[place].text in _AT:
            price = number_at(tokens, place + 1)
            ends = _EACH.ends(tokens, price.end) if price and price.end < len(tokens) else []
            return ends[0] if ends else 0
    return 0


def _paid(tokens: Sequence[Token], at: int) -> int:
    """Past the money behind a number, and the small change: 36块5, 三十六块五."""
    while at < len(tokens) and tokens[at].text in _MONEY:
        at += 1
        change = (
            number_at(tokens, at)
            if at < len(tokens) and tokens[at - 1].text in ("块", "元", "毛", "角")
            else None
        )
        if change is not None and change.end == at + 1 and 0 < change.value < 10:
            at = change.end
    return at


def _goes_on(tokens: Sequence[Token], at: int, side: int = 1) -> bool:
    """A sign right beside it: it is half of a sum."""
    if not 0 <= at < len(tokens):
        return False
    one, other = (tokens[at], tokens[at + 1]) if side > 0 else (tokens[at - 1], tokens[at])
    text = tokens[at].text
    if side < 0 and text == ",":  # of a number, and not "..., please"
        touches = at + 1 < len(tokens) and tokens[at + 1].start == tokens[at].end
        return touches and tokens[at + 1].text[0].isdecimal()
    if side > 0 and text == "," and not (at and tokens[at - 1].text[0].isdecimal()):
        return False  # 算算账，58加72
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
        number = _number(tokens, at)
        if number is None or number.cost:
            break
        at = _paid(tokens, number.end)
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
