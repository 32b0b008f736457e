"""Numbers in digits and in words: English ("one hundred and five") and Chinese (三十五).

Pure; a number is read from a place in the tokens as far as it goes.
"""

from __future__ import annotations

from collections.abc import Sequence

from penjing.assistant.understand.span import Span, meaning
from penjing.assistant.understand.text import Token

UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9,
}  # fmt: skip
TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
DIGITS_ZH = {
    "零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7,
    "八": 8, "九": 9,
}  # fmt: skip
SCALES_ZH = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_SMALL = UNITS | TEENS | TENS
WORDS = frozenset({*_SMALL, *SCALES, "half", "quarter", "quarters", "point", "minus"})
"""English words that may stand in a number."""


def number_at(tokens: Sequence[Token], at: int) -> Span | None:
    """The longest number that begins at a token."""
    if at >= len(tokens):
        return None
    token = tokens[at]
    if meaning(token, {"minus": 1, "负": 1}) is not None or token.text == "-":
        rest = number_at(tokens, at + 1) if at + 1 < len(tokens) else None
        near = rest is not None and (token.text != "-" or tokens[at + 1].start == token.end)
        return Span(at, rest.end, -rest.value, rest.cost) if rest and near else None
    if token.text[0].isdigit():
        if ":" in token.text:
            return None
        return _scaled(tokens, at, float(token.text), at + 1)
    if token.text in DIGITS_ZH or token.text in SCALES_ZH:
        return _chinese(tokens, at)
    return _english(tokens, at)


def _scaled(tokens: Sequence[Token], at: int, value: float, end: int) -> Span:
    if end < len(tokens) and tokens[end].text in ("万", "thousand"):
        value, end = value * (10_000 if tokens[end].text == "万" else 1000), end + 1
    return Span(at, end, _plain(value))


def _chinese(tokens: Sequence[Token], at: int) -> Span | None:
    total = section = 0
    digit: int | None = None
    digits: list[int] = []
    scaled = False
    end = at
    while end < len(tokens):
        char = tokens[end].text
        if char in DIGITS_ZH:
            digit = DIGITS_ZH[char]
            digits.append(digit)
        elif char in SCALES_ZH:
            scale, scaled = SCALES_ZH[char], True
            if scale == 10_000:
                total, section = total + (section + (digit or 0)) * scale, 0
            else:
                section += (1 if digit is None else digit) * scale
            digit = None
        else:
            break
        end += 1
    if not scaled:  # 二三五: read one by one
        value = float(int("".join(str(one) for one in digits)))
    else:
        value = float(total + section + (digit or 0))
    if end + 1 < len(tokens) and tokens[end].text == "点" and tokens[end + 1].text in DIGITS_ZH:
        fraction = end + 1
        while fraction < len(tokens) and tokens[fraction].text in DIGITS_ZH:
            fraction += 1
        if fraction >= len(tokens) or tokens[fraction].text in ("度", "个", "倍", "成"):
            tail = "".join(str(DIGITS_ZH[one.text]) for one in tokens[end + 1 : fraction])
            value, end = float(f"{value:.0f}.{tail}"), fraction
    return Span(at, end, _plain(value))


def _english(tokens: Sequence[Token], at: int) -> Span | None:
    total = current = 0.0
    cost, end, last = 0.0, at, ""
    while end < len(tokens):
        found = meaning(tokens[end], _SMALL)
        scale = meaning(tokens[end], SCALES)
        if found is not None and _follows(last, found[0]):
            current += found[0]
            last = "tens" if found[0] >= 20 else "small"
            cost, end = cost + found[1], end + 1
        elif scale is not None and last in ("small", "tens"):
            current *= scale[0]
            if scale[0] >= 1000:
                total, current = total + current, 0.0
            cost, end, last = cost + scale[1], end + 1, "scale"
        elif tokens[end].text == "-" and last == "tens":
            end += 1
        elif tokens[end].text == "and" and last == "scale" and end + 1 < len(tokens):
            if meaning(tokens[end + 1], _SMALL) is None:
                break
            end += 1
        else:
            break
    while end > at and tokens[end - 1].text == "-":
        end -= 1
    if end == at:
        return _article(tokens, at)
    return Span(at, end, _plain(total + current), cost)


def _follows(last: str, value: int) -> bool:
    """ "twenty five" is one number, "seven thirty" are two."""
    return last in ("", "scale") or (last == "tens" and 0 < value < 10)


def _article(tokens: Sequence[Token], at: int) -> Span | None:
    """ "a hundred"."""
    if tokens[at].text == "a" and at + 1 < len(tokens):
        scale = meaning(tokens[at + 1], SCALES)
        if scale is not None:
            rest = (
                number_at(tokens, at + 3)
                if at + 2 < len(tokens) and (tokens[at + 2].text == "and")
                else None
            )
            if rest is not None and rest.value < scale[0]:
                return Span(at, rest.end, scale[0] + rest.value, scale[1] + rest.cost)
            return Span(at, at + 2, scale[0], scale[1])
    return None


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value
