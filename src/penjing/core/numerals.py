"""Numbers in words: Chinese (三百二十一, 一百二, 三点一四), English ("two hundred and five").

Pure; whoever reads sentences and whoever computes share it. About so many (两三, 十七八) is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
TWENTIES = {"廿": "二十", "卅": "三十"}
"""One character for two."""
CHARACTERS = "".join(DIGITS) + "".join(SCALES) + "".join(TWENTIES) + "点"

SMALL: Mapping[str, int] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS: Mapping[str, int] = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
BIG: Mapping[str, int] = {
    "hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000,
}  # fmt: skip
PARTS: Mapping[tuple[str, ...], Fraction] = {
    ("and", "a", "half"): Fraction(1, 2), ("and", "a", "quarter"): Fraction(1, 4),
    ("and", "three", "quarters"): Fraction(3, 4), ("and", "one", "half"): Fraction(1, 2),
    ("and", "one", "quarter"): Fraction(1, 4), ("and", "a", "third"): Fraction(1, 3),
}  # fmt: skip
"""What may stand behind a whole number."""
ORDINALS: Mapping[str, int] = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13,
    "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18,
    "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip


@dataclass(frozen=True)
class Words:
    """A number at the beginning of some words."""

    value: Fraction
    used: int
    """How many words it takes."""


def read(text: str) -> Fraction:
    """The number that a run of Chinese numerals means. Raises ValueError."""
    for short, plain in TWENTIES.items():
        text = text.replace(short, plain)
    whole, dot, part = text.partition("点")
    value = Fraction(_whole(whole))
    if dot:
        tail = part.rstrip("".join(SCALES))
        if not tail or any(char not in DIGITS for char in tail):
            raise ValueError(text)
        value += Fraction(int("".join(str(DIGITS[char]) for char in tail)), 10 ** len(tail))
        for scale in part[len(tail) :]:
            value *= SCALES[scale]
    return value


def _whole(text: str) -> int:
    if not text:
        raise ValueError(text)
    if all(char in DIGITS for char in text):  # read digit by digit: 二零二六
        if _about(text):
            raise ValueError(text)
        return int("".join(str(DIGITS[char]) for char in text))
    for scale in ("亿", "万"):
        high, found, low = text.rpartition(scale)
        if found:
            rest = _rest(low, SCALES[scale]) if low.strip("零〇") else 0
            return (_whole(high) if high else 1) * SCALES[scale] + rest
    return _below_ten_thousand(text)


def _rest(text: str, scale: int) -> int:
    """What stands behind 万 or 亿: a single digit is of the next smaller place, as in 三万五."""
    if len(text) == 1 and text in DIGITS:
        return DIGITS[text] * scale // 10
    return _whole(text.lstrip("零〇"))


def _about(digits: str) -> bool:
    """两三: two or three."""
    if len(digits) != 2:
        return False
    first, second = (DIGITS[one] for one in digits)
    return first > 0 and (second == first + 1 or digits == "三五")


def _below_ten_thousand(text: str) -> int:
    total, digit, last = 0, None, 10_000
    for char in text:
        if char in DIGITS:
            if digit:
                raise ValueError(text)
            digit = DIGITS[char]
        else:
            scale = SCALES[char]
            if scale >= last:
                raise ValueError(text)
            total += (1 if digit is None else digit) * scale
            digit, last = None, scale
    if digit and text[-2] in SCALES:  # 一百二 is 120, 二十二 is 22
        digit *= SCALES[text[-2]] // 10
    return total + (digit or 0)


def english(words: Sequence[str]) -> Words | None:
    """The longest number that some English words begin with; "-" may join two of them."""
    total = current = 0
    at, last, starts = 0, "", ("", "hundred", "big")
    if len(words) > 1 and words[0] == "a" and words[1] in BIG:
        current, at, last = 1, 1, "small"
    while at < len(words):
        word = words[at]
        if word in TENS and last in starts:
            current, last = current + TENS[word], "tens"
        elif word in SMALL and (last in starts or (last == "tens" and 0 < SMALL[word] < 10)):
            current, last = current + SMALL[word], "small"
        elif word == "hundred" and last == "small" and 0 < current < 100:
            current, last = current * 100, "hundred"
        elif word in BIG and word != "hundred" and current:
            total, current, last = total + current * BIG[word], 0, "big"
        elif not _joins(words, at, last):
            break
        at += 1
    if at == 0 and not (words and words[0] == "point"):
        return None
    return _with_parts(Fraction(total + current), words, at)


def _joins(words: Sequence[str], at: int, last: str) -> bool:
    """ "hundred and five", "twenty-five"."""
    if at + 1 >= len(words):
        return False
    after = words[at + 1]
    if words[at] == "and":
        # "two thousand and five" is one number; "three hundred and a half" is told elsewhere
        return last in ("hundred", "big") and (after in SMALL or after in TENS)
    return words[at] == "-" and last == "tens" and 0 < SMALL.get(after, 0) < 10


def _with_parts(value: Fraction, words: Sequence[str], at: int) -> Words | None:
    """With "point five" or "and a half" behind it."""
    if at < len(words) and words[at] == "point":
        end = at + 1
        while end < len(words) and SMALL.get(words[end], 10) < 10:
            end += 1
        if end > at + 1:
            digits = "".join(str(SMALL[one]) for one in words[at + 1 : end])
            return Words(value + Fraction(int(digits), 10 ** len(digits)), end)
        return Words(value, at) if at else None
    for part, more in PARTS.items():
        if tuple(words[at : at + len(part)]) == part:
            return Words(value + more, at + len(part))
    return Words(value, at)
